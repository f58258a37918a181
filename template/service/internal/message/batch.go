package message

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// BatchHandler handles several messages whose bodies are a T at once, say with
// one statement of a database. They have different keys, or none.
//
// It returns nil when all are done, else one outcome for each message in the
// order of batch; what an outcome means is said at TypedHandler. When it panics,
// each of the messages is handled again alone, so that only those fail that make
// it panic: they are then what batch made of what they point to, so leave that as it
// is. The context ends when that of any message does; an error for one whose own
// context goes on is then Unavailable, whatever it asks for. It is not of one message:
// to publish because of one, use NewContext.
type BatchHandler[T any] interface {
	HandleBatch(ctx context.Context, batch []Of[T]) []error
}

// Batch says how many messages a batch handler gets at once.
type Batch struct {
	Size int           // at most; as each message takes a worker, there are never more than workers
	Wait time.Duration // for that many; then it gets what there is
}

// RegisterBatch is Register for a handler of several messages at once.
// Middleware, hooks and rules see each message by itself, and the middleware of all
// messages of a batch has been called when the handler is: one that holds something for
// the call, such as a connection, needs Size of them. With fewer, batches are smaller,
// and each waits for b.Wait.
func RegisterBatch[T any](r *Registry, topic string, h BatchHandler[T], b Batch, opts ...Option) {
	if b.Size < 1 || b.Wait < 0 {
		panic(fmt.Errorf("message: batches of topic %q: size is %d and wait %v, must be at least 1 and 0s", topic, b.Size, b.Wait))
	}
	asHooks := func(reg *registration) { reg.hooks = h } // its optional interfaces count
	Register(r, topic, &batcher[T]{handler: h, Batch: b}, append(opts, asHooks)...)
}

// batcher collects messages until there are enough, or one has waited enough.
type batcher[T any] struct {
	Batch
	handler BatchHandler[T]
	mu      sync.Mutex
	waiting []*batched[T]
}

// batched is a message that waits for its batch, and then for its outcome.
type batched[T any] struct {
	ctx     context.Context
	message Of[T]
	outcome chan error // has room for one
}

func (b *batcher[T]) Handle(ctx context.Context, m Of[T]) error {
	w := &batched[T]{ctx, m, make(chan error, 1)}
	b.mu.Lock()
	b.waiting = append(b.waiting, w)
	if len(b.waiting) == b.Size {
		b.start()
	}
	b.mu.Unlock()
	select {
	case err := <-w.outcome:
		return err
	case <-time.After(b.Wait):
		b.mu.Lock()
		if slices.Contains(b.waiting, w) {
			b.start()
		}
		b.mu.Unlock()
	case <-ctx.Done():
		if b.leave(w) {
			return context.Cause(ctx)
		}
	}
	return <-w.outcome
}

// start hands all that wait to the handler. b.mu is held.
func (b *batcher[T]) start() {
	go b.handle(b.waiting)
	b.waiting = nil
}

// leave reports whether w was still waiting for its batch.
func (b *batcher[T]) leave(w *batched[T]) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.waiting)
	b.waiting = slices.DeleteFunc(b.waiting, func(other *batched[T]) bool { return other == w })
	return len(b.waiting) < n
}

// handle calls the handler and gives each message its outcome.
func (b *batcher[T]) handle(batch []*batched[T]) {
	var outcomes []error
	err := CallBounded(context.Background(), 0, func(context.Context) error {
		outcomes = b.call(batch)
		return nil
	})
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
}

func (b *batcher[T]) call(batch []*batched[T]) []error {
	ctx, cancel := context.WithCancelCause(NewContext(context.WithoutCancel(batch[0].ctx), nil))
	defer cancel(nil)
	ctx = withoutSpan(ctx) //forge:if otel
	messages := make([]Of[T], len(batch))
	for i, w := range batch {
		messages[i] = Of[T]{new(*w.message.Message), w.message.Body}
		defer context.AfterFunc(w.ctx, func() { cancel(context.Cause(w.ctx)) })()
	}
	outcomes := b.handler.HandleBatch(ctx, messages)
	if len(outcomes) != 0 && len(outcomes) != len(batch) {
		err := Fail(ClassHandler, "the batch handler returned %d outcomes for %d messages", len(outcomes), len(batch))
		return slices.Repeat([]error{err}, len(batch))
	}
	outcomes = slices.Concat(outcomes, make([]error, len(batch)-len(outcomes)))
	for i, w := range batch {
		if ctx.Err() != nil && w.ctx.Err() == nil {
			outcomes[i] = Unavailable(outcomes[i])
		}
	}
	return outcomes
}
