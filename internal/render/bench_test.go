package render_test

import (
	"path/filepath"
	"strconv"
	"testing"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/template"
)

func BenchmarkRender(b *testing.B) {
	a := answers.Defaults("my-service")
	for b.Loop() {
		if _, err := render.Render(template.FS, a, "v1.0.0"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	tree, err := render.Render(template.FS, answers.Defaults("my-service"), "v1.0.0")
	if err != nil {
		b.Fatal(err)
	}
	dir, n := b.TempDir(), 0
	for b.Loop() {
		n++
		if err := render.Write(b.Context(), tree, filepath.Join(dir, strconv.Itoa(n))); err != nil {
			b.Fatal(err)
		}
	}
}
