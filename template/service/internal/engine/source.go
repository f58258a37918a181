//go:build !group

package engine

import (
	"context"
	"errors"
	"log/slog"
)

// RunSource runs the engine, and beside it consume, which has a source consumed until its ctx
// ends, and drains the lanes. It returns when both have ended, with the errors of both, nil if
// ctx ended them. consume returns which lanes had work left, which the log calls what, and
// whether there was ever one. It is called once.
func (e *Engine) RunSource(ctx context.Context, log *slog.Logger, what string, consume func(context.Context) (left []string, hasConsumed bool, err error)) error {
	if e.stopped.Err() != nil {
		return errors.New("consumer was run already: make a new one")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	engineCtx, stopEngine := context.WithCancel(context.WithoutCancel(ctx))
	stopped := make(chan error, 1)
	go func() {
		stopped <- e.Run(engineCtx)
		cancel()
	}()
	left, hasConsumed, err := consume(ctx)
	stopEngine()
	if err = errors.Join(err, <-stopped); err != nil {
		return err
	}
	switch {
	case len(left) > 0:
		log.Warn("stopped with work left: it will be delivered again", what, left)
	case hasConsumed:
		log.Info("stopped, all acknowledged")
	default:
		log.Info("stopped before it had consumed")
	}
	return nil
}
