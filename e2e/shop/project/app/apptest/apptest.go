// Package apptest starts the service for tests, those of e2e/ too.
package apptest

import (
	"context"
	"maps"
	"testing"

	"github.com/somebody/shop/app"
	"github.com/somebody/shop/handlers"
	"github.com/somebody/shop/internal/service/servicetest"
	"github.com/somebody/shop/models"
	"github.com/somebody/shop/store/storetest"
)

// AnyGateway captures everything.
type AnyGateway struct{}

// Capture implements handlers.Gateway.
func (AnyGateway) Capture(context.Context, string, models.Payment) error { return nil }

// Start runs the service until the test ends, with an empty store of its own.
func Start(t testing.TB, settings map[string]string) *servicetest.Service {
	t.Helper()
	return StartWith(t, handlers.Deps{Store: storetest.New(), Gateway: AnyGateway{}}, settings)
}

// StartWith does so with what the test has in the place of what is not there. The
// settings of one test go over these.
func StartWith(t testing.TB, d handlers.Deps, settings map[string]string) *servicetest.Service {
	t.Helper()
	all := map[string]string{"DATABASE_URL": "postgres://not-used", "GATEWAY_URL": "http://not-used"}
	maps.Copy(all, settings)
	return servicetest.Start(t, app.App{Deps: d}.Build, all)
}
