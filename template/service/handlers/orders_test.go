package handlers

import (
	"encoding/json"
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
		body string        // JSON, as it is sent
		want message.Class // empty when it is handled
	}{
		{"valid", `{"id": "A-1", "amount": 9.50}`, ""},                             //forge:each case
		{"no id", `{"amount": 9.50}`, message.ClassInvalid},                        //forge:unless schema
		{"no amount", `{"id": "A-1"}`, message.ClassInvalid},                       //forge:unless schema
		{"over the limit", `{"id": "A-1", "amount": 10001}`, message.ClassHandler}, //forge:unless schema
	} {
		t.Run(tt.name, func(t *testing.T) {
			header := message.NewHeader(models.Order{}.MessageType(), "test")
			m := &message.Message{Topic: "orders"}
			if err := (message.JSON{}).Encode(t.Context(), m, &header, json.RawMessage(tt.body)); err != nil {
				t.Fatal(err)
			}
			err := r.Handle(t.Context(), m)
			if got := message.ClassOf(err); got != tt.want {
				t.Errorf("class %q, want %q: %v", got, tt.want, err)
			}
		})
	}
}
