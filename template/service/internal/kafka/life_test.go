package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// starting is a handler whose start fails while it is told to.
type starting struct {
	waits   bool // for the end of the context
	err     atomic.Pointer[error]
	starts  atomic.Int64
	handled atomic.Int64
}

func (s *starting) fail(err error) { s.err.Store(&err) }

func (s *starting) Startup(ctx context.Context) error {
	s.starts.Add(1)
	if s.waits {
		<-ctx.Done()
	}
	return *s.err.Load()
}

func (s *starting) Handle(context.Context, message.Of[payment]) error {
	s.handled.Add(1)
	return nil
}

func TestAHandlerThatDoesNotStartIsAStartUpError(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	produce(t, c, 0, envelopes(t, 0, 1)...)
	h, registry := new(starting), newRegistry()
	broken := errors.New("no such table")
	h.fail(broken)
	message.Register(registry, "payments", h)
	r := consumeWith(t, settings(t, c), quiet, registry)
	eventually(t, "it tried to start", func() bool { return h.starts.Load() > 0 })
	if err := r.stop(); !errors.Is(err, broken) || !strings.Contains(err.Error(), "start *kafka.starting") {
		t.Errorf("ended with %v, want the error and whose it is", err)
	}
	if h.starts.Load() != 1 || h.handled.Load() != 0 {
		t.Errorf("%d starts, %d handled; want 1, 0", h.starts.Load(), h.handled.Load())
	}
}

// stopping is a handler that starts, and knows when it was shut down.
type stopping struct {
	starting
	shutdowns atomic.Int64
}

func (s *stopping) Shutdown(ctx context.Context) error {
	s.shutdowns.Add(1)
	return ctx.Err()
}

func TestWhatWasStartedIsShutDownWhenAnotherDoesNotStart(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	first, second, registry := new(stopping), new(starting), newRegistry()
	first.fail(nil)
	second.fail(errors.New("no such table"))
	message.Register(registry, "payments", first)
	message.Register(registry, "refunds", second)
	r := consumeWith(t, settings(t, c), quiet, registry)
	eventually(t, "it tried to start", func() bool { return second.starts.Load() > 0 })
	if err := r.stop(); err == nil || strings.Contains(err.Error(), "shut down") || first.shutdowns.Load() != 1 {
		t.Errorf("ended with %v after %d shutdowns, want the start's error after one", err, first.shutdowns.Load())
	}
}

func TestAStartThatFindsSomethingAwayIsTriedUntilItIsBack(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	produce(t, c, 0, envelopes(t, 0, 1)...)
	h, registry := new(starting), newRegistry()
	h.fail(message.Unavailable(errors.New("no database")))
	message.Register(registry, "payments", h)
	r := consumeWith(t, settings(t, c), quiet, registry)
	eventually(t, "it tries again", func() bool { return h.starts.Load() > 1 })
	if err := r.Ready(); err == nil || !strings.Contains(err.Error(), "no database") {
		t.Errorf("ready says %v, want what is away", err)
	}
	if h.handled.Load() > 0 {
		t.Error("a message was handled before the start")
	}
	h.fail(nil)
	r.await(t, engine.Handled, 1)
	if err := r.stop(); err != nil {
		t.Error(err)
	}
}

func TestAStopWhileTheStartWaitsIsNoFailure(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	for name, err := range map[string]error{
		"in the consumer": message.Unavailable(errors.New("no database")),
		"by itself":       fmt.Errorf("ask for the database: %w", context.Canceled),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, registry := &starting{waits: errors.Is(err, context.Canceled)}, newRegistry()
			h.fail(err)
			message.Register(registry, "payments", h)
			r := consumeWith(t, settings(t, c), quiet, registry)
			eventually(t, "it tried to start", func() bool { return h.starts.Load() > 0 })
			if err := r.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// distant is a codec that asks a registry which may be away.
type distant struct {
	envelope.JSON
	back atomic.Bool
}

func (d *distant) Open(ctx context.Context, m *message.Message) (message.Header, []byte, error) {
	if string(m.Key) == "1" && !d.back.Load() {
		return message.Header{}, nil, message.Unavailable(errors.New("no route to the registry"))
	}
	return d.JSON.Open(ctx, m)
}

func TestWhatACodecNeedsMayBeAwayAndNothingIsLost(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	produce(t, c, 0, envelopes(t, 0, 3)...)
	codec, registry := new(distant), newRegistry()
	registry.SetCodec(codec)
	message.Register(registry, "payments", message.TypedHandlerFunc[payment](succeed))
	r := consumeWith(t, settings(t, c, "KAFKA_ERROR_POLICY", "skip", "KAFKA_RETRY_MAX_ATTEMPTS", "1", "KAFKA_RETRY_DELAY", "10ms"), quiet, registry)
	r.await(t, engine.Handled, 2)
	r.await(t, engine.Unavailable, 3)
	if err := r.Ready(); err == nil || !strings.Contains(err.Error(), "no route to the registry") {
		t.Errorf("ready says %v, want what is away", err)
	}
	codec.back.Store(true)
	r.await(t, engine.Handled, 3)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if got := committed(t, c, 0); got != 3 {
		t.Errorf("committed %d, want 3", got)
	}
}

// untilTold is a handler that handles a message until it is told to give up, and
// notes until when it may shut down.
type untilTold struct {
	began    chan struct{}
	told     time.Time
	deadline time.Time
}

func (u *untilTold) Handle(ctx context.Context, _ message.Of[payment]) error {
	close(u.began)
	<-ctx.Done()
	u.told = time.Now()
	return message.Retry(ctx.Err())
}

func (u *untilTold) Shutdown(ctx context.Context) error {
	u.deadline, _ = ctx.Deadline()
	return nil
}

func TestHandlersShutDownInWhatIsLeftOfTheDrain(t *testing.T) {
	t.Parallel()
	const drain = 4 * time.Second
	c := startCluster(t, topicOf(1))
	produce(t, c, 0, envelopes(t, 0, 1)...)
	h, registry := &untilTold{began: make(chan struct{})}, newRegistry()
	message.Register(registry, "payments", h)
	r := consumeWith(t, settings(t, c, "KAFKA_DRAIN_TIMEOUT", drain.String()), quiet, registry)
	<-h.began
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if end := h.told.Add(drain); !h.deadline.Before(end) {
		t.Errorf("Shutdown had until %v, want before %v: a drain after the last handler was told to give up", h.deadline, end)
	}
}
