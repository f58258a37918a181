package handlers

import (
	"context"

	"github.com/somebody/shop/internal/message"
	"github.com/somebody/shop/models"
)

// Payments captures payments.
type Payments struct{ gateway Gateway }

// NewPayments takes what captures them.
func NewPayments(g Gateway) *Payments { return &Payments{g} }

// Handle captures a payment. Its message id is the idempotency key, so a
// message that comes again captures nothing.
func (h *Payments) Handle(ctx context.Context, m message.Of[models.Payment]) error {
	return h.gateway.Capture(ctx, m.Header.MessageID, m.Body)
}
