//go:build !jetstream && !rabbitmq

package service_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
)

// TestStatusIsToldWithoutASecretBeforeTheStartAndWhileAConsumerIsAway: whatever way a
// secret came in.
func TestStatusIsToldWithoutASecretBeforeTheStartAndWhileAConsumerIsAway(t *testing.T) {
	const canary = "hunter2"
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(canary+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KAFKA_SASL_PASSWORD_FILE", file)
	over := settings("127.0.0.1:1")
	over["KAFKA_SECURITY_PROTOCOL"], over["KAFKA_SASL_USERNAME"] = "SASL_PLAINTEXT", "books"
	delete(over, "KAFKA_SASL_PASSWORD")
	over["AUDIT_KAFKA_SASL_PASSWORD"], over["TOKEN"], over["STORE_URL"] = canary, canary, "postgres://books:"+canary+"@db/books"
	type own struct {
		Token config.Secret `env:"TOKEN"`
		Store string        `env:"STORE_URL"`
	}
	begin := make(chan struct{})
	s, err := service.New(t.Context(), "books", func(_ context.Context, _ own, b *service.Builder) error {
		b.Registry.SetCodec(envelope.JSON{})
		handle(b.Registry, "accounts", succeed)
		handle(b.Consumer("audit"), "opened", succeed)
		b.Start("database", func(context.Context) error { <-begin; return nil })
		return nil
	}, options(t, over))
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()

	expect := func(state, consumer string) {
		t.Helper()
		awaitReady(t, s, 503, state)
		code, body := get(s, "/status")
		for _, want := range []string{
			`"service":"test"`, `"ready":false`, state, `"group":"test"`, `"group":"test-audit"`, `"notReady":"` + consumer,
			`"name":"AUDIT_KAFKA_SASL_PASSWORD",`, `"name":"TOKEN",`, `"value":"postgres://[redacted]@db/books"`, "KAFKA_SASL_PASSWORD_FILE, environment",
		} {
			if !strings.Contains(body, want) {
				t.Errorf("there is no %s", want)
			}
		}
		if code != 200 || strings.Contains(body, canary) || t.Failed() {
			t.Errorf("%s: %d %s", state, code, body)
		}
	}
	expect("start database has not returned", "not connected to Kafka yet")
	close(begin)
	expect("connection to Kafka", "no connection to Kafka at 127.0.0.1:1: ")
	end()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
