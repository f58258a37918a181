//go:build !jetstream && !rabbitmq

package service_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/service"
)

// HTTP may be sent requests while the consumer has nothing to read, and while what
// handlers need is away; not before the start.
func TestHTTPIsReadyWithoutTheConsumer(t *testing.T) {
	begin, broken := make(chan struct{}), new(atomic.Bool)
	s, _ := start(t, func(ctx context.Context, own none, b *service.Builder) error {
		b.Start("store", func(context.Context) error { <-begin; return nil })
		b.Check("store", func(context.Context) error {
			if broken.Load() {
				return errors.New("no route")
			}
			return nil
		})
		return posting(ctx, own, b)
	}, settings(startBroker(t))) // which has no topic called opened
	awaitReady(t, s, http.StatusServiceUnavailable, "starting: start store")
	expect := func(code int, text string) {
		t.Helper()
		if got, body := get(s, "/readyz/http"); got != code || body != text {
			t.Errorf("%d %s, want %d %s", got, body, code, text)
		}
	}
	expect(http.StatusServiceUnavailable, "starting: start store has not returned\n")
	close(begin)
	awaitReady(t, s, http.StatusServiceUnavailable, "opened")
	expect(http.StatusOK, "ok\npublisher: ok\n")
	broken.Store(true)
	expect(http.StatusOK, "ok\npublisher: ok\n")
}
