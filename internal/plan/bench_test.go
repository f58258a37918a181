package plan_test

import (
	"testing"

	"github.com/ouroboros-forge/forge/internal/plan"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/template"
)

func BenchmarkMake(b *testing.B) {
	s := newShop(b, bare("orders"))
	s.edit(b, "handlers/handlers.go", "(d.Log))", "(d.Log)) // mine")
	base, next := rendered(b, bare("orders")), rendered(b, bare("orders", "payments"))
	b.Run("plan", func(b *testing.B) {
		for b.Loop() {
			plan.Make(plan.Input{Record: s.record, Base: base, Next: next, Disk: s})
		}
	})
	b.Run("render", func(b *testing.B) {
		for b.Loop() {
			if _, err := render.Render(template.FS, bare("orders", "payments"), "v1.0.0"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
