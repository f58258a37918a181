package wire_test

import (
	"fmt"
	"testing"

	"github.com/ouroboros-forge/forge/internal/wire"
)

// What a file embeds is known also where the directive is indented or quoted.
func TestNamesOfEmbeddedFiles(t *testing.T) {
	src := "package dev\n\nimport _ \"embed\"\n\nvar (\n\t//go:embed samples/a.json \"samples/b c.json\"\n\ta string\n)\n\n//go:embed `d.json`\nvar d string\n"
	names, err := wire.NamesOf([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%q", names.Embedded); got != `["samples/a.json" "samples/b c.json" "d.json"]` {
		t.Errorf("embedded %s", got)
	}
}
