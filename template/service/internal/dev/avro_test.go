//go:build avro

package dev

import (
	"context"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
)

// buildMixed has a topic in Avro and one in JSON, which has no schema.
func buildMixed(_ context.Context, _ none, b *service.Builder) error {
	succeed := message.TypedHandlerFunc[opened](func(context.Context, message.Of[opened]) error { return nil })
	message.Register(b.Registry, "accounts", succeed)
	message.Register(b.Registry, "audits", succeed, message.WithCodec(envelope.JSON{}))
	return nil
}

// The samples of a topic are sent as its codec reads them.
func TestSamplesOfTopicsWithAndWithoutASchema(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("SCHEMA_REGISTRY_FORMAT", "avro")
	var text strings.Builder
	err := run(t.Context(), "books", buildMixed, loadSamples(t), true, newReport(&text, false))
	if err != nil || !strings.Contains(text.String(), "4 samples met what they expect\n") {
		t.Errorf("%v\n%s", err, text.String())
	}
}
