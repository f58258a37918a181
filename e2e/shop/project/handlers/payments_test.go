package handlers_test

import (
	"context"
	"errors"
	"testing"

	"github.com/somebody/shop/handlers"
	"github.com/somebody/shop/internal/message"
	"github.com/somebody/shop/internal/message/messagetest"
	"github.com/somebody/shop/models"
)

type gatewayFunc func(key string, p models.Payment) error

func (f gatewayFunc) Capture(_ context.Context, key string, p models.Payment) error { return f(key, p) }

func TestPayments(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		err        error         // of the gateway
		want       message.Class // empty when it is handled
	}{
		{"valid", `{"id": "P-1", "orderId": "A-1", "cents": 950}`, nil, ""},
		{"of no order", `{"id": "P-1", "cents": 950}`, nil, message.ClassInvalid},
		{"gateway fails", `{"id": "P-1", "orderId": "A-1", "cents": 950}`, errors.New("502 Bad Gateway"), message.ClassHandler},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := messagetest.NewRegistry()
			message.Register(r, "payments", handlers.NewPayments(gatewayFunc(func(key string, p models.Payment) error {
				if key != "m-1" || p.ID != "P-1" {
					t.Errorf("captures %+v with the key %q", p, key)
				}
				return tt.err
			})))
			err := messagetest.Handle(t, r, "payments", tt.body, messagetest.ID("m-1"))
			if got := message.ClassOf(err); got != tt.want {
				t.Errorf("class %q, want %q: %v", got, tt.want, err)
			}
		})
	}
}
