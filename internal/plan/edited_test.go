package plan_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/merge"
	"github.com/ouroboros-forge/forge/internal/plan"
)

// Files of forge's own that the user has edited elsewhere take what an extra brings, of
// any kind, and give it back.
func TestEditedFilesOfForgesTakeExtras(t *testing.T) {
	for _, extra := range []string{answers.HTTP, answers.Avro} {
		a := bare("orders")
		s := newShop(t, a)
		mine := "\n// mine\n"
		for _, name := range []string{"internal/config/config.go", "internal/dev/report.go", "internal/service/builder.go", "internal/service/main.go"} {
			s.put(name, string(s.files[name].Content)+mine)
		}
		b := a
		b.With = []string{extra}
		p := s.make(t, b)
		for _, step := range p.Steps {
			if step.Left() || step.Kind == plan.Keep {
				t.Errorf("%s: %s %s %v", extra, step.Path, step.Reason, step.Lines)
			}
		}
		if len(p.Refusals) > 0 {
			t.Fatalf("%s: %v", extra, p.Refusals)
		}
		added := s.with(p)
		back := added.with(added.make(t, a))
		for name, f := range s.files {
			if !bytes.Equal(back.files[name].Content, f.Content) {
				t.Errorf("%s: %s\n%s", extra, name, merge.Patch("was", "is", f.Content, back.files[name].Content))
			}
		}
	}
}

// What an extra writes in the place of a file that the user has edited declares the same:
// both would not build.
func TestAnEditedFileIsNotReplacedByAnotherOfItsNames(t *testing.T) {
	a := bare("orders")
	s := newShop(t, a)
	s.edit(t, "internal/service/codec.go", "\treturn envelope", "\t_ = cfg // mine\n\treturn envelope")
	a.With = []string{answers.Fast}
	if got := summary(s.make(t, a)); !strings.Contains(got, "refuse internal/service/codec.go declares newCodec, and so would internal/service/codec_fast.go\n") {
		t.Error(got)
	}
}

// Where the user has done a part of it by hand, nothing comes twice.
func TestNoLineComesTwiceByAMerge(t *testing.T) {
	a := bare("orders")
	s := newShop(t, a)
	s.edit(t, "internal/config/config.go", "\tLog    Log\n", "\tLog    Log\n\n\t// mine\n\n\tHTTP HTTP\n") //nolint:dupword // a field and its type
	b := a
	b.With = []string{answers.HTTP}
	for _, step := range s.make(t, b).Steps {
		if step.Path == "internal/config/config.go" && bytes.Count(step.Content, []byte("HTTP HTTP")) > 1 { //nolint:dupword // as above
			t.Errorf("%s", step.Content)
		}
	}
}
