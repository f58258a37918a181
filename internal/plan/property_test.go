package plan_test

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/plan"
)

// TestThereAndBack proves of any topics and edits that adding and removing a topic
// gives back each byte.
func TestThereAndBack(t *testing.T) {
	pieces := []string{"\t// a comment\n", "\n", "\tif d.Log != nil {\n\t\td.Log.Info(\"x\")\n\t}\n", "\tmessage.Register(r, \"refunds\", NewRefunds(d.Log)) // mine\n", "  x()\n"}
	rapid.Check(t, func(t *rapid.T) {
		a := bare("orders")
		a.With = rapid.SampledFrom([][]string{nil, {answers.Docker, answers.HTTP}, {answers.Avro, answers.Batch}}).Draw(t, "with")
		s := newShop(t, a)
		for range rapid.IntRange(0, 5).Draw(t, "edits") {
			name := rapid.SampledFrom([]string{"handlers/handlers.go", "README.md", "handlers/orders.go", "app/app.go"}).Draw(t, "file")
			lines := strings.SplitAfter(string(s.files[name].Content), "\n")
			at := rapid.IntRange(0, len(lines)-1).Draw(t, "at")
			piece := "mine\n"
			if strings.HasSuffix(name, ".go") {
				piece = "\n// mine\n"
			}
			if name == "handlers/handlers.go" {
				at = rapid.IntRange(19, 21).Draw(t, "line") // in Register
				piece = rapid.SampledFrom(pieces).Draw(t, "piece")
			}
			s.put(name, strings.Join(append(lines[:at:at], append([]string{piece}, lines[at:]...)...), ""))
		}
		b := a
		b.Topics = []string{"orders", rapid.SampledFrom([]string{"payments", "1st.topic_X-y", "handlers"}).Draw(t, "topic")}
		p := s.make(t, b)
		if len(p.Refusals) > 0 || slices.ContainsFunc(p.Steps, plan.Step.Left) {
			t.Skip("something is refused, or left to the user")
		}
		added := s.with(p)
		back := added.with(added.make(t, a))
		for name, f := range s.files {
			if !bytes.Equal(back.files[name].Content, f.Content) {
				t.Fatalf("%s was\n%s\nand is\n%s", name, f.Content, back.files[name].Content)
			}
		}
		if len(back.files) != len(s.files) || back.text(t) != s.text(t) {
			t.Fatalf("%d files, were %d", len(back.files), len(s.files))
		}
	})
}

// TestNoLineIsLost proves of any edits, in any files, and of any other answers,
// that each of the user's lines is still there.
func TestNoLineIsLost(t *testing.T) {
	sets := []answers.Answers{bare("orders"), bare("orders", "payments"), bare("payments"), bare("orders"), bare("orders", "payments"), bare("orders")}
	sets[3].With = []string{answers.HTTP, answers.Docker}
	sets[4].With = []string{answers.HTTP, answers.Avro, answers.Batch}
	sets[5].With = nil
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.SampledFrom(sets).Draw(t, "from")
		s := newShop(t, from)
		mine := make(map[string][]string) // by file
		for i := range rapid.IntRange(1, 6).Draw(t, "edits") {
			name := rapid.SampledFrom(slices.Sorted(maps.Keys(s.files))).Draw(t, "file")
			lines := strings.SplitAfter(string(s.files[name].Content), "\n")
			at := rapid.IntRange(0, len(lines)-1).Draw(t, "at")
			sign := "# "
			if path.Ext(name) == ".go" || path.Ext(name) == ".mod" {
				sign = "// "
			}
			own := fmt.Sprintf("%smine %d", sign, i)
			if rapid.Bool().Draw(t, "on a line of its own") {
				lines = slices.Insert(lines, at, own+"\n")
			} else {
				lines[at] = strings.TrimSuffix(lines[at], "\n") + " " + own + "\n"
			}
			s.put(name, strings.Join(lines, ""))
			mine[name] = append(mine[name], own)
		}
		p := s.make(t, rapid.SampledFrom(sets).Draw(t, "to"))
		if len(p.Refusals) > 0 {
			return
		}
		after := s.with(p)
		for name, lines := range mine {
			for _, l := range lines {
				if !bytes.Contains(after.files[name].Content, []byte(l)) {
					t.Fatalf("%s has lost %q: was\n%s\nis\n%s", name, l, s.files[name].Content, after.files[name].Content)
				}
			}
		}
	})
}
