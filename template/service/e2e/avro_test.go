//go:build avro

package e2e

import (
	"cmp"
	"context"
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/ouroboros-forge/forge/template/service/dev/samples"
)

// registryURL returns the URL of the Schema Registry that
// SCHEMA_REGISTRY_TEST_URL names, or of one in this process.
func registryURL(t *testing.T) string {
	t.Helper()
	registry := srfake.New()
	t.Cleanup(registry.Close)
	return cmp.Or(os.Getenv("SCHEMA_REGISTRY_TEST_URL"), registry.URL())
}

// encoded returns the samples as a producer writes them that knows the registry.
func encoded(ctx context.Context, t *testing.T, url string, all []samples.Sample) []samples.Sample {
	t.Helper()
	all, err := samples.Encode(ctx, url, all)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
