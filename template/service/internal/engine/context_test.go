package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// A handler's context ends when the handler returns, whether it asked for that or not.
func TestAHandlersContextEndsWithItsAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.MaxWorkers = 1
		var contexts []context.Context
		b := start(t, cfg, func(ctx context.Context, m *message.Message) error {
			if contexts = append(contexts, ctx); m.Offset == 0 && ctx.Err() != nil {
				t.Error("it has ended while its handler runs")
			}
			return nil
		})
		l := b.Assign(b)
		l.Deliver(batch(0, 2))
		synctest.Wait()
		for i, ctx := range contexts {
			if !errors.Is(ctx.Err(), context.Canceled) {
				t.Errorf("the context of handler %d ended with %v, want %v", i, ctx.Err(), context.Canceled)
			}
		}
		_ = l.Drain(t.Context())
	})
}
