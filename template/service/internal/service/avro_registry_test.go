//go:build avro

package service

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/ouroboros-forge/forge/template/service/dev/samples"
	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

// registryOfTest is where a test keeps the URL of its registry, so that a service
// that it starts again finds the same.
const registryOfTest = "TEST_SCHEMA_REGISTRY"

// schemaFormat is what the project's settings say, or those of whoever runs the
// tests, from before a test changes them.
var schemaFormat = func() string {
	cfg, _ := config.Load("") // what else is wrong in it does not matter here
	return cmp.Or(cfg.Registry.SchemaFormat, "avro")
}()

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

// The registry away, at the start or later, is nothing to die of, and no message
// becomes a dead letter for it: the service says that it is not ready, and goes
// on when the registry is back.
func TestOutlivesTheSchemaRegistry(t *testing.T) {
	all := load(t)
	registry, away := srfake.New(), new(atomic.Bool)
	defer registry.Close()
	registry.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		if away.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return away.Load()
	})
	t.Setenv(registryOfTest, registry.URL())
	broker := startKafka(t, 0, all).ListenAddrs()[0]
	away.Store(true)
	service := startService(t, broker)
	service.awaitReady(t, http.StatusServiceUnavailable)
	service.awaitReason(t, registry.URL())
	away.Store(false)
	service.awaitReady(t, http.StatusOK)
	check(t, broker, all)

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	anew(ctx, t, registry)
	all = encoded(ctx, t, all) // with ids that the service has not seen
	all = slices.DeleteFunc(all, func(s samples.Sample) bool {
		return s.Expect != samples.Handled // it may be a dead letter without asking any registry
	})
	away.Store(true)
	client := dial(t, broker)
	before, err := client.DeadLetters(ctx, samples.Topics(all)...)
	if err != nil {
		t.Fatal(err)
	}
	sent, err := client.Send(ctx, all)
	if err != nil {
		t.Fatal(err)
	}
	service.awaitReady(t, http.StatusServiceUnavailable)
	if code := service.get("/livez"); code != http.StatusOK {
		t.Errorf("/livez says %d while the registry is away", code)
	}
	if after, err := client.DeadLetters(ctx, samples.Topics(all)...); err != nil || len(after) != len(before) {
		t.Errorf("%d dead letters were written because the registry is away: %v", len(after)-len(before), err)
	}
	away.Store(false)
	if err := client.Check(ctx, group, sent); err != nil {
		t.Error(err)
	}
	service.awaitReady(t, http.StatusOK)
	service.stop(t)
}

// awaitReason returns once /readyz says why the service is not ready, in words
// of which one is part.
func (s *service) awaitReason(t *testing.T, part string) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	late := time.After(patience)
	for {
		var reason []byte
		response, err := http.Get(s.ops + "/readyz")
		if err == nil {
			reason, _ = io.ReadAll(response.Body)
			_ = response.Body.Close()
		}
		if strings.Contains(string(reason), part) {
			return
		}
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("/readyz says %s, %v, and nothing of %s", reason, err, part)
		}
	}
}

// anew gives each schema another version.
func anew(ctx context.Context, t *testing.T, registry *srfake.Registry) {
	t.Helper()
	client, err := sr.NewClient(sr.URLs(registry.URL()))
	if err != nil {
		t.Fatal(err)
	}
	all, err := client.AllSchemas(ctx)
	if err != nil || len(all) == 0 {
		t.Fatalf("%d schemas are registered: %v", len(all), err)
	}
	for _, s := range all {
		s.Schema.Schema = strings.Replace(s.Schema.Schema, "{", `{"doc":"another version",`, 1)
		if _, _, err := registry.RegisterSchema(s.Subject, s.Schema); err != nil {
			t.Fatal(err)
		}
	}
}
