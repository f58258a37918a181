package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestUpdateWhereTheServiceLies updates a service with all checks where it is hardest:
// in a directory of a larger repository, a shallow clone of that, under a go.work that
// has a module which the service cannot be built without; and with no network.
func TestUpdateWhereTheServiceLies(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: builds and tests a service")
	}
	_, first := twoReleases(t)
	project := anOldProject(t, first)
	mono, clone := filepath.Join(t.TempDir(), "mono"), filepath.Join(t.TempDir(), "clone")
	git := func(dir string, args ...string) string {
		t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(mono, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("go.work", "go 1.26.0\n\nuse (\n\t./lib\n\t./services/shop\n)\n")
	write("lib/go.mod", "module example.com/lib\n\ngo 1.26.0\n")
	write("lib/lib.go", "package lib\n\nconst Name = \"lib\"\n")
	if err := os.CopyFS(filepath.Join(mono, "services", "shop"), os.DirFS(project)); err != nil {
		t.Fatal(err)
	}
	write("services/shop/handlers/mine.go", "package handlers\n\nimport \"example.com/lib\"\n\nconst mine = lib.Name\n\nvar _ = mine\n")
	git(mono, "init", "--quiet")
	git(mono, "add", "--all")
	git(mono, "commit", "--quiet", "-m", "first")
	git(mono, "commit", "--quiet", "--allow-empty", "-m", "second")
	git(mono, "clone", "--quiet", "--depth", "1", "file://"+mono, clone)

	t.Setenv("GOFLAGS", "")
	shop := filepath.Join(clone, "services", "shop")
	warm := exec.Command("go", "mod", "download")
	warm.Dir = project // in the workspace it would write a go.work.sum
	if out, err := warm.CombinedOutput(); err != nil {
		t.Fatalf("the service's modules are not there: %v\n%s", err, out)
	}
	t.Setenv("GOPROXY", "off")
	t.Setenv("E2E", "") // the service's tests are run without a real Kafka
	if code, stderr := inProject(t, shop, nil, "update"); code != exitOK || !strings.Contains(stderr, "go test -short ./...") {
		t.Fatalf("code %d: %s", code, stderr)
	}
	text, err := os.ReadFile(filepath.Join(shop, "docs", "operating.md"))
	if err != nil || !strings.Contains(string(text), "theirs\n") || !strings.HasPrefix(string(text), "mine\n") {
		t.Errorf("%v\n%s", err, text)
	}
	for line := range strings.Lines(git(clone, "status", "--porcelain", "--untracked-files=all")) {
		if !strings.Contains(line, " services/shop/") {
			t.Errorf("outside of the service there is %s", line)
		}
	}
	if code, stderr := inProject(t, shop, nil, "update"); code != exitOK || stderr != "" {
		t.Errorf("a second update: code %d, %s", code, stderr)
	}
}
