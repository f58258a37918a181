//go:build !race

package message_test // the race detector makes pools forget, so they allocate

import (
	"log/slog"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// What a message costs is part of what this package promises.
func TestAllocations(t *testing.T) {
	r := message.NewRegistry(message.Recover, message.Log(slog.New(slog.DiscardHandler)))
	message.Register(r, "payments", ignore[received]{})
	m := newMessage(envelope("PaymentReceived", `{"id":"p-1"}`))
	ctx := t.Context()
	got := testing.AllocsPerRun(1000, func() {
		if err := r.Handle(ctx, m); err != nil {
			t.Fatal(err)
		}
	})
	// The envelope and the header's ids; the strings of the body are known.
	if got > 2 {
		t.Errorf("%v allocations a message, want 2", got)
	}
}
