// Package handlers has what the service does with its messages, one file a
// topic.
package handlers

import (
	"log/slog"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Deps is what handlers need. Build in app/app.go sets each field; one that is
// nil ends the start with its name.
type Deps struct {
	Log       *slog.Logger
	Publisher message.Publisher
}

// Register is the one place where a topic meets its handler.
func Register(r *message.Registry, d Deps) {
	message.CheckDeps(d)
	message.Register(r, "orders", NewOrders(d.Log)) //forge:each topic
}
