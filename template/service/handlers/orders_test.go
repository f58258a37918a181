package handlers

import (
	"log/slog"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/message/messagetest"
)

// TestOrders hands bodies to the handler the way that they come from the broker,
// so it tests the model and its rules too.
func TestOrders(t *testing.T) {
	r := messagetest.NewRegistry()
	message.Register(r, "orders", NewOrders(slog.New(slog.DiscardHandler)))
	for _, tt := range []struct {
		name string
		body string
		want message.Class // empty when it is handled
	}{
		{"valid", `{"id": "A-1", "amount": 9.50}`, ""},                             //forge:each case
		{"no id", `{"amount": 9.50}`, message.ClassInvalid},                        //forge:unless schema
		{"no amount", `{"id": "A-1"}`, message.ClassInvalid},                       //forge:unless schema
		{"over the limit", `{"id": "A-1", "amount": 10001}`, message.ClassHandler}, //forge:unless schema
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := messagetest.Handle(t, r, "orders", tt.body)
			if got := message.ClassOf(err); got != tt.want {
				t.Errorf("class %q, want %q: %v", got, tt.want, err)
			}
		})
	}
}
