package handlers

import (
	"context"
	"errors" //forge:unless schema
	"log/slog"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/models"
)

// Orders handles the messages on the topic orders.
type Orders struct {
	log *slog.Logger
}

// NewOrders takes what the handler depends on.
func NewOrders(log *slog.Logger) *Orders {
	return &Orders{log: log}
}

// Handle gets each message decoded and valid. Its error decides what becomes of it:
//
//   - nil: it is done;
//   - message.Permanent(err): it is a dead letter at once;
//   - any other error: it is tried again, and is a dead letter after the last
//     attempt. While what it needs is unavailable (message.Unavailable, or an
//     error that message.IsOutage reports), it is tried without end.
//
// A message can come more than once, so doing it twice must be harmless;
// m.Header.MessageID is the same each time.
func (h *Orders) Handle(ctx context.Context, m message.Of[models.Order]) error {
	const limit = 10_000       // a rule of the business, which no tag of the model knows //forge:unless schema
	if m.Body.Amount > limit { //forge:unless schema
		return message.Permanent(errors.New("amount is over the limit")) //forge:unless schema
	} //forge:unless schema
	h.log.InfoContext(ctx, "handled", "topic", m.Topic, "id", m.Header.MessageID)
	return nil
}
