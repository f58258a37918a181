package handlers

import (
	"log/slog"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/models"
)

// TestOrders sends messages the way that they come from the broker, so it
// tests the model and its rules too.
func TestOrders(t *testing.T) {
	r := message.NewRegistry()
	message.Register(r, "orders", NewOrders(slog.New(slog.DiscardHandler)))
	for _, tt := range []struct {
		name string
		body models.Order
		want message.Class // empty when it is handled
	}{
		{"valid", models.Order{ID: "1", Amount: 9.50}, ""},
		{"no id", models.Order{Amount: 9.50}, message.ClassInvalid},
		{"no amount", models.Order{ID: "1"}, message.ClassInvalid},
		{"over the limit", models.Order{ID: "1", Amount: 10_001}, message.ClassHandler},
	} {
		t.Run(tt.name, func(t *testing.T) {
			header := message.NewHeader(tt.body.MessageType(), "test")
			m := &message.Message{Topic: "orders"}
			if err := (message.JSON{}).Encode(t.Context(), m, &header, tt.body); err != nil {
				t.Fatal(err)
			}
			err := r.Handle(t.Context(), m)
			if got := message.ClassOf(err); got != tt.want {
				t.Errorf("class %q, want %q: %v", got, tt.want, err)
			}
		})
	}
}
