// Package handlers has what the service does with its messages, one file a
// topic.
package handlers

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/somebody/shop/internal/message"
	"github.com/somebody/shop/models"
)

// Deps is what handlers need. Build in app/app.go sets each field; one that is
// nil ends the start with its name.
type Deps struct {
	Log       *slog.Logger
	Publisher message.Publisher
	Store     Store
	Gateway   Gateway
	Stored    prometheus.Counter // orders that were stored
}

// Store is where orders are kept.
type Store interface {
	Begin(ctx context.Context) (Tx, error)
	Audit(ctx context.Context, eventID string, e models.OrderAccepted) error
}

// Tx is a transaction of the store. It ends with its context, too.
type Tx interface {
	// InsertOrder returns false when the message has stored its order before.
	InsertOrder(ctx context.Context, messageID string, o models.Order) (bool, error)
	Commit() error
	Rollback() error
}

// Gateway captures payments, each idempotency key once.
type Gateway interface {
	Capture(ctx context.Context, idempotencyKey string, p models.Payment) error
}

// gatewayRetry is for a gateway that fails now and then: 15 attempts take four minutes.
var gatewayRetry = message.RetryPolicy{Kind: message.RetryFibonacci, MaxAttempts: 15, Delay: 200 * time.Millisecond, MaxDelay: time.Minute}

// Register is where the topics of the first consumer meet their handlers.
func Register(r *message.Registry, d Deps) {
	message.CheckDeps(d)
	message.Scoped(r, "orders", func(ctx context.Context) (message.Scope[models.Order], error) { return BeginOrder(ctx, d) })
	message.Register(r, "payments", NewPayments(d.Gateway), message.WithRetry(gatewayRetry))
}

// RegisterAudit is that of the consumer audit.
func RegisterAudit(r *message.Registry, d Deps) {
	message.Register(r, models.OrderAccepted{}.Topic(), NewAudit(d.Store))
}
