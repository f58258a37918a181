//go:build !race

package message_test // the race detector makes pools forget, so they allocate

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// What a message costs is part of what this package promises. The envelope and
// the header's ids are allocated; the strings of the body are known. Middleware,
// hooks and the context that knows the message allocate nothing.
func TestAllocations(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	for name, h := range map[string]message.TypedHandler[received]{
		"plain":   ignore[received]{},
		"hooks":   hooked{},
		"context": lookup{},
	} {
		t.Run(name, func(t *testing.T) {
			r := message.NewRegistry(message.Recover, message.Log(quiet))
			message.Register(r, "payments", h, message.With(message.Log(quiet)))
			message.Register(r, "payments", ignore[returned]{}) // types in turn cost no more than one
			message.RegisterDefault(r, "payments", message.HandlerFunc(nothing))
			in, out := newMessage(envelope("PaymentReceived", `{"id":"p-1"}`)), newMessage(envelope("PaymentReturned", `{"id":"p-1"}`))
			ctx := t.Context()
			got := testing.AllocsPerRun(1000, func() {
				if err := errors.Join(r.Handle(ctx, in), r.Handle(ctx, out)); err != nil {
					t.Fatal(err)
				}
			})
			if got > 4 {
				t.Errorf("%v allocations for two messages, want 4", got)
			}
		})
	}
}
