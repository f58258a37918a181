// Package release has the released templates, each as it was. They are in the
// directory releases, content-addressed: a release says what it is in
// VERSION.yaml and names its tree by a sum; the trees and the files of all
// releases are in one compressed store, each once.
//
// A release is rendered by the present renderer. What proves that it still gives
// what it gave is the digests in VERSION.sum, which a test compares.
package release

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/mod/semver"
	"golang.org/x/tools/txtar"

	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/strictyaml"
	"github.com/ouroboros-forge/forge/releases"
)

// Meta is what a release says of itself.
type Meta struct {
	Version string `yaml:"version"`
	Schema  int    `yaml:"schema"` // of the answers, as in project.Schema
	Tree    string `yaml:"tree"`   // sum of the list of its files

	Changes `yaml:",inline"`
}

// Changes are what a release changes that no difference of files tells.
type Changes struct {
	Renames    []Rename    `yaml:"renames"`
	Interfaces []Interface `yaml:"interfaces"`
}

// Rename is a managed file that has another name than in the release before.
type Rename struct {
	From string `yaml:"from"`
	To   string `yaml:"to"`
}

// Interface is a name that user's code implements or calls, and that changed.
type Interface struct {
	Symbol  string   `yaml:"symbol"`            // a package's path in the project, a dot, and the name there
	Methods []string `yaml:"methods,omitempty"` // those that implement it
	Change  string   `yaml:"change"`            // what to do, as a sentence
}

// The files beside the store.
const (
	storeFile = "store.gz"
	nextFile  = "next.yaml"
)

// Archive is a directory of releases.
type Archive struct {
	metas []Meta // oldest first
	next  Changes
	blobs func() (map[string][]byte, error)
}

// Embedded returns the releases that forge has in it.
func Embedded() (*Archive, error) { return NewArchive(releases.FS) }

// NewArchive reads what the releases in a directory say of themselves.
func NewArchive(dir fs.FS) (*Archive, error) {
	a := &Archive{blobs: sync.OnceValues(func() (map[string][]byte, error) { return unpack(dir) })}
	names, err := fs.Glob(dir, "*.yaml")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		var into any = &a.next
		var meta Meta
		if name != nextFile {
			into = &meta
		}
		if err := strictyaml.Decode(text, into); err != nil {
			return nil, fmt.Errorf("releases: %s: %w", name, err)
		}
		if name == nextFile {
			continue
		}
		if name != meta.Version+".yaml" {
			return nil, fmt.Errorf("releases: %s has the version %q", name, meta.Version)
		}
		a.metas = append(a.metas, meta)
	}
	slices.SortFunc(a.metas, func(x, y Meta) int { return semver.Compare(x.Version, y.Version) })
	return a, nil
}

// Versions returns the versions of the releases, oldest first.
func (a *Archive) Versions() []string {
	var all []string
	for _, m := range a.metas {
		all = append(all, m.Version)
	}
	return all
}

// Latest returns the newest version, "" if there is none.
func (a *Archive) Latest() string {
	if len(a.metas) == 0 {
		return ""
	}
	return a.metas[len(a.metas)-1].Version
}

// Meta returns what a release says of itself.
func (a *Archive) Meta(version string) (Meta, bool) {
	i := slices.IndexFunc(a.metas, func(m Meta) bool { return m.Version == version })
	if i < 0 {
		return Meta{}, false
	}
	return a.metas[i], true
}

// Next returns what is declared for the release after the last one.
func (a *Archive) Next() Changes { return a.next }

// Between returns what the releases after one and up to another declare, in
// order. To be after from they must be of a higher version; an upto that is no
// release has all of them before it, and what is declared for the next.
func (a *Archive) Between(from, upto string) Changes {
	var all Changes
	add := func(c Changes) {
		all.Renames = append(all.Renames, c.Renames...)
		all.Interfaces = append(all.Interfaces, c.Interfaces...)
	}
	_, isRelease := a.Meta(upto)
	for _, m := range a.metas {
		if semver.Compare(m.Version, from) > 0 && (!isRelease || semver.Compare(m.Version, upto) <= 0) {
			add(m.Changes)
		}
	}
	if !isRelease {
		add(a.next)
	}
	return all
}

