// Package handlers has what the service does with its messages, one file a
// topic.
package handlers

import (
	"log/slog"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Deps is what handlers need. It is made in main.go; add what yours need.
type Deps struct {
	Log       *slog.Logger
	Publisher message.Publisher
}

// Register is the one place where a topic meets its handler.
func Register(r *message.Registry, d Deps) {
	message.Register(r, "orders", NewOrders(d.Log)) //forge:each topic
}
