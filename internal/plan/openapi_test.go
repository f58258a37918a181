package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/plan"
)

// TestOpenAPIOfTheUser proves that a field which the user has at the end of the last
// model is in nobody's way: not when a topic is added, renamed, or taken out.
func TestOpenAPIOfTheUser(t *testing.T) {
	topics := func(names ...string) answers.Answers {
		a := bare(names...)
		a.With = []string{answers.HTTP}
		return a
	}
	s := newShop(t, topics("orders", "refunds"))
	const field = "        mine:\n          type: string\n      required: [id, amount, mine]\n"
	text, isLast := strings.CutSuffix(string(s.files["openapi.yaml"].Content), "      required: [id, amount]\n")
	if !isLast {
		t.Fatal("openapi.yaml ends otherwise:\n", text)
	}
	s.put("openapi.yaml", text+field)

	for name, c := range map[string]struct {
		plan plan.Plan
		has  string
	}{
		"add":    {s.make(t, topics("orders", "refunds", "payments")), "    Payment:\n"},
		"remove": {s.make(t, topics("refunds")), "    Refund:\n"},
		"rename": {plan.RenameTopic(plan.Input{Record: s.record, Base: rendered(t, s.record.Answers), Next: rendered(t, topics("orders", "returns")), Disk: s}, "refunds", "returns"), "    Return:\n"},
	} {
		found := false
		for _, step := range c.plan.Steps {
			if step.Path != "openapi.yaml" {
				continue
			}
			found = true
			if step.Left() || !strings.Contains(string(step.Content), field) || !strings.Contains(string(step.Content), c.has) {
				t.Errorf("%s: %v %v\n%s", name, step.Kind, step.Lines, step.Content)
			}
		}
		if !found || len(c.plan.Refusals) > 0 {
			t.Errorf("%s: nothing happens to openapi.yaml: %v", name, c.plan.Refusals)
		}
	}
}

// TestRefusesAnotherPackage proves that no file is written beside those of another
// package, and that each of these is named.
func TestRefusesAnotherPackage(t *testing.T) {
	s := newShop(t, bare("orders"))
	s.put("web/mine.go", "package mine\n")
	s.put("web/more.go", "package mine\n")
	s.put("web/mine_test.go", "package mine_test\n")
	s.put("web/gen.go", "// Command gen writes code.\n\n//go:build ignore\n\npackage main\n")
	s.put("web/doc_mine.go", "package documentation\n")
	a := bare("orders")
	a.With = []string{answers.HTTP}
	p := s.make(t, a)
	var refused []string
	for _, r := range p.Refusals {
		refused = append(refused, r.Path+" "+r.Reason)
	}
	const reason = " is of the package mine, and forge would write the package web into its directory"
	if got := strings.Join(refused, ", "); got != "web/mine.go"+reason+", web/more.go"+reason {
		t.Errorf("refused: %s", got)
	}
}

// Of an openapi.yaml whose lines the user has changed, the command that brings it up to
// date is named, and no lines: it finds the places, and writes YAML its own way.
func TestOpenAPINamesTheCommandThatUpdatesIt(t *testing.T) {
	with := bare("orders", "payments")
	with.With = append(with.With, answers.HTTP)
	s := newShop(t, with)
	s.edit(t, "openapi.yaml", `$ref: "#/components/schemas/Payment"`, `$ref: '#/components/schemas/Payment'`)
	const line = "  = `go test ./web -run OpenAPI -update` puts it right\n"
	without := with
	without.Topics = []string{"orders"}
	for what, got := range map[string]string{
		"rename": summary(s.rename(t, "payments", "refunds")),
		"remove": summary(s.make(t, without)),
	} {
		_, after, _ := strings.Cut(got, " openapi.yaml")
		_, lines, _ := strings.Cut(after, "\n")
		lines, _, _ = strings.Cut(lines, "\nkeep ")
		if !strings.Contains(lines+"\n", line) || strings.Contains(lines, "+ ") {
			t.Errorf("%s:\n%s", what, got)
		}
	}
}

// An openapi.yaml that comes is of the models as forge writes them: where the user's have
// other fields, the command that brings it up to date is named.
func TestANewOpenAPINamesTheModelsThatAreYours(t *testing.T) {
	a := bare("orders", "payments")
	b := a
	b.With = append(slices.Clone(a.With), answers.HTTP)
	for what, tt := range map[string]struct {
		old, mine string
		told      bool
	}{
		"a field":   {"`json:\"id\"", "`json:\"key\"", true},
		"a comment": {"type Payment", "// mine\ntype Payment", false},
		"a method":  {"// Topic is", "// Mine is one.\nfunc (Payment) Mine() {}\n\n// Topic is", false},
		"nothing":   {"type Payment", "type Payment", false},
	} {
		s := newShop(t, a)
		s.edit(t, "models/payments.go", tt.old, tt.mine)
		got := summary(s.make(t, b))
		if told := strings.Contains(got, "write openapi.yaml\n  = `go test ./web -run OpenAPI -update` puts it right\n"); told != tt.told {
			t.Errorf("%s: %v\n%s", what, told, got)
		}
	}
}
