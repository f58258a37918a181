// Command cut makes a release of the template, as it is now:
//
//	go run ./internal/release/cut v0.2.0
//
// It writes into the directory releases what the release says of itself, its
// files, and the digests of what is rendered of it. The newest release can be
// cut again.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/ouroboros-forge/forge/internal/release"
	"github.com/ouroboros-forge/forge/internal/release/gate"
	"github.com/ouroboros-forge/forge/template"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./internal/release/cut VERSION")
		os.Exit(2)
	}
	if err := cut(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "cut:", err)
		os.Exit(1)
	}
}

func cut(version string) error {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output() //nolint:noctx // it takes no time
	if err != nil {
		return err
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "releases")
	if err := release.Cut(dir, version, template.FS); err != nil {
		return err
	}
	digests, err := gate.Digests(template.FS, version)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, version+".sum"), []byte(digests), 0o644); err != nil { //nolint:gosec // it is for everybody to read
		return err
	}
	archive, err := release.NewArchive(os.DirFS(dir))
	if err != nil {
		return err
	}
	files, meta, err := archive.Open(version)
	if err != nil {
		return err
	}
	notes, err := gate.Undeclared(archive, files, meta)
	fmt.Printf("%s is cut; commit the directory releases with the template\n", version)
	for _, note := range notes {
		fmt.Println("look:", note)
	}
	return err
}
