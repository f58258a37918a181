package plan_test

import (
	"bytes"
	"testing"

	"github.com/ouroboros-forge/forge/internal/answers"
)

// TestALastLineWithoutABreakComesBack proves, of each file that an extra or a topic changes
// and that is no Go, that what comes and goes again leaves the user's last line as it was.
func TestALastLineWithoutABreakComesBack(t *testing.T) {
	before := bare("orders")
	before.With = append(before.With, answers.HTTP)
	after := bare("orders", "payments")
	after.With = append(after.With, answers.HTTP, answers.Avro, answers.Tests)
	for _, name := range []string{"openapi.yaml", ".env", ".env.example", "go.mod", ".gitignore", "compose.yaml", "Makefile"} {
		s := newShop(t, before)
		text := bytes.TrimSuffix(s.files[name].Content, []byte("\n"))
		s.put(name, string(text))
		changed := s.with(s.make(t, after))
		if now := changed.files[name].Content; bytes.HasSuffix(now, []byte("\n")) {
			t.Errorf("%s got a break at its end", name)
		}
		if back := changed.with(changed.make(t, before)).files[name].Content; !bytes.Equal(back, text) {
			t.Errorf("%s came back as\n%s\nand was\n%s", name, back, text)
		}
	}
}
