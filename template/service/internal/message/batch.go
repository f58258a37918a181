package message

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// BatchHandler handles several messages whose bodies are a T at once, say with
// one statement of a database. They come from one partition and have different
// keys, or none.
//
// It returns nil when all are done, else one outcome for each message in the
// order of batch: what an outcome means is said at Handler. So a bad row does
// not take its neighbours with it. A handler that panics gets the messages
// again one by one, so that only those that make it panic fail.
type BatchHandler[T any] interface {
	HandleBatch(ctx context.Context, batch []Of[T]) []error
}

// BatchHandlerFunc lets a function be a BatchHandler.
type BatchHandlerFunc[T any] func(ctx context.Context, batch []Of[T]) []error

// HandleBatch calls f.
func (f BatchHandlerFunc[T]) HandleBatch(ctx context.Context, batch []Of[T]) []error {
	return f(ctx, batch)
}

// Batch says how many messages a batch handler gets at once.
type Batch struct {
	Size int           // at most
	Wait time.Duration // for that many; then it gets what there is
}

// RegisterBatch makes h the handler of the messages on topic whose body is a T,
// several at once. Everything else is as with Register: middleware, hooks and
// validation see each message by itself.
func RegisterBatch[T any](r *Registry, topic string, h BatchHandler[T], b Batch, opts ...Option) {
	if err := registerBatch(r, topic, h, b, opts); err != nil {
		panic(err)
	}
}

func registerBatch[T any](r *Registry, topic string, h BatchHandler[T], b Batch, opts []Option) error {
	switch {
	case isNil(h):
		return fmt.Errorf("message: register a batch handler on topic %q: the handler is nil", topic)
	case b.Size < 1 || b.Wait < 0:
		return fmt.Errorf("message: register a batch handler on topic %q: size %d and wait %v, must be at least 1 and 0s", topic, b.Size, b.Wait)
	}
	err := RegisterSafely(r, topic, TypedHandler[T](&batching[T]{h}), append(opts, partOf(h))...)
	if err != nil {
		return err
	}
	t := r.topics[topic]
	t.batch = Batch{Size: max(t.batch.Size, b.Size), Wait: max(t.batch.Wait, b.Wait)}
	return nil
}

// Batch returns what is registered for a topic; its size is 0 when messages
// are handled one by one.
func (r *Registry) Batch(topic string) Batch {
	if t := r.topics[topic]; t != nil {
		return t.batch
	}
	return Batch{}
}

// HandleBatch handles several messages of one topic, each as Handle does, but
// lets those that reach a batch handler reach it together. It returns one
// outcome for each. One after the other they are decoded, checked, and handled
// if their handler is none for batches: whoever calls has one worker for them.
func (r *Registry) HandleBatch(ctx context.Context, batch []*Message) []error {
	g := &gathering{ctx: ctx, awaited: len(batch)}
	outcomes := make([]error, len(batch))
	var all sync.WaitGroup
	for i, m := range batch {
		s := &seat{gathering: g, settled: make(chan struct{})}
		all.Go(func() {
			defer s.leave()
			outcomes[i] = Recover(r).Handle(context.WithValue(ctx, seatKey{}, s), m)
		})
		<-s.settled
	}
	all.Wait()
	return outcomes
}

// batching is a batch handler as the handler of a single message: it waits for
// the others of the batch.
type batching[T any] struct{ handler BatchHandler[T] }

func (b *batching[T]) Handle(ctx context.Context, m Of[T]) error {
	s, ok := ctx.Value(seatKey{}).(*seat)
	if !ok {
		return b.call(ctx, []any{m})[0]
	}
	return s.join(b, m)
}

// call calls the handler and makes sure of one outcome for each message.
func (b *batching[T]) call(ctx context.Context, messages []any) (outcomes []error) {
	batch := make([]Of[T], len(messages))
	for i, m := range messages {
		batch[i] = m.(Of[T]) //nolint:forcetypeassert // Handle put it there
	}
	outcomes = b.handler.HandleBatch(ctx, batch)
	switch len(outcomes) {
	case len(batch):
		return outcomes
	case 0:
		return make([]error, len(batch))
	}
	err := Fail(ClassHandler, "the batch handler gave %d outcomes for %d messages", len(outcomes), len(batch))
	return repeat(err, len(batch))
}

// batcher is a batching with its type erased.
type batcher interface {
	call(ctx context.Context, messages []any) []error
}

// gathering is the messages of one batch on their way to their batch handlers.
// When each has joined one, or ended without, the handlers are called.
type gathering struct {
	ctx context.Context // of the whole batch

	mu      sync.Mutex
	awaited int // messages that have neither joined nor ended
	groups  []*group
}

// group is the messages that go to one batch handler.
type group struct {
	handler  batcher
	messages []any
	outcomes []chan error
}

type seatKey struct{}

// seat is one message's place in a gathering.
type seat struct {
	gathering *gathering
	taken     bool
	settled   chan struct{} // closed when the message has joined, or ended without
}

// join waits for the batch and returns the message's outcome.
func (s *seat) join(handler batcher, m any) error {
	if s.taken {
		return errors.New("a middleware handled a message of a batch twice")
	}
	s.taken = true
	close(s.settled)
	outcome := make(chan error, 1)
	s.gathering.add(handler, m, outcome)
	return <-outcome
}

// leave is for messages that ended without joining.
func (s *seat) leave() {
	if !s.taken {
		close(s.settled)
		s.gathering.add(nil, nil, nil)
	}
}

// add counts a message and, with the last one, calls the handlers.
func (g *gathering) add(handler batcher, m any, outcome chan error) {
	g.mu.Lock()
	if handler != nil {
		to := g.group(handler)
		to.messages, to.outcomes = append(to.messages, m), append(to.outcomes, outcome)
	}
	g.awaited--
	last := g.awaited == 0
	g.mu.Unlock()
	if last {
		for _, to := range g.groups {
			to.handle(g.ctx)
		}
	}
}

func (g *gathering) group(handler batcher) *group {
	for _, to := range g.groups {
		if to.handler == handler {
			return to
		}
	}
	to := &group{handler: handler}
	g.groups = append(g.groups, to)
	return to
}

// handle gives each message its outcome. After a panic the messages are tried
// one by one.
func (g *group) handle(ctx context.Context) {
	var outcomes []error
	err := protect(ctx, func(ctx context.Context) error {
		outcomes = g.handler.call(ctx, g.messages)
		return nil
	})
	for i, m := range g.messages {
		switch {
		case err == nil:
			g.outcomes[i] <- outcomes[i]
		case len(g.messages) == 1:
			g.outcomes[i] <- err
		default:
			alone := group{g.handler, []any{m}, g.outcomes[i : i+1]}
			alone.handle(ctx)
		}
	}
}

func repeat(err error, n int) []error {
	out := make([]error, n)
	for i := range out {
		out[i] = err
	}
	return out
}
