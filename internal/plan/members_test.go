package plan_test

import (
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/answers"
)

// A model that is as forge wrote it gets other types with Avro: what of the user's uses
// its fields is listed, since it may not build any more.
func TestWhatUsesAFieldThatGetsAnotherTypeIsListed(t *testing.T) {
	a := bare("orders")
	a.Schemas = map[string]answers.Schema{"orders": {File: "order.json", Text: `{"type":"object","required":["total"],"properties":{"total":{"type":"integer"},"note":{"type":"string"}}}`}}
	s := newShop(t, a)
	if !strings.Contains(string(s.files["models/orders.go"].Content), "Total *int64") {
		t.Fatalf("%s", s.files["models/orders.go"].Content)
	}
	s.put("app/report.go", "package app\n\nimport \"example.com/shop/models\"\n\nfunc total(o models.Order) int64 { return *o.Total }\n")
	b := a
	b.With = []string{answers.Avro}
	if got := summary(s.make(t, b)); !strings.Contains(got, "keep app/report.go may not build any more") || !strings.Contains(got, "line 5: Total of models") {
		t.Error(got)
	}
}
