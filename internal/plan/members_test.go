package plan_test

import (
	"slices"
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

// A field of a parameter whose type keeps it is none of the fields that go and are called
// alike; where the parameter is of another type, or the name means something else, it may be.
func TestAFieldOfATypeThatKeepsItIsNoUseOfWhatGoes(t *testing.T) {
	with := bare("orders")
	with.With = append(slices.Clone(with.With), answers.Avro)
	for body, told := range map[string]bool{
		"func f(b *service.Builder) { _ = b.Registry }":                                 false,
		"func f(c *config.Config) { _ = c.Registry }":                                   true,
		"func f(b *service.Builder, c *config.Config) { { b := c; _ = b.Registry } }":   true,
		"func f(b *service.Builder) { func(b *config.Config) { _ = b.Registry }(nil) }": true,
		"func f(b *service.Builder) { _ = b.Config.Registry }":                          true,
	} {
		s := newShop(t, with)
		s.put("own/own.go", "package own\n\nimport (\n\t\"example.com/shop/internal/config\"\n\t\"example.com/shop/internal/service\"\n)\n\nvar _ config.Secret\n\n"+body+"\n")
		got := summary(s.make(t, bare("orders")))
		if strings.Contains(got, "Registry of internal/config") != told {
			t.Errorf("%s\n%s", body, got)
		}
	}
}
