// Package handlers has what the service does with its messages.
package handlers

import (
	"log/slog"

	"example.com/shop/internal/message"
)

// Deps is what handlers need.
type Deps struct {
	Log    *slog.Logger
	Ledger Ledger
}

// Register is the one place where a topic meets its handler.
func Register(r *message.Registry, d Deps) {
	message.CheckDeps(d)
	message.Register(r, "orders", Orders{d.Ledger})
}
