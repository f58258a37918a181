package plan_test

import (
	"bytes"
	"cmp"
	"go/format"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/plan"
	"github.com/ouroboros-forge/forge/internal/project"
)

// Files are all files of the shop.
func (s shop) Files() []string { return slices.Sorted(maps.Keys(s.files)) }

// Others are none: a shop is one module.
func (shop) Others() []string { return nil }

func (shop) Links() map[string][]byte { return nil }

func (shop) LinksTo() map[string]string { return nil }

// renamed are the answers with another topic in the place of one.
func renamed(a answers.Answers, from, to string) answers.Answers {
	a.Topics, a.Schemas = slices.Clone(a.Topics), maps.Clone(a.Schemas)
	a.Topics[slices.Index(a.Topics, from)] = to
	if s, ok := a.Schemas[from]; ok {
		a.Schemas[to] = s
		delete(a.Schemas, from)
	}
	return a
}

// rename plans another name for a topic.
func (s shop) rename(t failer, from, to string) plan.Plan {
	t.Helper()
	a := renamed(s.record.Answers, from, to)
	p := plan.RenameTopic(plan.Input{Record: s.record, Base: rendered(t, s.record.Answers), Next: rendered(t, a), Disk: s}, from, to)
	p.Record.Answers = a
	return p
}

// renameModule plans another path for the module.
func (s shop) renameModule(t failer, to string) plan.Plan {
	t.Helper()
	a := s.record.Answers
	a.Module = to
	p := plan.RenameModule(plan.Input{Record: s.record, Base: rendered(t, s.record.Answers), Next: rendered(t, a), Disk: s}, to)
	p.Record.Answers = a
	return p
}

// same fails unless two shops are the same, to the byte.
func (s shop) same(t *rapid.T, what string, other shop) {
	t.Helper()
	for name, f := range s.files {
		if got, ok := other.files[name]; !ok || !bytes.Equal(got.Content, f.Content) || got.Mode != f.Mode {
			t.Fatalf("%s: %s is\n%s\nand not\n%s", what, name, got.Content, f.Content)
		}
	}
	if len(s.files) != len(other.files) || s.text(t) != other.text(t) {
		t.Fatalf("%s: %d files and not %d, the record is\n%s\nand not\n%s", what, len(other.files), len(s.files), other.text(t), s.text(t))
	}
}

// The schemas that topics may have.
var schemas = []answers.Schema{
	{},
	{File: "order.avsc", Text: `{"type": "record", "name": "OrderPlaced", "namespace": "shop", "fields": [{"name": "id", "type": "string"}, {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [{"name": "sku", "type": "string"}]}}}]}`},
	{File: "message.json", Text: `{"refundId": "r-1", "cents": 100, "by": {"name": "ann"}}`},
}

// aShop draws a project with a topic orders among others.
func aShop(t *rapid.T) shop {
	others := rapid.SampledFrom([][]string{{"orders"}, {"orders", "refunds"}, {"1st.topic_X-y", "orders", "orders-retries"}}).Draw(t, "topics")
	a := bare(others...)
	a.With = rapid.SampledFrom([][]string{nil, {answers.Docker, answers.GitHub}, {answers.Docker, answers.HTTP, answers.Tests}, {answers.Avro, answers.Batch}, {answers.Avro, answers.HTTP, answers.Fast}}).Draw(t, "with")
	if s := rapid.SampledFrom(schemas).Draw(t, "schema"); s.Text != "" {
		a.Schemas = map[string]answers.Schema{"orders": s}
	}
	return newShop(t, a)
}

// aName draws another name for orders.
func aName(t *rapid.T, s shop) string {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"payments", "handlers", "a.order", "Orders", "ORDERS", "order", "message", "x_test"}), rapid.StringMatching(`[a-zA-Z0-9][a-zA-Z0-9._-]{0,12}`),
	).Filter(func(name string) bool {
		return name != "orders" && renamed(s.record.Answers, "orders", name).Validate() == nil
	}).Draw(t, "name")
}

