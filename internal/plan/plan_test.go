package plan_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/plan"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/template"
)

// shop is a project in memory.
type shop struct {
	record project.Project
	files  map[string]plan.File
}

func (s shop) File(name string) (plan.File, error) {
	f, ok := s.files[name]
	if !ok {
		return f, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return f, nil
}

func (s shop) GoFiles() []string {
	var all []string
	for name := range s.files {
		if path.Ext(name) == ".go" && !strings.HasPrefix(name, "internal/") {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

type failer interface {
	Helper()
	Fatal(...any)
}

// trees are those that were rendered, by their answers.
var trees = make(map[string]*render.Tree)

func rendered(t failer, a answers.Answers) *render.Tree {
	t.Helper()
	key := fmt.Sprint(a)
	if tree := trees[key]; tree != nil {
		return tree
	}
	tree, err := render.Render(template.FS, a, "v1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	trees[key] = tree
	return tree
}

func newShop(t failer, a answers.Answers) shop {
	t.Helper()
	s := shop{files: make(map[string]plan.File)}
	for _, f := range rendered(t, a).Files {
		if f.Path == project.Path {
			record, err := project.Parse(f.Content)
			if err != nil {
				t.Fatal(err)
			}
			s.record = record
			continue
		}
		s.files[f.Path] = plan.File{Content: f.Content, Mode: f.Mode}
	}
	return s
}

func (s shop) edit(t failer, name string, oldnew ...string) {
	t.Helper()
	text := string(s.files[name].Content)
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(text, oldnew[i]) {
			t.Fatal(name, "has no", oldnew[i])
		}
		text = strings.Replace(text, oldnew[i], oldnew[i+1], 1)
	}
	s.files[name] = plan.File{Content: []byte(text), Mode: 0o644}
}

func (s shop) put(name, content string) {
	s.files[name] = plan.File{Content: []byte(content), Mode: 0o644}
}

// text is the record as it is written.
func (s shop) text(t failer) string {
	t.Helper()
	text, err := s.record.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// make plans other answers.
func (s shop) make(t failer, a answers.Answers) plan.Plan {
	t.Helper()
	p := plan.Make(plan.Input{Record: s.record, Base: rendered(t, s.record.Answers), Next: rendered(t, a), Disk: s, Source: a.Source})
	p.Record.Answers = a
	return p
}

// with is the shop after a plan.
func (s shop) with(p plan.Plan) shop {
	next := shop{record: p.Record, files: maps.Clone(s.files)}
	for _, step := range p.Steps {
		switch step.Kind {
		case plan.Keep:
		case plan.Delete:
			delete(next.files, step.Path)
		default:
			next.files[step.Path] = plan.File{Content: step.Content, Mode: step.Mode}
		}
	}
	return next
}

func bare(topics ...string) answers.Answers {
	a := answers.Defaults("shop")
	a.Topics = topics
	return a
}

// summary is a plan in short.
func summary(p plan.Plan) string {
	var b strings.Builder
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "%s %s", s.Kind, s.Path)
		if s.Kind == plan.Keep {
			fmt.Fprintf(&b, " %s", s.Reason)
		}
		b.WriteString("\n")
		for _, l := range s.Lines {
			fmt.Fprintf(&b, "  %c %s\n", l.Op, l.Text)
		}
	}
	for _, r := range p.Refusals {
		fmt.Fprintf(&b, "refuse %s %s\n", r.Path, r.Reason)
		for _, l := range r.Lines {
			fmt.Fprintf(&b, "  %c %s\n", l.Op, l.Text)
		}
	}
	return b.String()
}

func expect(t *testing.T, p plan.Plan, want string) {
	t.Helper()
	if got := summary(p); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestNamesKeepTheirMeaning proves that no topic takes a name that another model
// has for a part of itself, and that a part keeps its name while it is used.
func TestNamesKeepTheirMeaning(t *testing.T) {
	schemas := map[string]answers.Schema{"orders": {File: "o.avsc", Text: `{"type": "record", "name": "O", "fields": [
		{"name": "id", "type": "string"}, {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [{"name": "sku", "type": "string"}]}}}]}`}}
	one, two := bare("orders"), bare("orders", "order-lines")
	one.Schemas, two.Schemas = schemas, schemas
	p := newShop(t, one).make(t, two)
	if got := summary(p); !strings.HasSuffix(got, "refuse models/orders.go declares OrderLine, and so would models/order_lines.go\n") {
		t.Error(got)
	}
	s := newShop(t, two)
	if p := s.make(t, one); len(p.Refusals) > 0 {
		t.Error(summary(p))
	}
	s.put("app/mine.go", "package app\n\nimport \"example.com/shop/models\"\n\nvar _ models.OrderLine2\n")
	if got := summary(s.make(t, one)); !strings.HasSuffix(got, "refuse models/orders.go would lose OrderLine2, which app/mine.go:5 uses\n") {
		t.Error(got)
	}
}

const line = `message.Register(r, "payments", NewPayments(d.Log))`

func TestAddToWhatNobodyTouched(t *testing.T) {
	s := newShop(t, bare("orders"))
	p := s.make(t, bare("orders", "payments"))
	expect(t, p, `replace README.md
replace compose.yaml
write dev/samples/payments.json
replace handlers/handlers.go
write handlers/payments.go
write handlers/payments_test.go
write models/payments.go
`)
	if got, want := s.with(p), newShop(t, bare("orders", "payments")); got.text(t) != want.text(t) || !reflect.DeepEqual(got.files, want.files) {
		t.Error("it is not what forge new writes for both")
	}
}

func TestAddToWhatIsEdited(t *testing.T) {
	s := newShop(t, bare("orders"))
	s.edit(t, "handlers/handlers.go", "NewOrders(d.Log))", "NewOrders(d.Log, d.Store)) // mine")
	s.edit(t, "README.md", "# shop\n", "# My shop\n")
	s.edit(t, "compose.yaml", "9092:9092", "9999:9092")
	s.put("handlers/payments.go", string(newShop(t, bare("orders", "payments")).files["handlers/payments.go"].Content))
	p := s.make(t, bare("orders", "payments"))
	expect(t, p, `edit README.md
edit compose.yaml
write dev/samples/payments.json
edit handlers/handlers.go
write handlers/payments_test.go
write models/payments.go
`)
	after := s.with(p)
	for name, lines := range map[string][]string{
		"handlers/handlers.go": {"NewOrders(d.Log, d.Store)) // mine\n\t" + line},
		"README.md":            {"# My shop\n", `topic payments"]`},
		"compose.yaml":         {"9999:9092", "'orders' 'payments'"},
	} {
		for _, l := range lines {
			if !bytes.Contains(after.files[name].Content, []byte(l)) {
				t.Errorf("%s has no %s", name, l)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(s shop)
		want   string
	}{
		"the place is gone": {
			func(s shop) { s.edit(t, "handlers/handlers.go", "func Register", "func Enrol") },
			"refuse handlers/handlers.go has no function Register\n  + " + line + "\n",
		},
		"the file is gone": {
			func(s shop) { delete(s.files, "handlers/handlers.go") },
			"refuse handlers/handlers.go is not there any more\n  + import \"example.com/shop/internal/message\"\n  + " + line + "\n",
		},
		"another file of that name": {
			func(s shop) { s.put("handlers/payments.go", "package handlers\n") },
			"refuse handlers/payments.go is there already, with other content\n",
		},
		"another type of that name": {
			func(s shop) { s.put("handlers/mine.go", "package handlers\n\ntype Payments struct{}\n") },
			"refuse handlers/mine.go declares Payments, and so would handlers/payments.go\n",
		},
		"no proof": {
			func(s shop) {
				for i, f := range s.record.Files {
					if f.Path == "README.md" {
						s.record.Files[i].SHA256 = project.Sum(nil)
					}
				}
			},
			"refuse README.md was written by another forge (v1.0.0), whose template this one does not have\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, bare("orders"))
			tt.change(s)
			p := s.make(t, bare("orders", "payments"))
			p.Steps = nil
			expect(t, p, tt.want)
		})
	}
}

// TestByHand proves that who has put in the refused lines, wherever, can go on,
// and that the function may be in another file.
func TestByHand(t *testing.T) {
	s := newShop(t, bare("orders"))
	s.edit(t, "handlers/handlers.go", "func Register", "func Enrol", "NewOrders(d.Log))", "NewOrders(d.Log))\n\t"+line)
	if p := s.make(t, bare("orders", "payments")); len(p.Refusals) > 0 || len(p.Steps) != 6 {
		t.Error(summary(p))
	}
	s = newShop(t, bare("orders"))
	s.files["handlers/register.go"] = s.files["handlers/handlers.go"]
	delete(s.files, "handlers/handlers.go")
	p := s.make(t, bare("orders", "payments"))
	if len(p.Refusals) > 0 || !strings.Contains(summary(p), "edit handlers/register.go\n") {
		t.Error(summary(p))
	}
}

func TestRemove(t *testing.T) {
	s := newShop(t, bare("orders", "payments"))
	s.edit(t, "handlers/payments.go", "type Payments struct {", "type Payments struct { // mine")
	s.edit(t, "README.md", "A service that", "My service that")
	s.put("app/more.go", "package app\n\nimport \"example.com/shop/models\"\n\nvar _ = models.Payment{}\n")
	p := s.make(t, bare("orders"))
	expect(t, p, `edit README.md
replace compose.yaml
delete dev/samples/payments.json
replace handlers/handlers.go
keep handlers/payments.go is changed by you: it stays
delete handlers/payments_test.go
keep models/payments.go stays: app/more.go:5 uses Payment
`)
	again := s.with(p).make(t, bare("orders", "payments"))
	again.Steps = nil
	expect(t, again, "refuse handlers/payments.go is there already, with other content\n")
}

func TestRemoveWhatIsEdited(t *testing.T) {
	s := newShop(t, bare("orders", "payments"))
	const mine = `message.Register(r, "payments", NewPayments(d.Log, d.Store))`
	s.edit(t, "handlers/handlers.go", line, mine)
	s.edit(t, "compose.yaml", "'orders' 'payments'", "'orders' 'payments' 'more'")
	s.put("README.md", "# All mine\n")
	expect(t, s.make(t, bare("orders")), `keep README.md is changed by you at the same lines: it stays
keep compose.yaml is changed by you at the same lines: it stays, and these are yours to change
  -         for topic in 'orders' 'payments'; do
  +         for topic in 'orders'; do
delete dev/samples/payments.json
keep handlers/handlers.go has lines that you have changed: they stay
  - `+mine+`
keep handlers/payments.go stays: handlers/handlers.go:22 uses NewPayments
delete handlers/payments_test.go
keep models/payments.go stays: handlers/payments.go:32 uses Payment
`)
}

// TestExtras proves of each extra of each source that adding it gives what forge new
// writes, and that removing it gives back what was there.
func TestExtras(t *testing.T) {
	for _, source := range answers.Sources() {
		for _, e := range answers.Extras() {
			without := from(source)
			without.Topics = []string{"orders", "payments"}
			without.With = slices.DeleteFunc([]string{answers.Docker, answers.GitHub}, func(s string) bool { return s == e.Name })
			with := without
			with.With = answers.Insert(without.With, e.Name)
			if with.Validate() != nil { // it is not for this source
				continue
			}
			s := newShop(t, without)
			p := s.make(t, with)
			added, want := s.with(p), newShop(t, with)
			if len(p.Refusals) > 0 || added.text(t) != want.text(t) || !reflect.DeepEqual(added.files, want.files) {
				t.Errorf("%s: add %s: %s", source, e.Name, summary(p))
			}
			p = added.make(t, without)
			if back := added.with(p); len(p.Refusals) > 0 || back.text(t) != s.text(t) || !reflect.DeepEqual(back.files, s.files) {
				t.Errorf("%s: remove %s: %s", source, e.Name, summary(p))
			}
		}
	}
}

// TestExtraThatIsUsed proves that what the user wrote stays when an extra goes,
// and that its end is told.
func TestExtraThatIsUsed(t *testing.T) {
	with := bare("orders")
	with.With = []string{answers.HTTP}
	without := bare("orders")
	without.With = nil
	s := newShop(t, with)
	s.edit(t, "web/orders.go", "return e.publisher", "// mine\n\treturn e.publisher")
	s.edit(t, "app/app.go", "\treturn nil", "\tmore(b)\n\treturn nil")
	p := s.make(t, without)
	got := summary(p)
	for _, want := range []string{
		"edit app/app.go\n", "delete web/web.go\n", "delete internal/httpapi/api.go\n",
		"keep web/orders.go does not build any more: it uses what goes\n", "  = line 27: Request of internal/httpapi\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if text := string(s.with(p).files["app/app.go"].Content); strings.Contains(text, "web") || !strings.Contains(text, "more(b)") {
		t.Error(text)
	}
}

// TestGoMod proves that a requirement of the user's stays, and so does what an
// extra brought and the user's code uses now.
func TestGoMod(t *testing.T) {
	s := newShop(t, bare("orders"))
	s.edit(t, "go.mod", "require (", "require (\n\texample.com/mine v1.2.3")
	with := bare("orders")
	with.With = append(with.With, answers.Avro)
	p := s.make(t, with)
	added := s.with(p)
	text := string(added.files["go.mod"].Content)
	if len(p.Refusals) > 0 || !strings.Contains(text, "example.com/mine v1.2.3") || !strings.Contains(text, "twmb/avro") {
		t.Fatalf("%s\n%s", summary(p), text)
	}
	removed := added.with(added.make(t, bare("orders")))
	if text := string(removed.files["go.mod"].Content); !strings.Contains(text, "example.com/mine v1.2.3") || strings.Contains(text, "twmb/avro") {
		t.Error(text)
	}
	added.put("app/mine.go", "package app\n\nimport _ \"github.com/twmb/avro\"\n")
	used := added.with(added.make(t, bare("orders")))
	if text := string(used.files["go.mod"].Content); !strings.Contains(text, "twmb/avro") {
		t.Error(text)
	}
}
