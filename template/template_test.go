package template_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template"
)

// embedded returns the files of the template.
func embedded(t *testing.T) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(template.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestEmbedsWhatGitKnows proves that the binary has every file of the service
// and nothing that only lies in somebody's directory.
func TestEmbedsWhatGitKnows(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "git", "-C", "service", "ls-files", "-z").Output()
	if err != nil || len(out) == 0 {
		t.Skip("not in a git repository: nobody says which files belong to the service")
	}
	known := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	slices.Sort(known)
	names := embedded(t)
	slices.Sort(names)
	for _, name := range names {
		if !slices.Contains(known, name) {
			t.Errorf("%s is embedded and unknown to git: add it, or take it away", name)
		}
	}
	for _, name := range known {
		if !slices.Contains(names, name) {
			t.Errorf("%s is in git and not embedded: see the patterns in template.go", name)
		}
	}
}

// TestNothingTakesCertificatesUnchecked proves that a service has no code, and so no
// setting, that takes any certificate of a server for good.
func TestNothingTakesCertificatesUnchecked(t *testing.T) {
	for _, name := range embedded(t) {
		text, err := fs.ReadFile(template.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".go") && strings.Contains(string(text), "InsecureSkipVerify") {
			t.Errorf("%s has InsecureSkipVerify", name)
		}
	}
}

// TestImportsOnlyWhatGoModLists proves that a project needs nothing that its
// go.mod does not require directly.
func TestImportsOnlyWhatGoModLists(t *testing.T) {
	direct := make(map[string]bool)
	for _, service := range serviceGoMods(t) {
		for _, req := range service.Require {
			direct[req.Mod.Path] = direct[req.Mod.Path] || !req.Indirect
		}
	}
	used := make(map[string]bool)
	for _, name := range embedded(t) {
		if path.Ext(name) != ".go" || strings.Contains(name, "rabbitmq") { // a source that is not offered yet
			continue
		}
		for _, imported := range imports(t, name) {
			if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") || strings.HasPrefix(imported, "github.com/ouroboros-forge/forge/template/service") {
				continue
			}
			lib := longest(direct, imported)
			if !direct[lib] {
				t.Errorf("%s imports %s, which go.mod.tmpl does not require directly", name, imported)
			}
			used[lib] = true
		}
	}
	for lib, isDirect := range direct {
		if isDirect && !used[lib] {
			t.Errorf("go.mod.tmpl requires %s, which nothing imports", lib)
		}
	}
}

func imports(t *testing.T, name string) []string {
	t.Helper()
	src, err := fs.ReadFile(template.FS, name)
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, spec := range file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	return paths
}

// longest returns the longest module that a package can be in.
func longest(modules map[string]bool, pkg string) string {
	for p := pkg; p != "."; p = path.Dir(p) {
		if _, ok := modules[p]; ok {
			return p
		}
	}
	return pkg
}

// TestForgeLinksNothingOfTheService proves that the program stays small and
// quick: what the service needs, forge does not. It asks a broker for topics with
// the requests of kmsg, 0.2 MB, but with no client.
func TestForgeLinksNothingOfTheService(t *testing.T) {
	out, err := goCommand(t, "..", "list", "-deps", "./cmd/forge").Output()
	if err != nil {
		t.Fatalf("go list -deps ./cmd/forge: %v", err)
	}
	deps := strings.Fields(string(out))
	if len(deps) < 10 {
		t.Fatalf("go list names %d packages", len(deps))
	}
	for _, dep := range deps {
		for _, not := range []string{"/sarama", "/franz-go/pkg/kgo", "/franz-go/pkg/kadm", "/testcontainers", "/prometheus", "/validator", "/forge/template/service"} {
			if strings.Contains(dep, not) {
				t.Errorf("forge links %s", dep)
			}
		}
	}
}
