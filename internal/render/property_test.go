package render_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/joho/godotenv"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/template"
)

// anyAnswers generates answers of which most are good, and hostile.
func anyAnswers() *rapid.Generator[answers.Answers] {
	word := rapid.OneOf(
		rapid.SampledFrom([]string{"orders", "order", "new", "test", "linux", "type", "func", "deps", "register", "handlers", "models", "doc", "message", "v2", "internal", "main", "context", "errors", "s", "Topic"}),
		rapid.StringMatching(`[A-Za-z0-9]{1,8}`),
	)
	name := rapid.Custom(func(t *rapid.T) string {
		words := rapid.SliceOfN(word, 1, 3).Draw(t, "words")
		return strings.Join(words, rapid.SampledFrom([]string{".", "_", "-", "--", ""}).Draw(t, "sep"))
	})
	return rapid.Custom(func(t *rapid.T) answers.Answers {
		a := answers.Defaults(name.Draw(t, "name"))
		a.Topics = rapid.SliceOfNDistinct(rapid.OneOf(name, rapid.StringMatching(`[A-Za-z0-9._-]{1,20}`)), 1, 4, rapid.ID[string]).Draw(t, "topics")
		a.Group = rapid.OneOf(rapid.StringOf(rapid.SampledFrom([]rune("aA1_ '\"`$\\#={}<>|%é"))), rapid.String()).Draw(t, "group")
		a.Brokers = rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) string {
			return name.Draw(t, "host") + ":" + strconv.Itoa(rapid.IntRange(1, 65535).Draw(t, "port"))
		}), 1, 3, rapid.ID[string]).Draw(t, "brokers")
		a.With = rapid.SliceOfNDistinct(rapid.SampledFrom(allExtras()), 0, -1, rapid.ID[string]).Draw(t, "with")
		if rapid.Bool().Draw(t, "other module") {
			a.Module = rapid.StringMatching(`[a-z]{1,5}\.[a-z]{1,5}(/[A-Za-z0-9._~-]{1,6}){0,2}`).Draw(t, "module")
		}
		return a
	})
}

