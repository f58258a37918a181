package handlers

import (
	"context"

	"github.com/somebody/shop/internal/message"
	"github.com/somebody/shop/models"
)

// Audit keeps a record of each accepted order.
type Audit struct{ store Store }

// NewAudit takes where the records are kept.
func NewAudit(s Store) *Audit { return &Audit{s} }

// Handle records one event.
func (h *Audit) Handle(ctx context.Context, m message.Of[models.OrderAccepted]) error {
	return h.store.Audit(ctx, m.Header.MessageID, m.Body)
}
