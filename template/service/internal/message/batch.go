package message

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// BatchHandler handles several messages whose bodies are a T at once, say with
// one statement of a database. They have different keys, or none, and may come
// from several partitions.
//
// It returns nil when all are done, else one outcome for each message in the
// order of batch; what an outcome means is said at TypedHandler. When it
// panics, it gets each of the messages again alone, so that only those fail
// that make it panic.
//
// The context ends when that of any of the messages does. It is not of one
// message: to publish because of one, use NewContext.
type BatchHandler[T any] interface {
	HandleBatch(ctx context.Context, batch []Of[T]) []error
}

// Batch says how many messages a batch handler gets at once.
type Batch struct {
	Size int           // at most; each message of a batch takes a worker, so more than there are workers never come
	Wait time.Duration // for that many; then it gets what there is
}

// RegisterBatch makes h the handler of the messages on topic whose body is a T,
// several at once. Everything else is as with Register: middleware, hooks and
// rules see each message by itself. It panics on a mistake in the wiring.
func RegisterBatch[T any](r *Registry, topic string, h BatchHandler[T], b Batch, opts ...Option) {
	if b.Size < 1 || b.Wait < 0 {
		panic(fmt.Errorf("message: register a batch handler on topic %q: size is %d and wait %v, must be at least 1 and 0s", topic, b.Size, b.Wait))
	}
	var joining TypedHandler[T] // stays nil, and is refused as such, when h is nil
	if !isNil(h) {
		joining = &batcher[T]{handler: h, Batch: b}
		opts = append(opts, hooksOf(h))
	}
	Register(r, topic, joining, opts...)
}

// batcher collects messages until there are enough, or the first has waited
// long enough.
type batcher[T any] struct {
	Batch
	handler BatchHandler[T]

	mu      sync.Mutex
	waiting []*batched[T]
	timer   *time.Timer // of the first that waits; nil when none does
}

// batched is a message that waits for its batch, and then for its outcome.
type batched[T any] struct {
	ctx     context.Context
	message Of[T]
	outcome chan error // has room for one
}

// Handle waits for the message's batch and returns the message's outcome.
func (b *batcher[T]) Handle(ctx context.Context, m Of[T]) error {
	w := &batched[T]{ctx, m, make(chan error, 1)}
	b.join(w)
	select {
	case err := <-w.outcome:
		return err
	case <-ctx.Done():
	}
	if b.leave(w) {
		return context.Cause(ctx)
	}
	return <-w.outcome // the handler has it, and its context has ended
}

func (b *batcher[T]) join(w *batched[T]) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = append(b.waiting, w)
	if len(b.waiting) == b.Size {
		b.start()
	} else if len(b.waiting) == 1 {
		var t *time.Timer
		t = time.AfterFunc(b.Wait, func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.timer == t { // else its batch has started
				b.start()
			}
		})
		b.timer = t
	}
}

// leave reports whether w was still waiting for its batch.
func (b *batcher[T]) leave(w *batched[T]) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, other := range b.waiting {
		if other == w {
			b.waiting = append(b.waiting[:i:i], b.waiting[i+1:]...)
			b.stopTimer()
			return true
		}
	}
	return false
}

// start hands those that wait to the handler. b.mu is held.
func (b *batcher[T]) start() {
	go b.handle(b.waiting)
	b.waiting = nil
	b.stopTimer()
}

// stopTimer stops the timer when nobody waits. b.mu is held.
func (b *batcher[T]) stopTimer() {
	if len(b.waiting) == 0 && b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
}

// handle calls the handler and gives each message its outcome.
func (b *batcher[T]) handle(batch []*batched[T]) {
	err := errNoReturn // stays when the handler ends its goroutine
	var outcomes []error
	defer func() {
		if v := recover(); v != nil {
			err = NewPanicError(v)
		}
		for i, w := range batch {
			switch {
			case err != nil && len(batch) > 1:
				go b.handle(batch[i : i+1])
			case err != nil:
				w.outcome <- err
			default:
				w.outcome <- outcomes[i]
			}
		}
	}()
	outcomes = b.call(batch)
	err = nil
}

func (b *batcher[T]) call(batch []*batched[T]) []error {
	ctx, cancel := context.WithCancelCause(NewContext(context.WithoutCancel(batch[0].ctx), nil))
	defer cancel(nil)
	messages := make([]Of[T], len(batch))
	for i, w := range batch {
		messages[i] = w.message
		defer context.AfterFunc(w.ctx, func() { cancel(context.Cause(w.ctx)) })()
	}
	outcomes := b.handler.HandleBatch(ctx, messages)
	if len(outcomes) == len(batch) {
		return outcomes
	}
	var err error
	if len(outcomes) > 0 {
		err = Fail(ClassHandler, "the batch handler returned %d outcomes for %d messages", len(outcomes), len(batch))
	}
	outcomes = make([]error, len(batch))
	for i := range outcomes {
		outcomes[i] = err
	}
	return outcomes
}