// The files of the user's own, one of which has each way to use what is renamed.
var ownFiles = map[string]string{
	"app/mine.go":          "package app\n\nimport (\n\th \"example.com/shop/handlers\"\n\t\"example.com/shop/models\"\n)\n\nvar _ = h.NewOrders(nil)\n\n// of Order\ntype mine struct {\n\torder models.Order // an Order\n\tid    string       // its id\n}\n",
	"handlers/mine.go":     "package handlers\n\nimport \"example.com/shop/internal/message\"\n\ntype both struct {\n\ta *Orders\n\tOrder int\n}\n\nfunc mine(r *message.Registry) {\n\tmessage.Register(r,  \"orders\", NewOrders(nil))\n\tprint(\"orders\", both{Order: 1}.Order)\n}\n",
	"internal/mine/m.go":   "package mine\n\nimport . \"example.com/shop/models\"\n\nvar _ = Order{}\n",
	"web/mine_test.go":     "package web_test\n\n// example.com/shop is the module.\nconst _ = `example.com/shop/handlers`\n",
	"dev/samples/own.json": "{\"topic\": \"orders\", \"samples\": [{\"value\": {\"header\": {\"messageType\":\"OrderCreated\"}}}]}\n",
	"docs/mine.md":         "orders of example.com/shop\n",
}

// editAll draws what the user does with a project.
func editAll(t *rapid.T, s shop) {
	for _, name := range slices.Sorted(maps.Keys(ownFiles)) {
		if rapid.Bool().Draw(t, name) {
			s.put(name, ownFiles[name])
		}
	}
	for range rapid.IntRange(0, 8).Draw(t, "edits") {
		name := rapid.SampledFrom(slices.DeleteFunc(slices.Sorted(maps.Keys(s.files)), func(name string) bool {
			return strings.HasPrefix(name, "internal/") || name == "go.sum"
		})).Draw(t, "file")
		lines := strings.SplitAfter(string(s.files[name].Content), "\n")
		at := rapid.IntRange(0, len(lines)-1).Draw(t, "at")
		piece := "// mine\n"
		if ext := path.Ext(name); ext != ".go" && ext != ".mod" {
			piece = "# mine\n"
		}
		switch rapid.IntRange(0, 3).Draw(t, "what") {
		case 0:
			lines = slices.Insert(lines, at, piece)
		case 1:
			lines[at] = strings.TrimSuffix(lines[at], "\n") + " " + piece
		case 2:
			if strings.TrimSpace(lines[at]) == "" || strings.HasPrefix(lines[at], "//") || path.Ext(name) != ".go" && name != "go.mod" {
				lines = slices.Delete(lines, at, at+1)
			}
		default:
			if rapid.IntRange(0, 9).Draw(t, "gone") == 0 && name != "go.mod" {
				delete(s.files, name)
				continue
			}
			lines[at] = strings.ReplaceAll(lines[at], "  ", " ")
		}
		f := s.files[name]
		f.Content = []byte(strings.Join(lines, ""))
		s.files[name] = f
	}
}

// TestRenameGivesWhatNewWrites proves that a project that nobody has edited becomes
// the one that would have been written with the other name.
func TestRenameGivesWhatNewWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := aShop(t)
		a := s.record.Answers
		var p plan.Plan
		if rapid.Bool().Draw(t, "module") {
			a.Module = "github.com/me/shop"
			p = s.renameModule(t, a.Module)
		} else {
			to := aName(t, s)
			a = renamed(a, "orders", to)
			p = s.rename(t, "orders", to)
		}
		if len(p.Refusals) > 0 || slices.ContainsFunc(p.Steps, plan.Step.Left) {
			t.Fatal(summary(p))
		}
		newShop(t, a).same(t, "renamed", s.with(p))
	})
}

// TestRenameThereAndBack proves of any names, extras, schemas and edits that
// renaming a topic, or the module, and renaming it back gives back each byte; and that
// what was formatted stays so.
func TestRenameThereAndBack(t *testing.T) {
	refused := 0
	rapid.Check(t, func(t *rapid.T) {
		s := aShop(t)
		editAll(t, s)
		from, to, rename := "example.com/shop", "github.com/me/shop", func(s shop, _, to string) plan.Plan { return s.renameModule(t, to) }
		if rapid.Bool().Draw(t, "topic") {
			from, to, rename = "orders", aName(t, s), func(s shop, from, to string) plan.Plan { return s.rename(t, from, to) }
		}
		p := rename(s, from, to)
		if len(p.Refusals) > 0 {
			if from != "orders" {
				t.Fatal(summary(p))
			}
			refused++
			return
		}
		there := s.with(p)
		for _, step := range p.Steps {
			before := s.files[cmp.Or(step.From, step.Path)].Content
			if isFormatted(before) && step.Content != nil && !isFormatted(step.Content) {
				t.Fatalf("%s was formatted, and is\n%s", step.Path, step.Content)
			}
		}
		back := rename(there, to, from)
		if len(back.Refusals) > 0 {
			t.Fatal(summary(back))
		}
		s.same(t, from+" → "+to+" → "+from, there.with(back))
	})
	t.Log(refused, "were refused")
}

