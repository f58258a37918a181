package render_test

import (
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/template"
)

// assembly are the files that put a service together, and their tests. They
// alone may have directives: what else an extra brings is a file of its own.
var assembly = []string{
	"app/app.go", "handlers/handlers.go", "handlers/orders*.go", "web/web.go",
	"internal/service/*.go", "internal/service/servicetest/*.go", "internal/config/config.go",
	"internal/engine/boundary.go", "internal/engine/lane.go", "internal/engine/worker.go", // what belongs to a trace goes with the message
	"internal/httpapi/api.go", "internal/publisher/publisher.go", "internal/message/batch.go", "internal/conformance/subject_test.go",
	"internal/config/kafka.go", "internal/embedded/embedded.go", // settings that only one of Kafka's two sources has
	"internal/dev/*.go", "internal/samples/samples.go", "e2e/*_test.go", "Makefile", "Dockerfile", ".github/workflows/ci.yml",
}

var directive = regexp.MustCompile(`(//|#)forge:`)

// TestDirectivesStandInAssembly proves that only these files have directives.
func TestDirectivesStandInAssembly(t *testing.T) {
	files := templateFiles(t)
	for name, src := range files {
		if !directive.Match(src) || slices.ContainsFunc(assembly, func(pattern string) bool { ok, _ := path.Match(pattern, name); return ok }) {
			continue
		}
		t.Errorf("%s has a forge: directive and is no assembly: move what is the extra's into a file whose name says so, or into one of several variants", name)
	}
}

// sampleNames finds what rendering takes for a name of the sample topic.
var (
	sampleNames = regexp.MustCompile(`\borders\b|Orders?([A-Z_]|\b)`)
	beforeName  = regexp.MustCompile("(^|[\"'`/.])$")
	afterName   = regexp.MustCompile(`^\.(go|json|dlq|avsc)\b`)
)

// TestSampleNamesAreNames proves that outside internal/ the words orders, Orders
// and Order are meant as names: in prose they would become the user's as well.
func TestSampleNamesAreNames(t *testing.T) {
	files := templateFiles(t)
	declared := make(map[string]bool) // the identifiers of the topic's own files
	for name, src := range files {
		if isTopicFile(name) && path.Ext(name) == ".go" {
			for _, id := range tokens(src)[token.IDENT] {
				declared[id] = true
			}
		}
	}
	for name, src := range files {
		if strings.HasPrefix(name, "internal/") || strings.HasSuffix(name, ".tmpl") || isTopicFile(name) {
			continue
		}
		for _, found := range misused(name, src, declared) {
			t.Errorf("%s: %s; outside internal/ this is the sample's name, which becomes the user's: use another word, or quote it where it is meant", name, found)
		}
	}
}

// TestMisusedNames proves that the test above sees what is wrong.
func TestMisusedNames(t *testing.T) {
	declared := map[string]bool{"Orders": true, "Order": true, "NewOrders": true}
	for src, want := range map[string]int{
		"// Order matters.": 1, "// in all orders of magnitude": 1, `var x = "orders matter"`: 1, `var x = "two orders"`: 1, "var byOrder int": 1, "type OrderList int": 1,
		`var x = NewOrders("orders", models.Order{}) // see handlers/orders.go, models.Order`: 0, `var x = "/orders" // "orders", orders.dlq`: 0, "// ordering, ordered, in order": 0,
	} {
		if got := misused("x.go", []byte("package x\n\n"+src+"\n"), declared); len(got) != want {
			t.Errorf("%s: %q", src, got)
		}
	}
	if got := misused("Makefile", []byte("# Orders come first\nsend 'orders'\n"), nil); len(got) != 1 {
		t.Errorf("a Makefile: %q", got)
	}
}

