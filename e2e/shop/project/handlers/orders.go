package handlers

import (
	"context"

	"github.com/somebody/shop/internal/message"
	"github.com/somebody/shop/models"
)

// Order stores one order, in a transaction of its own.
type Order struct {
	Deps
	tx    Tx
	isNew bool
}

// BeginOrder opens the transaction of one message.
func BeginOrder(ctx context.Context, d Deps) (*Order, error) {
	tx, err := d.Store.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return &Order{Deps: d, tx: tx}, nil
}

// Handle stores the order and publishes that it is accepted. A message that
// comes again stores nothing, and publishes the same event again: it may have
// come because the first one did not get out.
func (h *Order) Handle(ctx context.Context, m message.Of[models.Order]) (err error) {
	if h.isNew, err = h.tx.InsertOrder(ctx, m.Header.MessageID, m.Body); err != nil {
		return err
	}
	ctx = message.WithMessageID(ctx, "accepted-"+m.Header.MessageID)
	return h.Publisher.Publish(ctx, models.OrderAccepted{OrderID: m.Body.ID, Cents: m.Body.Cents})
}

// Close ends the transaction.
func (h *Order) Close(_ context.Context, err error) error {
	if err != nil {
		_ = h.tx.Rollback() // what it says is of no use beside err
		return err
	}
	if err := h.tx.Commit(); err != nil {
		return err
	}
	if h.isNew {
		h.Stored.Inc()
	}
	return nil
}
