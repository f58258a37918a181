//go:build avro

package service_test

import (
	"context"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
)

// Schemas are exported and checked without any setting, because a build has none.
// They are those of all consumers and of what is published.
func TestSchemaCommandNeedsNoBroker(t *testing.T) {
	registry := srfake.New()
	t.Cleanup(registry.Close)
	t.Chdir(t.TempDir())
	command := func(_ context.Context, _ none, b *service.Builder) error {
		handle(b.Registry, "accounts", succeed)
		handle(b.Consumer("audit"), "audits", succeed)
		b.Publishes(opened{})
		return nil
	}
	run := func(url string, args ...string) (int, string) {
		t.Setenv("SCHEMA_REGISTRY_URL", url)
		var out strings.Builder
		code := service.Command(t.Context(), "books", command, args, &out, &out)
		return code, out.String()
	}
	if code, out := run("", "schema", "export"); code != 0 || !strings.Contains(out, "schemas/") {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	files, err := os.ReadDir("schemas")
	if err != nil || len(files) != 3 {
		t.Errorf("%v, %v", files, err)
	}
	for range 2 {
		if code, out := run(registry.URL(), "schema", "register"); code != 0 || strings.Count(out, "registered with the id") != 3 {
			t.Errorf("exit code %d\n%s", code, out)
		}
	}
	t.Setenv(embedded.Address, "no address at all")
	t.Setenv("AUDIT_MAX_WORKERS", "none")
	if code, out := run("", "schema", "export"); code != 0 {
		t.Errorf("with other settings that are wrong: exit code %d\n%s", code, out)
	}
	if code, out := run("no-url", "schema", "check"); code != 2 || !strings.Contains(out, "SCHEMA_REGISTRY_URL") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

// A registry that is down, at the start or later, ends nothing, and no message
// becomes a dead letter for it: the service says that it is not ready, and goes
// on when the registry is back.
func TestOutlivesTheSchemaRegistry(t *testing.T) {
	registry, down := srfake.New(), new(atomic.Bool)
	t.Cleanup(registry.Close)
	registry.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return down.Load()
	})
	down.Store(true)
	broker := startBroker(t)
	if err := embedded.CreateTopics(t.Context(), broker, "opened"); err != nil {
		t.Fatal(err)
	}
	handled := make(chan string, 1)
	over := settings(broker)
	over["SCHEMA_REGISTRY_URL"] = registry.URL()
	publish := make(chan message.Publisher, 1)
	s, stop := start(t, func(_ context.Context, _ none, b *service.Builder) error {
		handle(b.Registry, "opened", func(_ context.Context, m message.Of[opened]) error { handled <- m.Body.ID; return nil })
		publish <- b.Publisher
		return nil
	}, over)
	awaitReady(t, s, http.StatusServiceUnavailable, registry.URL())
	down.Store(false)
	awaitReady(t, s, http.StatusOK, "")
	if err := (<-publish).Publish(t.Context(), opened{ID: "a-1"}); err != nil {
		t.Fatal(err)
	}
	if id := <-handled; id != "a-1" {
		t.Errorf("handled %s", id)
	}
	// A schema that was not seen yet is waited for.
	down.Store(true)
	unseen := &message.Message{Topic: "opened", Value: []byte{0, 0, 0, 0, 99, 0}}
	if err := embedded.Send(t.Context(), broker, unseen); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, s, http.StatusServiceUnavailable, "schema 99")
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// A service that only publishes checks its schemas at the start too.
func TestSchemasOfWhatOnlyIsPublishedAreChecked(t *testing.T) {
	registry := srfake.New()
	t.Cleanup(registry.Close)
	registry.SeedSchema("opened-value", 1, 1, sr.Schema{Schema: `{"type":"record","name":"AccountOpened","fields":[]}`})
	broker := startBroker(t)
	if err := embedded.CreateTopics(t.Context(), broker, "opened"); err != nil {
		t.Fatal(err)
	}
	over := settings(broker)
	over["SCHEMA_REGISTRY_URL"] = registry.URL()
	s, err := service.New(t.Context(), "test", func(_ context.Context, _ none, b *service.Builder) error {
		b.Publishes(opened{})
		b.Run("clock", func(ctx context.Context) error { <-ctx.Done(); return nil })
		return nil
	}, service.Options{Over: over, Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.Run(ctx); err == nil || !strings.Contains(err.Error(), "field id") {
		t.Errorf("it ended with %v", err)
	}
}