// misused returns the places where a file has a name of the sample that is none
// there.
func misused(name string, src []byte, declared map[string]bool) []string {
	texts := map[token.Token][]string{token.COMMENT: strings.Split(string(src), "\n")}
	if path.Ext(name) == ".go" {
		texts = tokens(src)
	}
	var all []string
	for _, id := range texts[token.IDENT] {
		if sampleNames.MatchString(id) && !declared[id] {
			all = append(all, "the identifier "+id)
		}
	}
	for kind, list := range texts {
		if kind == token.IDENT {
			continue
		}
		for _, text := range list {
			for _, at := range sampleNames.FindAllStringIndex(text, -1) {
				quoted := beforeName.MatchString(text[:at[0]]) && !strings.HasPrefix(text[at[1]:], " ")
				if !quoted && !afterName.MatchString(text[at[1]:]) {
					all = append(all, fmt.Sprintf("%q in %q", text[at[0]:at[1]], text))
				}
			}
		}
	}
	return all
}

// tokens are the identifiers, strings and comments of a Go file.
func tokens(src []byte) map[token.Token][]string {
	all := make(map[token.Token][]string)
	file := token.NewFileSet().AddFile("", -1, len(src))
	var s scanner.Scanner
	s.Init(file, src, nil, scanner.ScanComments)
	for {
		_, tok, lit := s.Scan()
		switch tok {
		case token.EOF:
			return all
		case token.IDENT, token.STRING, token.COMMENT:
			all[tok] = append(all[tok], lit)
		}
	}
}

func isTopicFile(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(base, "orders.") || strings.HasPrefix(base, "orders_")
}

// templateFiles are the template's files by name.
func templateFiles(t *testing.T) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	err := fs.WalkDir(template.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files[name], err = fs.ReadFile(template.FS, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// toRead are managed files that the documents name to be read, run or found, and
// not to be edited.
var toRead = []string{
	"docs/*.md", "dev", "e2e", ".forge", "internal", "internal/*", "internal/*/*",
}

// codeSpan finds what is between back quotes, and where a link leads.
var codeSpan = regexp.MustCompile("`([^`\\s]+)`|\\]\\(([^)\\s]+)\\)")

// TestDocumentsNameWhatIsTheUsers proves that nothing which the documents tell a
// user to edit is managed: whatever of the project they name is the user's, or
// stands in the list of what they name to be read.
func TestDocumentsNameWhatIsTheUsers(t *testing.T) {
	for name, a := range answerSets() {
		tree, err := render.Render(template.FS, a, "v0.0.0-test")
		if err != nil {
			t.Fatal(err)
		}
		managed := make(map[string]bool) // files, and directories that are managed whole
		for _, f := range tree.Files {
			for at := f.Path; at != "."; at = path.Dir(at) {
				other, seen := managed[at]
				managed[at] = f.Owner == project.Managed && (other || !seen)
			}
		}
		for _, f := range tree.Files {
			if path.Ext(f.Path) != ".md" {
				continue
			}
			for _, span := range codeSpan.FindAllStringSubmatch(string(f.Content), -1) {
				file := strings.TrimSuffix(span[1]+span[2], "/")
				if managed[file] && !slices.ContainsFunc(toRead, func(pattern string) bool { ok, _ := path.Match(pattern, file); return ok }) {
					t.Errorf("%s: %s names %s, which is managed: make it the user's in userFiles, or add it to toRead if nobody edits it there", name, f.Path, file)
				}
			}
		}
	}
}

// TestUserFiles proves of each file that a user edits that it is the user's,
// whatever the answers.
func TestUserFiles(t *testing.T) {
	a := answers.Defaults("shop")
	a.With = allExtras()
	tree, err := render.Render(template.FS, a, "v0.0.0-test")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"main.go", "app/app.go", "app/app_test.go", "handlers/handlers.go", "handlers/orders.go", "handlers/orders_test.go", "models/orders.go", "web/web.go", "web/orders.go", "openapi.yaml",
		"dev/samples/orders.json", ".env", ".env.example", "compose.yaml", "Dockerfile", "README.md", "AGENTS.md",
	} {
		if f := file(t, tree, name); f.Owner != project.User {
			t.Errorf("%s is %s", name, f.Owner)
		}
	}
}
