// Package app puts the service together. main.go, `make dev` and the tests all
// do it with App.Build.
package app

import (
	"cmp"
	"context"

	"github.com/ouroboros-forge/forge/template/service/handlers"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
	"github.com/ouroboros-forge/forge/template/service/web" //forge:if http
)

// Settings are the service's own, read like all others: from the environment,
// .env and a YAML file.
type Settings struct {
	// DatabaseURL config.Secret `env:"DATABASE_URL" validate:"required" help:"where its data is stored"`
}

// App puts the service together. A test sets in Deps what it replaces, a fake
// store say; what is nil is opened as in production.
type App struct{ Deps handlers.Deps }

// Build opens nothing that waits: that belongs into b.Start, which is tried again
// while it fails. b.Close, b.Check, b.Run, b.Publishes, b.Consumer and b.Metrics
// are for what else a service has.
func (a App) Build(_ context.Context, _ Settings, b *service.Builder) error {
	d := a.Deps
	d.Log, d.Publisher = cmp.Or(d.Log, b.Log), cmp.Or(d.Publisher, b.Publisher)
	handlers.Register(b.Registry, d)
	web.Register(b.API, web.Deps{Log: d.Log, Publisher: d.Publisher}) //forge:if http
	return nil
}
