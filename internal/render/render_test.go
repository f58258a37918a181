package render_test

import (
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/template"
)

const samplePath = "github.com/ouroboros-forge/forge/template/service"

// fake is a template of some files, given as name and content in turn.
func fake(files ...string) fs.FS {
	m := make(fstest.MapFS)
	for i := 0; i < len(files); i += 2 {
		m[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return m
}

// one renders a template of one file, and returns what became of it.
func one(t *testing.T, a answers.Answers, name, content string) string {
	t.Helper()
	tree, err := render.Render(fake(name, content), a, "v1.0.0")
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return string(file(t, tree, strings.TrimSuffix(name, ".tmpl")).Content)
}

func file(t testing.TB, tree *render.Tree, name string) render.File {
	t.Helper()
	i := slices.IndexFunc(tree.Files, func(f render.File) bool { return f.Path == name })
	if i < 0 {
		t.Fatalf("no file %s", name)
	}
	return tree.Files[i]
}

// two are answers with two topics, and names that tell where they are.
func two() answers.Answers {
	a := answers.Defaults("My.Shop")
	a.Module = "corp.test/zone"
	a.Topics = []string{"1st.topic_X-y", "payments"}
	a.Group = "it's $A # \"group\" `x|y` "
	return a
}

func TestText(t *testing.T) {
	for _, tt := range []struct{ name, src, want string }{
		{"path", samplePath + "/dev '" + samplePath + "'", "corp.test/zone/dev 'corp.test/zone'"},
		{"service", "sample-service sample-service.log my-sample-service sample-services", "My.Shop My.Shop.log my-sample-service sample-services"},
		{"image", "'sample-image'", "'my-shop'"},
		{"topic", `"orders" orders.dlq orders/2 (orders)` + "\norders", `"1st.topic_X-y" 1st.topic_X-y.dlq 1st.topic_X-y/2 (1st.topic_X-y)` + "\n1st.topic_X-y"},
		{"no topic", "preorders my-orders orders-1 a.orders orders_1", "preorders my-orders orders-1 a.orders orders_1"},
		{"file", "handlers/orders.go orders_test.go samples/orders.json", "handlers/1st_topic_x_y.go 1st_topic_x_y_test.go samples/1st_topic_x_y.json"},
		{"camel", "Orders Order OrderCreated NewOrders models.Order", "Topic1stTopicXY Topic1stTopicXY Topic1stTopicXYCreated NewTopic1stTopicXY models.Topic1stTopicXY"},
		{"no camel", "Ordering Ordered order Border", "Ordering Ordered order Border"},
		{"each", "a\nx 'orders' #forge:each topic\nb", "a\nx '1st.topic_X-y'\nx 'payments'\nb"},
		{"if", "a #forge:if docker\n\t#forge:if github\nb", "a\n\nb"},
		{"unless", "a #forge:unless avro\n\t#forge:unless github\nb", "a\nb"},
		{"CRLF", "a\r\nb #forge:if docker\r\n", "a\r\nb\n"},
	} {
		if got := one(t, two(), "Makefile", tt.src); got != tt.want {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, got, tt.want)
		}
	}
	a := two()
	a.With = nil
	if got := one(t, a, "Makefile", "a\nb #forge:if docker\nc\n#forge:if github"); got != "a\nc\n" {
		t.Errorf("without extras: %q", got)
	}
}

// TestGo proves that tokens are replaced and all else stays as it was.
func TestGo(t *testing.T) {
	const src = `// Package x of sample-service: orders, Orders.
package x

import (
	"fmt"

	"github.com/ouroboros-forge/forge/template/service/handlers"
	m "github.com/ouroboros-forge/forge/template/service/internal/message"
)

/* odd   layout	stays: Ordering */
var order = map[string]string{"a\norders": ` + "`orders \\ \"OrderCreated\"`" + `,   // Orders
	"b": "x" } //forge:if docker

func Register() {
	m.Register(r, "orders", handlers.NewOrders(d.Log)) //forge:each topic
	fmt.Println('"', "sample-service") //forge:if github
}
`
	const want = `// Package x of My.Shop: 1st.topic_X-y, Topic1stTopicXY.
package x

import (
	"fmt"

	"corp.test/zone/handlers"
	m "corp.test/zone/internal/message"
)

/* odd   layout	stays: Ordering */
var order = map[string]string{"a\n1st.topic_X-y": ` + "`1st.topic_X-y \\ \"Topic1stTopicXYCreated\"`" + `, // Topic1stTopicXY
	"b": "x"}

func Register() {
	m.Register(r, "1st.topic_X-y", handlers.NewTopic1stTopicXY(d.Log))
	m.Register(r, "payments", handlers.NewPayments(d.Log))
	fmt.Println('"', "My.Shop")
}
`
	if got := one(t, two(), "x.go", src); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestImportsOfExtras proves that a line that is not there leaves no import, no
// gap and no comment behind.
func TestImportsOfExtras(t *testing.T) {
	const src = `package x

import (
	"errors" //forge:unless avro
	"fmt"

	"github.com/other/avro" //forge:if avro

	"github.com/ouroboros-forge/forge/template/service/internal/schema" //forge:if avro
	"github.com/ouroboros-forge/forge/template/service/internal/web"    //forge:if http
)

type settings struct {
	Name     string
	Registry string // of schemas, for orders //forge:if avro
	Web      web.Config //forge:if http
}

var err = errors.New("x") // the only one //forge:unless avro
`
	const with = `package x

import (
	"fmt"

	"github.com/other/avro"

	"corp.test/zone/internal/schema"
)

type settings struct {
	Name     string
	Registry string // of schemas, for 1st.topic_X-y
}
`
	const without = `package x

import (
	"errors"
	"fmt"
)

type settings struct {
	Name string
}

var err = errors.New("x") // the only one
`
	a := two()
	if got := one(t, a, "x.go", src); got != without {
		t.Errorf("without:\n%s\nwant\n%s", got, without)
	}
	a.With = []string{answers.Avro}
	if got := one(t, a, "x.go", src); got != with {
		t.Errorf("with:\n%s\nwant\n%s", got, with)
	}
}

// TestInternalKeepsItsWords proves that below internal/ only paths change, and
// that imports are sorted again although nothing else is formatted.
func TestInternalKeepsItsWords(t *testing.T) {
	const src = `package x

import (
	"github.com/ouroboros-forge/forge/template/service/internal/y"
	"github.com/other/z"
)

// Order is   kept.
var Order   = "orders"
`
	const want = `package x

import (
	"github.com/other/z"
	"zone.test/internal/y"
)

// Order is   kept.
var Order   = "orders"
`
	a := two()
	a.Module = "zone.test"
	if got := one(t, a, "internal/x/x.go", src); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	with := one(t, a, "internal/x/y.go", "package x\n\nvar (\n\tOrders = \"orders\" //forge:if docker\n)\n")
	if with != "package x\n\nvar (\n\tOrders = \"orders\"\n)\n" {
		t.Errorf("with a directive:\n%s", with)
	}
}

func TestTemplates(t *testing.T) {
	for _, tt := range []struct{ src, want string }{
		{"{{.Name}} {{.Slug}} {{.Module}} {{.ForgeVersion}}", "My.Shop my-shop corp.test/zone v1.0.0"},
		{"{{.First.Handler}}{{range .Topics}} {{.File}}{{end}}", "Topic1stTopicXY 1st_topic_x_y payments"},
		{`{{if .Has "docker"}}yes{{end}}{{join .Brokers ","}}`, "yeslocalhost:9092"},
		{"{{envQuote .Group}}", `"it's \$A # \"group\" ` + "`x|y` \""},
		{"{{yamlQuote .Group}}", `"it's $A # \"group\" ` + "`x|y` \""},
		{"{{composeQuote .Group}}", `"it's $$A # \"group\" ` + "`x|y` \""},
		{"{{goQuote .Group}}", `"it's $A # \"group\" ` + "`x|y` \""},
		{"{{mdCode .Group}}", "`` it's $A # \"group\" `x|y`  ``"},
		{"{{mdCell .Group}}", "`` it's $A # \"group\" `x\\|y`  ``"},
		{"{{mermaid .Group}}", "it#39;s #36;A #35; #34;group#34; #96;x#124;y#96; "},
		{"orders #forge:if nothing", "orders #forge:if nothing"},
	} {
		if got := one(t, two(), "x.tmpl", tt.src); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.src, got, tt.want)
		}
	}
}

