package plan_test

import (
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/answers"
)

// A value of the user's stays when its setting goes with an extra: it is listed, without
// the value.
func TestSettingsThatNothingReadsAnyMoreAreListed(t *testing.T) {
	with := bare("orders")
	with.With = append(with.With, answers.HTTP)
	s := newShop(t, with)
	if got := summary(s.make(t, bare("orders"))); strings.Contains(got, "reads any more") {
		t.Errorf("nothing is edited:\n%s", got)
	}
	for _, name := range []string{".env", ".env.example"} {
		s.edit(t, name, "HTTP_ADDR=:8081", "HTTP_ADDR=:9999")
	}
	got := summary(s.make(t, bare("orders")))
	for _, name := range []string{".env", ".env.example"} {
		if !strings.Contains(got, "keep "+name+" has settings of yours that nothing of forge's reads any more\n  = line ") || strings.Contains(got, "9999") {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}
