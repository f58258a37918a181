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
// time is up, or no attempt can help. Those without a key have no order.
type Keys struct {
	policy  message.RetryPolicy
	life    context.Context // ends when what is on its way is given up
	abandon context.CancelFunc

	mu      sync.Mutex
	waiting map[place][]attempts
}

// place is what keeps an order.
type place struct{ topic, key string }

// attempts are those to write a message.
type attempts struct {
	Outgoing
	try func(context.Context) error
}

// NewKeys returns what nothing waits in.
func NewKeys(cfg config.Publish) *Keys {
	k := &Keys{waiting: map[place][]attempts{}, policy: message.RetryPolicy{
		Kind: message.RetryKind(cfg.PublishRetryPolicy), MaxAttempts: cfg.PublishRetryMaxAttempts,
		Delay: cfg.PublishRetryDelay, MaxDelay: cfg.PublishRetryMaxDelay,
	}}
	k.life, k.abandon = context.WithCancel(context.Background())
	return k
}

// Send has try called until o is done, behind what is on its way with the same key.
func (k *Keys) Send(o Outgoing, try func(context.Context) error) {
	a := attempts{o, try}
	if o.Key == nil {
		go k.finish(a)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	at := place{o.Topic, string(o.Key)}
	_, isBusy := k.waiting[at]
	k.waiting[at] = append(k.waiting[at], a)
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
		k.finish(first)
	}
}

func (k *Keys) finish(a attempts) {
	ctx, cancel := context.WithDeadline(k.life, a.Deadline)
	defer cancel()
	delays := k.policy.Backoff()
	var last error
	for attempt := 1; ; attempt++ {
		err := a.try(ctx)
		isTimeUp := ctx.Err() != nil
		if isTimeUp && errors.Is(err, ctx.Err()) {
			err = cmp.Or(last, err) // which says why
		}
		last = err
		switch {
		case err == nil || message.OutcomeOf(err) == message.OutcomePermanent:
			a.Done(err)
			return
		case k.life.Err() != nil:
			a.Done(message.Retry(ErrAbandoned))
			return
		case isTimeUp:
			a.Done(message.Unavailable(fmt.Errorf("given up after %v: %w", a.Timeout, err)))
			return
		case attempt == k.policy.MaxAttempts:
			a.Done(message.Retry(fmt.Errorf("given up after %d attempts: %w", attempt, err)))
			return
		}
		delay, _ := delays.Next()
		select {
		case <-ctx.Done():
		case <-time.After(delay):
		}
	}
}
