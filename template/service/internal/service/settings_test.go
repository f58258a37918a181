//go:build !jetstream && !rabbitmq

package service_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
)

// The service's own settings are read with the others, in all the places.
func TestOwnSettings(t *testing.T) {
	type own struct {
		Store config.Secret `env:"STORE_URL" validate:"required" help:"where accounts are stored"`
	}
	var got own
	b := func(_ context.Context, s own, b *service.Builder) error {
		got = s
		handle(b.Registry, "accounts", succeed)
		return nil
	}
	t.Chdir(t.TempDir())
	if _, err := service.New(t.Context(), "test", b, options(t, settings("a:1"))); err == nil || !strings.Contains(err.Error(), "STORE_URL is not set") {
		t.Errorf("error is %v", err)
	}
	write(t, ".env", "STORE_URL=pg://secret\n")
	if _, err := service.New(t.Context(), "test", b, options(t, settings("a:1"))); err != nil || string(got.Store) != "pg://secret" {
		t.Errorf("%q, %v", string(got.Store), err)
	}
}

// Names in .env that nothing reads are said at the start, also those of a consumer
// that the service does not have.
func TestUnreadSettings(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, ".env", "STORE_URL=x\nAUDIT_KAFKA_GROUP_ID=x\n")
	var log strings.Builder
	over := settings("a:1")
	over["LOG_LEVEL"] = "info"
	if _, err := service.New(t.Context(), "test", build(nothing), service.Options{Over: over, Log: &log}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"level=WARN", "STORE_URL", "AUDIT_KAFKA_GROUP_ID"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s: %s", want, log.String())
		}
	}
	log.Reset()
	audit := build(func(b *service.Builder) { handle(b.Consumer("audit"), "audits", succeed) })
	if _, err := service.New(t.Context(), "test", audit, service.Options{Over: over, Log: &log}); err != nil || strings.Contains(log.String(), "AUDIT_KAFKA_GROUP_ID") {
		t.Errorf("%v, the log says: %s", err, log.String())
	}
}

// One run names all that is wrong: with the service's own settings, with each
// consumer's, and with those that its code added, whatever Build does without them.
func TestEveryMistakeOfEveryConsumerIsToldAtOnce(t *testing.T) {
	type own struct {
		Store   config.Secret `env:"STORE_URL" validate:"required" help:"where accounts are stored"`
		Writers int           `env:"STORE_WRITERS" envDefault:"2" validate:"min=1"`
	}
	b := func(fails func(own) error) service.Build[own] {
		return func(_ context.Context, s own, b *service.Builder) error {
			handle(b.Registry, "accounts", succeed)
			handle(b.Consumer("audit"), "audits", succeed)
			billing, err := b.Config.Consumer("billing") // told once, though Build returns it
			if s.Writers != 2 || billing.MaxWorkers == 0 {
				t.Errorf("Build has what was refused: %+v %d", s, billing.MaxWorkers)
			}
			handle(b.Consumer("billing"), "bills", succeed)
			return errors.Join(err, fails(s))
		}
	}
	t.Chdir(t.TempDir())
	write(t, ".env", "STORE_WRITERS=0\nAUDIT_MAX_WORKERS=many\nAUDIT_ORDERING=topic\nBILLING_MAX_WORKERS=0\n")
	over := settings("a:1")
	over["LOG_LEVEL"] = "loud"
	over["KAFKA_GROUP_ID"] = ""
	for name, fails := range map[string]func(own) error{
		"Build succeeds": func(own) error { return nil },
		"Build fails":    func(own) error { return errors.New("no database") },
		"Build panics":   func(s own) error { _ = string(s.Store)[0]; return nil },
	} {
		_, err := service.New(t.Context(), "test", b(fails), options(t, over))
		const want = `configuration:
  override: LOG_LEVEL="loud": must be one of debug, info, warn, error
  STORE_URL is not set: required: where accounts are stored
  .env:1: STORE_WRITERS="0": must be a whole number, from 1
  consumer audit: .env:2: AUDIT_MAX_WORKERS="many": must be a whole number, from 1 to 100000
  consumer audit: .env:3: AUDIT_ORDERING="topic": must be one of key, partition, none
  consumer billing: .env:4: BILLING_MAX_WORKERS="0": must be a whole number, from 1 to 100000
  override: KAFKA_GROUP_ID is not set: a consumer needs a group; instances with the same group share the work`
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v\nwant %s", name, err, want)
		}
	}
}

// What a test misspells is its mistake.
func TestStrangeNamesInTheOverrideAreRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, want := range map[string]string{
		"MAX_WORKER":       "override: MAX_WORKER is not a setting; the config command lists those that are",
		"STORE_URL":        "override: STORE_URL is not a setting; the config command lists those that are",
		"AUDT_MAX_WORKERS": "override: AUDT_MAX_WORKERS is not a setting: no consumer has its name",
		"max_workers":      "",
	} {
		over := settings("a:1")
		over[name] = "3"
		s, err := service.New(t.Context(), "test", build(func(b *service.Builder) {
			if b.Config.Source.MaxWorkers != 3 && want == "" {
				t.Errorf("%s is ignored", name)
			}
			handle(b.Consumer("audit"), "audits", succeed)
		}), options(t, over))
		if want == "" && err == nil {
			_ = s
		} else if err == nil || err.Error() != "configuration:\n  "+want {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Who sends credentials over the network as they are is told, for each consumer.
func TestCredentialsWithoutEncryptionAreWarnedOf(t *testing.T) {
	audit := build(func(b *service.Builder) { handle(b.Consumer("audit"), "audits", succeed) })
	for protocol, want := range map[string]int{"SASL_PLAINTEXT": 2, "SASL_SSL": 0} {
		var log strings.Builder
		over := settings("a:1")
		over["KAFKA_SECURITY_PROTOCOL"], over["KAFKA_SASL_USERNAME"], over["KAFKA_SASL_PASSWORD"], over["LOG_LEVEL"] = protocol, "books", "secret", "warn"
		if _, err := service.New(t.Context(), "test", audit, service.Options{Over: over, Log: &log}); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(log.String(), "are not encrypted"); n != want {
			t.Errorf("%s: warned %d times, want %d: %s", protocol, n, want, log.String())
		}
	}
}
