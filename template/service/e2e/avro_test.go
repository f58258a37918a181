package e2e

import (
	"cmp"
	"os"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
)

// registryURL returns the URL of the Schema Registry that
// SCHEMA_REGISTRY_TEST_URL names, or of one in this process.
func registryURL(t *testing.T) string {
	t.Helper()
	registry, err := embedded.StartRegistry(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(registry.Close)
	return cmp.Or(os.Getenv("SCHEMA_REGISTRY_TEST_URL"), registry.URL)
}