// TestRenameMakesWay proves that a part of another topic's model which has to give way
// to the new name, or need not any more, gets its new name where the user uses it, too.
func TestRenameMakesWay(t *testing.T) {
	a := bare("orders", "refunds")
	a.Schemas = map[string]answers.Schema{"orders": schemas[1]}
	s := newShop(t, a)
	const used = "package app\n\nimport \"example.com/shop/models\"\n\nvar _ models.OrderLine\nvar _ models.Refund\n"
	s.put("app/mine.go", used)
	p := s.rename(t, "refunds", "order-lines")
	if len(p.Refusals) > 0 {
		t.Fatal(summary(p))
	}
	there := s.with(p)
	if got := string(there.files["app/mine.go"].Content); !strings.HasSuffix(got, "\nvar _ models.OrderLine2\nvar _ models.OrderLine\n") {
		t.Error(got)
	}
	if got := string(there.with(there.rename(t, "order-lines", "refunds")).files["app/mine.go"].Content); got != used {
		t.Error(got)
	}
}

// TestRenameLeavesTheEnginesTests proves that the topics of tests that forge manages
// are their own, also where somebody who changes the engine has edited them.
func TestRenameLeavesTheEnginesTests(t *testing.T) {
	a := bare("orders")
	a.With = []string{answers.Tests}
	s := newShop(t, a)
	const name = "internal/message/wiring_test.go"
	s.put(name, string(s.files[name].Content)+"// mine\n")
	p := s.rename(t, "orders", "payments")
	if len(p.Refusals) > 0 || slices.ContainsFunc(p.Steps, func(step plan.Step) bool { return step.Path == name }) {
		t.Error(summary(p))
	}
}

func isFormatted(src []byte) bool {
	formatted, err := format.Source(src)
	return err == nil && bytes.Equal(formatted, src)
}

// TestRenameOfWhatForgeCannotWrite proves what becomes of files that are gone, are
// links, are renamed by hand, or of which forge cannot show what it wrote.
func TestRenameOfWhatForgeCannotWrite(t *testing.T) {
	a := bare("orders")
	a.With = nil
	s := newShop(t, a)
	delete(s.files, "handlers/orders_test.go")
	s.files["dev/samples/orders.json"] = plan.File{Mode: fs.ModeSymlink | 0o777}
	s.put("models/purchases.go", strings.NewReplacer("Order", "Purchase", "orders", "purchases").Replace(string(s.files["models/orders.go"].Content)))
	delete(s.files, "models/orders.go")
	p := s.rename(t, "orders", "purchases")
	if got := summary(p); !strings.HasPrefix(got, `replace README.md
keep dev/samples/orders.json is no regular file: it stays
  -   "topic": "orders",
  +   "topic": "purchases",
`) || !strings.HasSuffix(got, `replace docs/handlers.md
replace docs/operating.md
replace handlers/handlers.go
delete handlers/orders.go
write handlers/purchases.go
`) {
		t.Error(got)
	}
	after := s.with(p)
	for _, name := range []string{"handlers/purchases_test.go", "dev/samples/purchases.json", "models/purchases.go"} {
		if !slices.ContainsFunc(after.record.Files, func(f project.File) bool { return f.Path == name }) {
			t.Errorf("the record has no %s", name)
		}
	}
	s = newShop(t, a)
	for i, f := range s.record.Files {
		if f.Path == "handlers/orders.go" {
			s.record.Files[i].SHA256 = project.Sum(nil)
		}
	}
	expect(t, plan.Plan{Refusals: s.rename(t, "orders", "purchases").Refusals}, "refuse handlers/orders.go was written by another forge (v1.0.0), whose template this one does not have\n")
}
