// Package web has what the service takes over HTTP, one file a topic.
package web

import (
	"log/slog"

	"github.com/ouroboros-forge/forge/template/service/internal/httpapi"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Deps is what endpoints need. It is made in app/app.go; add what yours need.
type Deps struct {
	Log       *slog.Logger
	Publisher message.Publisher
}

// Register is the one place where a path meets its endpoint.
func Register(a *httpapi.API, d Deps) {
	message.CheckDeps(d)                               // one that was forgotten ends the start with its name
	httpapi.Post(a, "/orders", NewOrders(d.Publisher)) //forge:each topic
}