// TestRenderTopic proves that the files of one topic alone are those that the
// whole project has for it.
func TestRenderTopic(t *testing.T) {
	for name, a := range answerSets() {
		tree, err := render.Render(template.FS, a, "v1.0.0")
		if err != nil {
			t.Fatal(err)
		}
		for _, topic := range a.Topics {
			files, err := render.Topic(template.FS, a, topic)
			if err != nil {
				t.Fatal(err)
			}
			if len(files) < 4 { // handler, its test, model, samples
				t.Errorf("%s: %s has %d files", name, topic, len(files))
			}
			for _, f := range files {
				if whole := file(t, tree, f.Path); !reflect.DeepEqual(f, whole) {
					t.Errorf("%s: %s alone is another than in the project", name, f.Path)
				}
			}
		}
	}
	if _, err := render.Topic(template.FS, two(), "orders"); err == nil || !strings.Contains(err.Error(), "1st.topic_X-y, payments") {
		t.Errorf("an unknown topic: %v", err)
	}
}

// TestMistakesInTheTemplate proves that one is an error, which names the file,
// rather than something odd in a project.
func TestMistakesInTheTemplate(t *testing.T) {
	for _, tt := range []struct{ name, src, want string }{
		{"Makefile", "a #forge:when docker", "unknown directive forge:when docker"},
		{"Makefile", "a #forge:each", "unknown directive"},
		{"Makefile", "a #forge:unless helm", "unknown directive forge:unless helm"},
		{"Makefile", "a #forge:each topic twice", "unknown directive"},
		{"x.go", "package x\n\nvar a = 1 //forge:if helm\n", "unknown directive forge:if helm"},
		{"internal/x.go", "package x\n\nvar a = 1 //forge:if helm\n", "unknown directive forge:if helm"},
		{"x.go", "package x\n\nvar a = \"orders\n", "not terminated"},
		{"x.go", "package x\n\nvar Orders = 1 1\n", "expected"},
		{"x.go", "//go:build linux && !avro\n\npackage x\n", "of extras and sources, or of none of them"},
		{"x.go", "//go:build avro &&\n\npackage x\n", "end of expression"},
		{"x.tmpl", "{{.Nobody}}", "Nobody"},
		{"x.tmpl", "{{", "unclosed action"},
		{"go.mod.tmpl", "modul x\n", "unknown directive: modul"},
	} {
		_, err := render.Render(fake(tt.name, tt.src), two(), "v1.0.0")
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.name) && tt.name != "go.mod.tmpl" {
			t.Errorf("%s %q: got %v, want %s", tt.name, tt.src, err, tt.want)
		}
	}
	_, err := render.Render(fake("dev/A.md", "", "dev/a.md", ""), two(), "v1.0.0")
	if err == nil || !strings.Contains(err.Error(), "one file") {
		t.Errorf("two files of one name: %v", err)
	}
}

