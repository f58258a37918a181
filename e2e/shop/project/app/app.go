// Package app puts the service together. main.go, `make dev` and the tests all
// do it with App.Build.
package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/somebody/shop/gateway"
	"github.com/somebody/shop/handlers"
	"github.com/somebody/shop/internal/config"
	"github.com/somebody/shop/internal/service"
	"github.com/somebody/shop/models"
	"github.com/somebody/shop/store"
)

// Settings are the service's own, read like all others: from the environment,
// .env and a YAML file.
type Settings struct {
	DatabaseURL    config.Secret `env:"DATABASE_URL" validate:"required" help:"where orders are stored"`
	GatewayURL     string        `env:"GATEWAY_URL" validate:"required,url" help:"where payments are captured"`
	GatewayTimeout time.Duration `env:"GATEWAY_TIMEOUT" envDefault:"3s" validate:"min=100ms,max=20s" help:"time for one answer of the gateway"`
}

// App puts the service together. A test sets in Deps what it replaces, a fake
// store say; what is nil is opened as in production.
type App struct{ Deps handlers.Deps }

// Build opens nothing that waits: that belongs into b.Start, which is tried again
// while it fails.
func (a App) Build(_ context.Context, s Settings, b *service.Builder) error {
	d := a.Deps
	d.Log, d.Publisher = b.Log, b.Publisher
	if d.Store == nil {
		audit, err := b.Config.Consumer("audit")
		if err != nil {
			return err
		}
		db, err := store.Open(string(s.DatabaseURL), b.Config.Source.MaxWorkers+audit.MaxWorkers+1)
		if err != nil {
			return err
		}
		b.Close("database", db.Close)
		b.Start("database migration", db.Migrate)
		b.Check("database", db.Ping)
		d.Store = db
	}
	if d.Gateway == nil {
		d.Gateway = gateway.New(s.GatewayURL, s.GatewayTimeout)
	}
	d.Stored = prometheus.NewCounter(prometheus.CounterOpts{Name: "shop_orders_stored_total", Help: "Orders that were stored."})
	b.Metrics.MustRegister(d.Stored)

	b.Publishes(models.OrderAccepted{})
	handlers.Register(b.Registry, d)
	handlers.RegisterAudit(b.Consumer("audit"), d)
	return nil
}
