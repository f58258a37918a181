package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/plan"
)

// What stays when an extra goes keeps the library that it imports: files of forge's
// own that the user has edited, those that are no Go below their imports, tools.
func TestALibraryStaysWithWhatImportsIt(t *testing.T) {
	with := bare("orders")
	with.With = append(with.With, answers.Avro)
	const use = "package app\n\nimport _ \"github.com/twmb/avro\"\n"
	for what, tt := range map[string]struct {
		change func(s shop)
		stays  bool
	}{
		"nothing":             {func(shop) {}, false},
		"a package":           {func(s shop) { s.put("own/own.go", use) }, true},
		"a package below":     {func(s shop) { s.put("own/own.go", strings.Replace(use, "avro", "avro/x", 1)) }, true},
		"another library":     {func(s shop) { s.put("own/own.go", strings.Replace(use, "avro", "avro2", 1)) }, false},
		"no Go below":         {func(s shop) { s.put("own/own.go", use+"\nfunc {\n") }, true},
		"no Go imports":       {func(s shop) { s.put("own/own.go", strings.Replace(use, "import", "<<<<<<< yours\nimport", 1)) }, true},
		"an edited file":      {func(s shop) { s.edit(t, "main.go", "import (", "import (\n\t_ \"github.com/twmb/avro\"") }, true},
		"what stays of forge": {func(s shop) { s.edit(t, "e2e/avro_test.go", "import (", "import (\n\t_ \"github.com/twmb/avro\"") }, true},
		"a tool":              {func(s shop) { s.edit(t, "go.mod", "require (", "tool github.com/twmb/avro/cmd/x\n\nrequire (") }, true},
	} {
		s := newShop(t, with)
		tt.change(s)
		p := s.make(t, bare("orders"))
		after := s.with(p).files["go.mod"].Content
		if stays := strings.Contains(string(after), "\tgithub.com/twmb/avro v"); stays != tt.stays || len(p.Refusals) > 0 {
			t.Errorf("%s: %v\n%s", what, stays, summary(plan.Plan{Refusals: p.Refusals}))
		}
	}
}

// A module may lie in another: who imports a package of the inner one needs no outer one.
func TestALibraryGoesAlthoughOneThatIsInItStays(t *testing.T) {
	a := bare("orders")
	a.With = append(a.With, answers.Avro) // which imports franz-go/pkg/sr
	b := a
	answers.SetSource(&b, answers.JetStream)
	s := newShop(t, a)
	s.put("own/own.go", "package own\n\nimport _ \"github.com/twmb/franz-go/pkg/sr\"\n")
	p := s.make(t, b)
	for _, step := range p.Steps {
		if step.Left() {
			t.Errorf("%s is left to the user, who did nothing: %v", step.Path, step.Lines)
		}
	}
	if after := string(s.with(p).files["go.mod"].Content); strings.Contains(after, "\tgithub.com/twmb/franz-go v") || !strings.Contains(after, "\tgithub.com/twmb/franz-go/pkg/sr v") {
		t.Errorf("go.mod is\n%s", after)
	}
}

// A service with a library of its own may have lines in go.sum after a change that nothing
// needs: it is told, since only go knows, and not where a line of its own is all.
func TestAGoSumWithLinesTooManyIsTold(t *testing.T) {
	const mine = "example.com/mine v1.0.0 h1:m=\nexample.com/mine v1.0.0/go.mod h1:m=\n"
	a := bare("orders")
	b := a
	b.With = append(slices.Clone(a.With), answers.Avro)
	for what, tt := range map[string]struct {
		from, to answers.Answers
		sums     string
		told     bool
	}{
		"taken out, with a library": {b, a, mine, true},
		"taken out, pristine":       {b, a, "", false},
		"put in, with a library":    {a, b, mine, false},
	} {
		s := newShop(t, tt.from)
		s.put("go.sum", string(s.files["go.sum"].Content)+tt.sums)
		told := slices.ContainsFunc(s.make(t, tt.to).Steps, func(s plan.Step) bool { return s.Path == "go.sum" && s.Left() })
		if told != tt.told {
			t.Errorf("%s: %v", what, told)
		}
	}
}