func TestRefusesAnswers(t *testing.T) {
	a := two()
	a.Topics = append(a.Topics, "..")
	if _, err := render.Render(template.FS, a, "v1.0.0"); len(answers.Problems(err)) != 1 {
		t.Errorf("a bad topic: %v", err)
	}
	for _, module := range []string{"github.com/IBM/sarama", "github.com/IBM/sarama/mocks"} {
		a := two()
		a.Module = module
		problems := answers.Problems(func() error { _, err := render.Render(template.FS, a, "v1.0.0"); return err }())
		if len(problems) != 1 || !strings.Contains(problems[0].Reason, "a library that the service uses") {
			t.Errorf("module %s: %v", module, problems)
		}
	}
}

// TestDeterministic proves that the same answers give the same bytes.
func TestDeterministic(t *testing.T) {
	first, err := render.Render(template.FS, two(), "v1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("LANG", "tr_TR.UTF-8")
	t.Chdir(t.TempDir())
	second, err := render.Render(template.FS, two(), "v1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range first.Files {
		if g := second.Files[i]; f.Path != g.Path || f.Mode != g.Mode || f.Owner != g.Owner || string(f.Content) != string(g.Content) {
			t.Errorf("%s and %s differ", f.Path, g.Path)
		}
	}
}

// TestBoth proves of all pairs of answers that they give what each gives alone.
func TestBoth(t *testing.T) {
	sets := answerSets()
	more := sets["default"]
	more.Topics, more.With = []string{"payments", "orders"}, []string{answers.Avro, answers.HTTP, answers.Tests, answers.Batch}
	sets["more"] = more
	for name, a := range sets {
		for other, b := range sets {
			first, second, err := render.Both(template.FS, a, b, "v0.0.0-test")
			if err != nil {
				t.Fatal(err)
			}
			for i, tree := range []*render.Tree{first, second} {
				want, err := render.Render(template.FS, []answers.Answers{a, b}[i], "v0.0.0-test")
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(tree, want) {
					t.Errorf("%s and %s: the %d. is not as alone", name, other, i+1)
				}
			}
		}
	}
}

// TestOne proves that each file is what it is in the whole project.
func TestOne(t *testing.T) {
	for name, a := range answerSets() {
		tree, err := render.Render(template.FS, a, "v1.0.0")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range tree.Files {
			if f.Path == ".forge/project.yaml" || strings.HasPrefix(f.Path, "internal/") && len(f.Path)%5 > 0 {
				continue // each would take long
			}
			got, ok, err := render.One(template.FS, a, "v1.0.0", f.Path)
			if err != nil || !ok || !reflect.DeepEqual(got, f) {
				t.Errorf("%s: %s: %v %v", name, f.Path, ok, err)
			}
		}
		if _, ok, err := render.One(template.FS, a, "v1.0.0", "no/such.go"); ok || err != nil {
			t.Errorf("%s: %v %v", name, ok, err)
		}
	}
}
