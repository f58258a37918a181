package main

import (
	"context"
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/ouroboros-forge/forge/template/service/dev/samples"
)

// registryOfTest is where a test keeps the URL of its registry, so that a service
// that it starts again finds the same.
const registryOfTest = "TEST_SCHEMA_REGISTRY"

// registryURL returns the URL of the test's Schema Registry, in this process.
func registryURL(t *testing.T) string {
	t.Helper()
	if url := os.Getenv(registryOfTest); url != "" {
		return url
	}
	registry := srfake.New()
	t.Cleanup(registry.Close)
	t.Setenv(registryOfTest, registry.URL())
	return registry.URL()
}

// encoded returns the samples as a producer writes them that knows the registry.
func encoded(ctx context.Context, t *testing.T, all []samples.Sample) []samples.Sample {
	t.Helper()
	all, err := samples.Encode(ctx, registryURL(t), all)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