// Open returns the template of a release.
func (a *Archive) Open(version string) (fs.FS, Meta, error) {
	meta, ok := a.Meta(version)
	if !ok {
		return nil, Meta{}, fmt.Errorf("%s is not a release that this forge knows: it has %s", version, strings.Join(a.Versions(), ", "))
	}
	files, err := a.read(meta)
	if err != nil {
		return nil, Meta{}, fmt.Errorf("release %s: %w", version, err)
	}
	tmpl, err := txtar.FS(&txtar.Archive{Files: files})
	return tmpl, meta, err
}

// Open returns the template of a release that forge has in it.
func Open(version string) (fs.FS, Meta, error) {
	a, err := Embedded()
	if err != nil {
		return nil, Meta{}, err
	}
	return a.Open(version)
}

// read returns the files of a release, of which it checks each.
func (a *Archive) read(meta Meta) ([]txtar.File, error) {
	tree, err := a.blob(meta.Tree)
	if err != nil {
		return nil, fmt.Errorf("the list of its files: %w", err)
	}
	list, err := parseTree(tree)
	if err != nil {
		return nil, err
	}
	files := make([]txtar.File, len(list))
	for i, e := range list {
		files[i].Name = e.path
		if files[i].Data, err = a.blob(e.sum); err != nil {
			return nil, fmt.Errorf("%s: %w", e.path, err)
		}
	}
	return files, nil
}

// entry is a file of a tree. A tree is the list of them, a line each: the sum of
// the content, and the path.
type entry struct{ sum, path string }

func parseTree(text []byte) ([]entry, error) {
	var list []entry
	for line := range strings.Lines(string(text)) {
		sum, path, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !ok || !fs.ValidPath(path) {
			return nil, fmt.Errorf("the list of files has the line %q", line)
		}
		list = append(list, entry{sum, path})
	}
	return list, nil
}

// blob returns what has the sum. It is for reading only.
func (a *Archive) blob(sum string) ([]byte, error) {
	blobs, err := a.blobs()
	if err != nil {
		return nil, err
	}
	content, ok := blobs[sum]
	if !ok {
		return nil, fmt.Errorf("the store has no %s", sum)
	}
	if got := project.Sum(content); got != sum {
		return nil, fmt.Errorf("the store is damaged: what should be %s is %s", sum, got)
	}
	return content, nil
}

// unpack reads the store: a compressed sequence of blobs, each after a line with
// its sum and its size. A tree may be there as what it changes in another, whose sum
// follows the size.
func unpack(dir fs.FS) (map[string][]byte, error) {
	file, err := dir.Open(storeFile)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("the store is damaged: %w", err)
	}
	all, err := io.ReadAll(unzipped)
	if err != nil {
		return nil, fmt.Errorf("the store is damaged: %w", err)
	}
	blobs := make(map[string][]byte)
	for len(all) > 0 {
		line, rest, _ := bytes.Cut(all, []byte("\n"))
		sum, length, _ := strings.Cut(string(line), " ")
		length, base, isChange := strings.Cut(length, " ")
		size, err := strconv.Atoi(length)
		if err != nil || size < 0 || size > len(rest) {
			return nil, fmt.Errorf("the store is damaged: %q begins no blob", line)
		}
		blobs[sum], all = rest[:size:size], rest[size:]
		if isChange {
			blobs[sum] = applyChanges(blobs[base], blobs[sum])
		}
	}
	return blobs, nil
}

// applyChanges returns a tree with lines that are put in the place of those with the same
// paths, and without the paths behind a dash.
func applyChanges(tree, changes []byte) []byte {
	lines := treeLines(tree)
	for path, line := range treeLines(changes) {
		if lines[path] = line; strings.HasPrefix(line, "- ") {
			delete(lines, path)
		}
	}
	var all strings.Builder
	for _, path := range slices.Sorted(maps.Keys(lines)) {
		all.WriteString(lines[path])
	}
	return []byte(all.String())
}

// treeLines are the lines of a tree by their paths.
func treeLines(tree []byte) map[string]string {
	lines := make(map[string]string)
	for line := range strings.Lines(string(tree)) {
		_, path, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		lines[path] = line
	}
	return lines
}
