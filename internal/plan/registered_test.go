package plan_test

import (
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/plan"
)

// A registration that is not as forge writes it stays when its topic goes: the service
// would go on consuming, so it is listed.
func TestWhatStillRegistersATopicThatGoesIsListed(t *testing.T) {
	for what, registration := range map[string]string{
		"a batch":           "message.RegisterBatch(r, \"payments\", d.Payments)",
		"another interface": "message.Scoped(r, \"payments\", d.Payments)",
	} {
		s := newShop(t, bare("orders", "payments"))
		text := string(s.files["handlers/handlers.go"].Content)
		at := strings.Index(text, "\tmessage.Register(r, \"payments\"")
		end := at + strings.Index(text[at:], "\n")
		s.edit(t, "handlers/handlers.go", text[at:end], "\t"+registration)
		next := bare("orders")
		p := plan.Make(plan.Input{Record: s.record, Base: rendered(t, s.record.Answers), Next: rendered(t, next), Disk: s, Gone: []string{"payments"}})
		if got := summary(p); !strings.Contains(got, "handlers/handlers.go still registers payments") {
			t.Errorf("%s:\n%s", what, got)
		}
	}
}