// TestAnyAnswers proves that answers are refused, or give a project that
// compiles and in which every value reads back equal.
func TestAnyAnswers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if err := renderAndCheck(anyAnswers().Draw(t, "answers")); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzRender proves the same of whatever somebody types.
func FuzzRender(f *testing.F) {
	h := hostile()
	f.Add(h.Name, h.Module, strings.Join(h.Topics, " "), h.Group, strings.Join(h.Brokers, " "))
	f.Add("my-service", "example.com/my-service", "orders", "my-service", "localhost:9092")
	f.Fuzz(func(t *testing.T, name, module, topics, group, brokers string) {
		err := renderAndCheck(answers.Answers{Name: name, Module: module, Topics: strings.Fields(topics), Group: group, Brokers: strings.Fields(brokers), With: []string{answers.Docker, answers.Avro, answers.HTTP}, Source: answers.Kafka})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestAnswerSets proves it of the answers of the goldens.
func TestAnswerSets(t *testing.T) {
	for name, a := range answerSets() {
		tree, err := render.Render(template.FS, a, "v0.0.0-test")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(compiles(tree), readsBack(tree, a), isFormatted(tree)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func renderAndCheck(a answers.Answers) error {
	tree, err := render.Render(template.FS, a, "v0.0.0-test")
	if len(answers.Problems(err)) > 0 {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(compiles(tree), readsBack(tree, a))
}

// compiles type-checks handlers, models and web, which the answers change most, and
// parses the other packages outside internal/. What they import counts as
// right: TestVet compiles everything.
func compiles(tree *render.Tree) error {
	fset := token.NewFileSet()
	packages := make(map[string][]*ast.File)
	for _, f := range tree.Files {
		if path.Ext(f.Path) != ".go" || strings.HasPrefix(f.Path, "internal/") {
			continue
		}
		file, err := parser.ParseFile(fset, f.Path, f.Content, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if dir := path.Dir(f.Path); dir == "handlers" || dir == "models" || dir == "web" {
			packages[dir+" "+file.Name.Name] = append(packages[dir+" "+file.Name.Name], file)
		}
	}
	var errs []error
	for key, files := range packages {
		config := types.Config{
			Importer: nothing{},
			Error: func(err error) {
				if !strings.Contains(err.Error(), "could not import") {
					errs = append(errs, err)
				}
			},
		}
		_, _ = config.Check(key, fset, files, nil) // the errors were collected
	}
	return errors.Join(errs...)
}

// nothing imports nothing: go/types then takes every name from there as right.
type nothing struct{}

func (nothing) Import(string) (*types.Package, error) { return nil, errors.New("not here") }

// formatted are the contents that gofmt would not change: trees share most files.
var formatted sync.Map

// isFormatted finds Go files that gofmt would change.
func isFormatted(tree *render.Tree) error {
	for _, f := range tree.Files {
		sum := sha256.Sum256(f.Content)
		if _, known := formatted.Load(sum); known || path.Ext(f.Path) != ".go" {
			continue
		}
		after, err := format.Source(f.Content)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
		if !bytes.Equal(after, f.Content) {
			return fmt.Errorf("%s is not gofmt's", f.Path)
		}
		formatted.Store(sum, true)
	}
	return nil
}

// readsBack compares the answers with what readers of the files find there.
func readsBack(tree *render.Tree, a answers.Answers) error {
	contents := make(map[string][]byte)
	for _, f := range tree.Files {
		contents[f.Path] = f.Content
	}
	var errs []error
	same := func(where, got, want string) {
		if got != want {
			errs = append(errs, fmt.Errorf("%s has %q, want %q", where, got, want))
		}
	}
	for _, file := range []string{".env", ".env.example"} {
		env, err := godotenv.UnmarshalBytes(contents[file])
		errs = append(errs, err)
		same(file, env["KAFKA_GROUP_ID"], a.Group)
		same(file, env["KAFKA_BOOTSTRAP_SERVERS"], strings.Join(a.Brokers, ","))
		same(file, env["SERVICE_NAME"], a.Name)
	}
	if a.Has(answers.Docker) {
		group, err := composeGroup(contents["compose.yaml"])
		errs = append(errs, err)
		same("compose.yaml", group, a.Group)
	}
	if a.Has(answers.HTTP) {
		paths, err := openAPIPaths(contents["openapi.yaml"])
		errs = append(errs, err)
		for _, topic := range a.Topics {
			same("openapi.yaml", paths["/"+topic], "#/components/schemas/"+answers.NamesOf(topic).Model)
		}
	}
	topics, err := registered(contents["handlers/handlers.go"])
	errs = append(errs, err)
	same("handlers.go", strings.Join(topics, " "), strings.Join(a.Topics, " "))
	record, err := project.Parse(contents[project.Path])
	errs = append(errs, err)
	same(project.Path, fmt.Sprintf("%q", record.Answers), fmt.Sprintf("%q", a))
	for _, topic := range a.Topics {
		file := "dev/samples/" + answers.NamesOf(topic).File + ".json"
		name, handled, err := sampled(contents[file])
		errs = append(errs, err)
		same(file, name, topic)
		if handled == 0 { // else the service's own tests would try nothing, and pass
			errs = append(errs, fmt.Errorf("%s has no message that is handled", file))
		}
	}
	return errors.Join(errs...)
}

// sampled returns the topic of a file of samples, and how many of them are to be
// handled.
func sampled(text []byte) (topic string, handled int, err error) {
	var file struct {
		Topic   string
		Samples []struct {
			Expect string
			Value  any
		}
	}
	err = yaml.Unmarshal(text, &file) // JSON is YAML
	for _, s := range file.Samples {
		if value, ok := s.Value.(map[string]any); ok && s.Expect == "handled" && value["body"] != nil {
			handled++
		}
	}
	return file.Topic, handled, err
}

// composeGroup returns the group that compose gives to the service, which must be
// given the user's settings too.
func composeGroup(text []byte) (string, error) {
	var file struct {
		Services map[string]struct {
			Environment map[string]string
			EnvFile     []struct{ Path string } `yaml:"env_file"`
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return "", fmt.Errorf("compose.yaml: %w", err)
	}
	for _, service := range file.Services {
		if group, ok := service.Environment["KAFKA_GROUP_ID"]; ok {
			if len(service.EnvFile) != 1 || service.EnvFile[0].Path != ".env" {
				return "", fmt.Errorf("compose.yaml gives the service the settings of %v, want those of .env", service.EnvFile)
			}
			return strings.ReplaceAll(group, "$$", "$"), nil
		}
	}
	return "", errors.New("compose.yaml has no group")
}

// openAPIPaths returns the model of each path in openapi.yaml.
func openAPIPaths(text []byte) (map[string]string, error) {
	type schema struct {
		Ref string `yaml:"$ref"`
	}
	var file struct {
		Paths map[string]struct {
			Post struct {
				RequestBody struct {
					Content map[string]struct{ Schema schema }
				} `yaml:"requestBody"`
			}
		}
		Components struct{ Schemas map[string]any }
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	models := make(map[string]string)
	for path, item := range file.Paths {
		ref := item.Post.RequestBody.Content["application/json"].Schema.Ref
		if file.Components.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")] == nil {
			return nil, fmt.Errorf("openapi.yaml: %s has the model %q, which is not there", path, ref)
		}
		models[path] = ref
	}
	return models, nil
}

// registered returns the topics that the calls of message.Register name.
func registered(src []byte) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "handlers.go", src, 0)
	if err != nil {
		return nil, err
	}
	var topics []string
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) < 2 {
			return true
		}
		if lit, ok := call.Args[1].(*ast.BasicLit); ok {
			topic, err := strconv.Unquote(lit.Value)
			if err == nil {
				topics = append(topics, topic)
			}
		}
		return true
	})
	return topics, nil
}

// traces finds what only the template, or forge itself, may have. Outside
// internal/ the model's name is one; inside, Order is an English word.
var (
	traces      = regexp.MustCompile(`(?i:ouroboros)|sample-service|sample-image|\b[Oo]rders\b|Orders[A-Z_]|OrderCreated|(//|#)forge:|\{\{ ?[.-]`)
	modelTraces = regexp.MustCompile(`Order([A-Z_]|\b)`)
)

// TestNoTraceOfTheTemplate is the leak guard: it renders with answers that have
// none of the template's names and finds none of them in the project.
func TestNoTraceOfTheTemplate(t *testing.T) {
	a := answers.Defaults("shipping")
	a.Module, a.Topics, a.With = "corp.test/shipping", []string{"parcels", "vans"}, allExtras()
	tree, err := render.Render(template.FS, a, "v0.0.0-test")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range tree.Files {
		for n, line := range strings.Split(string(f.Content), "\n") {
			found := traces.FindString(f.Path + " " + line)
			if found == "" && !strings.HasPrefix(f.Path, "internal/") {
				found = modelTraces.FindString(line)
			}
			if found != "" {
				t.Errorf("%s:%d: %q in %s", f.Path, n+1, found, line)
			}
		}
	}
}

// TestVet asks the go command itself: the project of the hostile answers builds
// and is vetted, tests included.
func TestVet(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a project")
	}
	tree, err := render.Render(template.FS, hostile(), "v0.0.0-test")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "project")
	if err := render.Write(t.Context(), tree, dir); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"build", "./..."}, {"vet", "./..."}} {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}
