package render_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/template"
)

// words are those that only a project with that extra has a reason to say.
var words = map[string][]string{
	answers.Docker:     {"dockerfile", ".dockerignore", "docker build", "docker compose", "compose.yaml"},
	answers.Monitoring: {"deploy/monitoring", "runbook", "grafana"},
	answers.GitHub:     {".github/", "github workflow", "github action"},
	answers.Avro:       {"avro", "schema registry", "schema_registry", "schema-registry", "pkg/sr", "internal/schema"},
	answers.Fast:       {"internal/fast", "fast.json", "_fast"},
	answers.HTTP:       {"openapi", "httpapi", "http_addr", "http_request", "http_max", "idempotency-key", `/web"`},
}

// TestNoTraceOfAbsentExtras proves that of an extra that is not wanted nothing
// is left: no word in any file, no import that is not used, no blank import
// block, and no package that nobody imports.
func TestNoTraceOfAbsentExtras(t *testing.T) {
	for _, with := range extraSets() {
		a := answers.Defaults("shipping")
		a.Topics, a.With = []string{"parcels", "vans"}, with
		tree, err := render.Render(template.FS, a, "v0.0.0-test")
		if err != nil {
			t.Fatal(err)
		}
		if err := isFormatted(tree); err != nil {
			t.Errorf("with %v: %v", with, err)
		}
		for extra, traces := range words {
			if !a.Has(extra) {
				lacks(t, tree, with, traces)
			}
		}
		for _, problem := range unused(t, tree, a.Module) {
			if a.Has(answers.Fast) && a.Has(answers.Avro) && strings.Contains(problem, "/internal/fast ") {
				continue // it is for the topics to which the user gives that codec
			}
			t.Errorf("with %v: %s", with, problem)
		}
	}
}

// TestNoTraceOfAbsentSources proves the same of what only another source needs.
func TestNoTraceOfAbsentSources(t *testing.T) {
	others := map[string][]string{
		answers.Kafka:      {"share group", "sharegroup", "kgo.share", "docs/share.md"},
		answers.KafkaShare: {"sarama", "kafka_rebalance", "kafka_session_timeout", "kafka_heartbeat", "kafka_group_instance"},
	}
	for source, traces := range others {
		for _, with := range [][]string{nil, {answers.Docker, answers.GitHub}, {answers.Avro, answers.HTTP, answers.Batch, answers.DLQ, answers.OTel, answers.Fast}} {
			a := answers.Defaults("shipping")
			a.Source, a.With = source, with
			tree, err := render.Render(template.FS, a, "v0.0.0-test")
			if err != nil {
				t.Fatal(err)
			}
			if err := isFormatted(tree); err != nil {
				t.Errorf("%s with %v: %v", source, with, err)
			}
			lacks(t, tree, with, traces)
			for _, problem := range unused(t, tree, a.Module) {
				if !a.Has(answers.Fast) || !strings.Contains(problem, "/internal/fast ") {
					t.Errorf("%s with %v: %s", source, with, problem)
				}
			}
		}
	}
}

// allExtras are the names of the extras.
func allExtras() []string {
	var all []string
	for _, e := range answers.Extras() {
		all = append(all, e.Name)
	}
	return all
}

// extraSets are no extras, each one and each two, and all but these.
func extraSets() [][]string {
	all := allExtras()
	chosen := make(map[string][]string)
	add := func(names ...string) {
		without := slices.DeleteFunc(slices.Clone(all), func(e string) bool { return slices.Contains(names, e) })
		slices.Sort(names)
		chosen[strings.Join(names, ",")], chosen[strings.Join(without, ",")] = slices.Compact(names), without
	}
	add()
	for _, a := range all {
		for _, b := range all {
			add(a, b)
		}
	}
	return slices.Collect(maps.Values(chosen))
}

// lacks fails for each file that has one of the words, or is called so.
func lacks(t *testing.T, tree *render.Tree, with, words []string) {
	t.Helper()
	for _, f := range tree.Files {
		text := strings.ToLower(f.Path + "\n" + string(f.Content))
		for _, word := range words {
			if before, after, found := strings.Cut(text, word); found {
				t.Errorf("with %v, %s says %q: %q", with, f.Path, word, before[max(0, len(before)-60):]+word+after[:min(60, len(after))])
			}
		}
	}
}

// unused finds what a project has and does not use: imports in files, and
// packages.
func unused(t *testing.T, tree *render.Tree, module string) []string {
	t.Helper()
	var problems []string
	packages, imported := make(map[string]bool), make(map[string]bool)
	for _, f := range tree.Files {
		if path.Ext(f.Path) != ".go" {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), f.Path, f.Content, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if file.Name.Name != "main" && !strings.HasSuffix(f.Path, "_test.go") {
			packages[path.Join(module, path.Dir(f.Path))] = true
		}
		for _, problem := range unusedImports(file, imported) {
			problems = append(problems, f.Path+" "+problem)
		}
	}
	for pkg := range packages {
		if !imported[pkg] && !strings.HasSuffix(pkg, "/e2e") {
			problems = append(problems, pkg+" is imported by nobody")
		}
	}
	return problems
}

// unusedImports finds the imports that a file does not use, and empty blocks. It
// notes the others.
func unusedImports(file *ast.File, imported map[string]bool) []string {
	var problems []string
	names := make(map[string]bool)
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok {
				names[x.Name] = true
			}
		}
		return true
	})
	for _, decl := range file.Decls {
		if d, ok := decl.(*ast.GenDecl); ok && len(d.Specs) == 0 {
			problems = append(problems, "has an empty block")
		}
	}
	for _, spec := range file.Imports {
		imports, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return append(problems, err.Error())
		}
		imported[imports] = true
		if name := nameOf(spec, imports); name != "_" && !names[name] {
			problems = append(problems, fmt.Sprintf("imports %s and does not use it", imports))
		}
	}
	return problems
}

var version = regexp.MustCompile(`^v\d+$`)

// nameOf is what an import is called in its file.
func nameOf(spec *ast.ImportSpec, imports string) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	name := path.Base(imports)
	if version.MatchString(name) {
		name = path.Base(path.Dir(imports))
	}
	return strings.TrimSuffix(strings.TrimPrefix(strings.NewReplacer("-go", "", "go-", "").Replace(name), "go_"), ".go")
}
