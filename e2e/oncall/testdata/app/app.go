// Package app puts the service together.
package app

import (
	"context"

	"example.com/shop/handlers"
	"example.com/shop/internal/service"
)

// Settings are the service's own.
type Settings struct {
	LedgerURL string `env:"LEDGER_URL" validate:"required,url" help:"where orders are booked"`
}

// App puts the service together.
type App struct{}

// Build has the ledger asked by /readyz, under its name.
func (App) Build(_ context.Context, own Settings, b *service.Builder) error {
	d := handlers.Deps{Log: b.Log, Ledger: handlers.Ledger{URL: own.LedgerURL}}
	b.Check("ledger", d.Ledger.Check)
	handlers.Register(b.Registry, d)
	return nil
}
