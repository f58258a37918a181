// Package apptest starts the service for tests, those of e2e/ too.
package apptest

import (
	"maps"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/app"
	"github.com/ouroboros-forge/forge/template/service/internal/service/servicetest"
)

// Start runs the service until the test ends. What its tests have in common stands
// here: settings that are required, and by App{Deps: …} what takes the place of
// what is not there in a test. The settings of one test go over these.
func Start(t testing.TB, settings map[string]string) *servicetest.Service {
	t.Helper()
	all := map[string]string{
		// "DATABASE_URL": "unused",
	}
	maps.Copy(all, settings)
	return servicetest.Start(t, app.App{}.Build, all)
}
