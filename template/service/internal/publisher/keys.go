//go:build !kafka

package publisher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Keys is for brokers whose clients neither order nor retry: messages of one key are
// written one after another, and each is tried again in its place until it is written, its
// time is up, or no attempt can help. Then the next has its turn, and what was given up is
// not tried later: what is written of a key is in the order in which it was accepted. Those
// without a key have no order.
type Keys struct {
	policy  message.RetryPolicy
	life    context.Context // ends when what is on its way is given up
	abandon context.CancelFunc

	mu      sync.Mutex
	waiting map[place][]func() // to finish a message, one after another
}

// place is what keeps an order.
type place struct{ topic, key string }

// errWaited is why a message is given up that was never tried.
var errWaited = errors.New("those before it in its key took that long")

// NewKeys returns what nothing waits in.
func NewKeys(cfg config.Publish) *Keys {
	k := &Keys{waiting: map[place][]func(){}, policy: message.RetryPolicy{
		Kind: message.RetryKind(cfg.PublishRetryPolicy), MaxAttempts: cfg.PublishRetryMaxAttempts,
		Delay: cfg.PublishRetryDelay, MaxDelay: cfg.PublishRetryMaxDelay,
	}}
	k.life, k.abandon = context.WithCancel(context.Background())
	return k
}

// Send has try called until o is done, behind what is on its way with the same key. An
// error of it means that the broker is away, unless it is message.Retry. It is the last
// when it is message.Permanent or message.ErrRefused.
func (k *Keys) Send(o Outgoing, try func(context.Context) error) {
	finish := func() { k.finish(o, try) }
	if o.Key == nil {
		go finish()
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	at := place{o.Topic, string(o.Key)}
	_, isBusy := k.waiting[at]
	k.waiting[at] = append(k.waiting[at], finish)
	if !isBusy {
		go k.finishAll(at)
	}
}

// Abandon gives up what is on its way.
func (k *Keys) Abandon() { k.abandon() }

// finishAll finishes what there is of a key, one after another.
func (k *Keys) finishAll(at place) {
	for {
		k.mu.Lock()
		if len(k.waiting[at]) == 0 {
			delete(k.waiting, at)
			k.mu.Unlock()
			return
		}
		first := k.waiting[at][0]
		k.waiting[at] = k.waiting[at][1:]
		k.mu.Unlock()
		first()
	}
}

// finish has o tried until it is done.
func (k *Keys) finish(o Outgoing, try func(context.Context) error) {
	ctx, cancel := context.WithDeadline(k.life, o.Deadline)
	defer cancel()
	delays := k.policy.Backoff()
	var last error
	for attempt := 1; ; attempt++ {
		err := cmp.Or(last, errWaited)
		if ctx.Err() == nil { // else it could be written although it is given up
			err = try(ctx)
		}
		isTimeUp := ctx.Err() != nil
		if isTimeUp && errors.Is(err, ctx.Err()) {
			err = cmp.Or(last, err) // which says why
		}
		last = err
		switch {
		case err == nil, message.OutcomeOf(err) == message.OutcomePermanent, errors.Is(err, message.ErrRefused):
			o.Done(err)
			return
		case k.life.Err() != nil:
			o.Done(message.Retry(ErrAbandoned))
			return
		case isTimeUp:
			err = fmt.Errorf("given up after %v: %w", o.Timeout, err)
			if message.OutcomeOf(err) != message.OutcomeRetry {
				err = message.Unavailable(err)
			}
			o.Done(err)
			return
		case attempt == k.policy.MaxAttempts:
			o.Done(message.Retry(fmt.Errorf("given up after %d attempts: %w", attempt, err)))
			return
		}
		delay, _ := delays.Next()
		select {
		case <-ctx.Done():
		case <-time.After(delay):
		}
	}
}
