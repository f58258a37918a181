package service_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
	"github.com/ouroboros-forge/forge/template/service/internal/service/servicetest"
)

// A start that finds something unavailable is tried again, says so, and no
// handler runs before it succeeds. Any other error ends the service.
func TestStartIsTriedAgainWhileUnavailable(t *testing.T) {
	release := make(chan struct{})
	b := build(func(b *service.Builder) {
		b.Check("database", func(context.Context) error { return nil })
		b.Start("database", func(context.Context) error {
			select {
			case <-release:
				return nil
			default:
				return message.Unavailable(errors.New("no route"))
			}
		})
	})
	s, stop := start(t, b, settings("127.0.0.1:1"))
	awaitReady(t, s, http.StatusServiceUnavailable, "start database: no route\n")
	close(release)
	awaitReady(t, s, http.StatusServiceUnavailable, "database: ok\n") // the broker is away, but it has started
	if err := stop(); err != nil {
		t.Error(err)
	}
	failing, err := service.New(t.Context(), "test", build(func(b *service.Builder) {
		b.Start("database", func(context.Context) error { return errors.New("wrong password") })
	}), options(t, settings("127.0.0.1:1")))
	if err != nil {
		t.Fatal(err)
	}
	if err := failing.Run(t.Context()); err == nil || err.Error() != "start database: wrong password" {
		t.Errorf("it ended with %v", err)
	}
}

// A Start function that heeds its context, and fails with it, is no error.
func TestAStopDuringTheStartIsNoError(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	s, err := service.New(t.Context(), "test", build(func(b *service.Builder) {
		b.Start("database", func(ctx context.Context) error { stop(); return fmt.Errorf("connect: %w", ctx.Err()) })
	}), options(t, settings("127.0.0.1:1")))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(ctx); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// A function beside the consumers that fails or panics ends the service with its
// name; one that returns nil does not.
func TestRunBesideConsumers(t *testing.T) {
	for want, fails := range map[string]func() error{
		"run outbox: no space":               func() error { return errors.New("no space") },
		"run outbox: panic: no space":        func() error { panic("no space") },
		"run outbox: it ended its goroutine": func() error { runtime.Goexit(); return nil },
	} {
		fail, done := make(chan struct{}), make(chan struct{})
		s, stop := start(t, build(func(b *service.Builder) {
			b.Run("once", func(context.Context) error { close(done); return nil })
			b.Run("outbox", func(context.Context) error { <-fail; return fails() })
		}), settings("127.0.0.1:1"))
		<-done
		awaitReady(t, s, http.StatusServiceUnavailable, "")
		close(fail)
		awaitReady(t, s, 0, "refused") // nothing answers any more
		if err := stop(); err == nil || err.Error() != want {
			t.Errorf("it ended with %v, want %s", err, want)
		}
	}
}

// lifeHandler notes its end.
type lifeHandler struct {
	note    func(string)
	started chan struct{}
	release chan struct{}
}

func (h *lifeHandler) Handle(context.Context, message.Of[opened]) error {
	close(h.started)
	<-h.release
	h.note("handled")
	return nil
}

func (h *lifeHandler) Shutdown(context.Context) error { h.note("shutdown"); return nil }

// The end comes in this order, and what a handler had begun is done before.
func TestTheEndComesInOrder(t *testing.T) {
	var mu sync.Mutex
	var order []string
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, what)
	}
	h := &lifeHandler{note: note, started: make(chan struct{}), release: make(chan struct{})}
	s := servicetest.Start(t, func(_ context.Context, _ none, b *service.Builder) error {
		b.Registry.SetCodec(envelope.JSON{})
		message.Register(b.Registry, "accounts", h)
		for _, name := range []string{"first", "second"} {
			b.Close(name, func() error { note("close " + name); return nil })
		}
		b.Run("outbox", func(ctx context.Context) error {
			<-ctx.Done()
			note("run")
			return ctx.Err()
		})
		return nil
	}, nil)
	r := record("accounts", "a-1")
	s.Send(r)
	<-h.started
	stopped := make(chan struct{})
	go func() { defer close(stopped); s.Stop() }()
	for code, body := s.Get("/readyz"); code != http.StatusServiceUnavailable; code, body = s.Get("/readyz") {
		_ = body
	}
	close(h.release)
	<-stopped
	if want := []string{"handled", "shutdown", "run", "close second", "close first"}; !slices.Equal(order, want) {
		t.Errorf("order %q, want %q", order, want)
	}
}

// What does not return is named, and left behind.
func TestWhatDoesNotReturnIsNamed(t *testing.T) {
	held := make(chan struct{})
	defer close(held)
	over := settings("127.0.0.1:1")
	over["DRAIN_TIMEOUT"] = "50ms"
	running := make(chan struct{})
	_, stop := start(t, build(func(b *service.Builder) {
		b.Close("database", func() error { <-held; return nil })
		b.Close("cache", func() error { return errors.New("disk full") })
		b.Run("outbox", func(context.Context) error { close(running); <-held; return nil })
	}), over)
	<-running
	err := stop()
	for _, want := range []string{"run outbox: did not return within 50ms", "close cache: disk full", "close database: did not return within 50ms"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it ended with %v, want %s", err, want)
		}
	}
}
