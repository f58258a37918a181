package service_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
)

// starting is a handler whose start fails while it is told to.
type starting struct {
	waits   bool // for the end of the context
	err     atomic.Pointer[error]
	starts  atomic.Int64
	handled chan string
}

func newStarting(err error) *starting {
	h := &starting{handled: make(chan string, 10)}
	h.err.Store(&err)
	return h
}

func (h *starting) Startup(ctx context.Context) error {
	h.starts.Add(1)
	if h.waits {
		<-ctx.Done()
	}
	return *h.err.Load()
}

func (h *starting) Handle(_ context.Context, m message.Of[opened]) error {
	h.handled <- m.Body.ID
	return nil
}

// with is an assembly with one handler.
func with(h message.TypedHandler[opened]) service.Build[none] {
	return func(_ context.Context, _ none, b *service.Builder) error {
		b.Registry.SetCodec(envelope.JSON{})
		message.Register(b.Registry, "accounts", h)
		return nil
	}
}

func TestAHandlerThatDoesNotStartIsAStartUpError(t *testing.T) {
	broken := errors.New("no such table")
	h := newStarting(broken)
	s, err := service.New(t.Context(), "test", with(h), options(t, settings(startBroker(t))))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); !errors.Is(err, broken) || !strings.Contains(err.Error(), "consumer test: start *service_test.starting") {
		t.Errorf("ended with %v, want the error and whose it is", err)
	}
	if h.starts.Load() != 1 || len(h.handled) != 0 {
		t.Errorf("%d starts, %d handled; want 1, 0", h.starts.Load(), len(h.handled))
	}
}

// shutDown is a handler that knows how often it was shut down.
type shutDown struct {
	*starting
	times atomic.Int64
}

func (h *shutDown) Shutdown(context.Context) error {
	h.times.Add(1)
	return nil
}

func TestWhatWasStartedIsShutDownWhenAnotherDoesNotStart(t *testing.T) {
	broken := errors.New("no such table")
	first, second := &shutDown{starting: newStarting(nil)}, newStarting(broken)
	build := func(_ context.Context, _ none, b *service.Builder) error {
		b.Registry.SetCodec(envelope.JSON{})
		message.Register(b.Registry, "accounts", first)
		message.Register(b.Registry, "payments", second)
		return nil
	}
	s, err := service.New(t.Context(), "test", build, options(t, settings(startBroker(t))))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); !errors.Is(err, broken) || first.times.Load() != 1 {
		t.Errorf("ended with %v after %d shutdowns, want the start's error after one", err, first.times.Load())
	}
}

func TestAHandlerWhoseStartFindsSomethingAwayIsTriedUntilItIsBack(t *testing.T) {
	broker := startBroker(t)
	h := newStarting(message.Unavailable(errors.New("no database")))
	s, stop := start(t, with(h), settings(broker))
	awaitReady(t, s, http.StatusServiceUnavailable, "no database")
	for h.starts.Load() < 2 {
		awaitReady(t, s, http.StatusServiceUnavailable, "no database")
	}
	if len(h.handled) > 0 {
		t.Error("a message was handled before the start")
	}
	h.err.Store(new(error))
	awaitReady(t, s, http.StatusOK, "ok\n")
	handleOne(t, broker, h.handled, "a-1")
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestAStopWhileAHandlersStartWaitsIsNoFailure(t *testing.T) {
	for name, err := range map[string]error{
		"in the service": message.Unavailable(errors.New("no database")),
		"by itself":      fmt.Errorf("ask for the database: %w", context.Canceled),
	} {
		t.Run(name, func(t *testing.T) {
			h := newStarting(err)
			h.waits = errors.Is(err, context.Canceled)
			ctx, end := context.WithCancel(t.Context())
			s, newErr := service.New(ctx, "test", with(h), options(t, settings("127.0.0.1:1")))
			if newErr != nil {
				t.Fatal(newErr)
			}
			done := make(chan error)
			go func() { done <- s.Run(ctx) }()
			for h.starts.Load() == 0 {
				_, _ = get(s, "/readyz")
			}
			if h.waits {
				awaitReady(t, s, http.StatusServiceUnavailable, "starting: consumer test has not returned")
			}
			end()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// untilTold is a handler that handles a message until it is told to give up, and
// notes until when it may shut down.
type untilTold struct {
	began    chan struct{}
	told     time.Time
	deadline time.Time
}

func (u *untilTold) Handle(ctx context.Context, _ message.Of[opened]) error {
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
	const drain = 4 * time.Second
	broker := startBroker(t)
	h := &untilTold{began: make(chan struct{})}
	over := settings(broker)
	over["DRAIN_TIMEOUT"] = drain.String()
	_, stop := start(t, with(h), over)
	send(t, broker, "a-1")
	<-h.began
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if end := h.told.Add(drain); !h.deadline.Before(end) || h.deadline.IsZero() {
		t.Errorf("Shutdown had until %v, want before %v: a drain after the last handler was told to give up", h.deadline, end)
	}
}

// lines is a log.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// terminated is why the context of a service ends that gets the signal.
type terminated struct{}

func (terminated) Error() string        { return "terminated signal received" }
func (terminated) Is(target error) bool { return target == context.Canceled }

// Who stops a service finds in its log when it was told to, and how long that may take;
// "service failed" is for what failed, once.
func TestTheLogSaysWhyTheServiceStops(t *testing.T) {
	told := terminated{}
	for name, c := range map[string]struct {
		fail  error
		wants []string
		never string
	}{
		"told to":                          {nil, []string{`"level":"INFO","msg":"stopping","cause":"terminated signal received","drain_timeout":`}, "service failed"},
		"failed":                           {errors.New("no space"), []string{`"level":"ERROR","msg":"service failed, stopping","error":"run outbox: no space"`}, `"msg":"stopping"`},
		"failed with a context of its own": {fmt.Errorf("no lock: %w", context.Canceled), []string{`"level":"ERROR","msg":"service failed, stopping","error":"run outbox: no lock: context canceled"`}, `"msg":"stopping"`},
	} {
		t.Run(name, func(t *testing.T) {
			log := new(lines)
			over := settings("127.0.0.1:1")
			over["LOG_LEVEL"], over["LOG_FORMAT"] = "info", "json"
			running := make(chan struct{})
			s, err := service.New(t.Context(), "test", build(func(b *service.Builder) {
				b.Run("outbox", func(ctx context.Context) error {
					close(running)
					if c.fail == nil {
						<-ctx.Done()
					}
					return c.fail
				})
				b.Close("cache", func() error { return errors.New("disk full") })
			}), service.Options{Over: over, Log: log})
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancelCause(t.Context())
			defer stop(nil)
			if c.fail == nil {
				go func() { <-running; stop(told) }()
			}
			_ = s.Run(ctx)
			for _, want := range c.wants {
				if strings.Count(log.String(), want) != 1 {
					t.Errorf("the log has not once %s:\n%s", want, log)
				}
			}
			if strings.Contains(log.String(), c.never) {
				t.Errorf("the log says %s:\n%s", c.never, log)
			}
			if strings.Contains(log.String(), "stopped, all committed") {
				t.Errorf("a service that never consumed says that all is committed:\n%s", log)
			}
		})
	}
}

// A Start function that ignores its context is left behind when the drain's time is
// over, and named; the service was stopped, so that is no failure.
func TestAStartThatDoesNotReturnIsLeftBehind(t *testing.T) {
	held, log := make(chan struct{}), new(lines)
	defer close(held)
	over := settings("127.0.0.1:1")
	over["LOG_LEVEL"], over["DRAIN_TIMEOUT"] = "info", "50ms"
	ctx, stop := context.WithCancel(t.Context())
	s, err := service.New(ctx, "test", build(func(b *service.Builder) {
		b.Start("database", func(context.Context) error { stop(); <-held; return nil })
	}), service.Options{Over: over, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(ctx); err != nil {
		t.Errorf("ended with %v", err)
	}
	stopping, left := strings.Index(log.String(), "msg=stopping "), strings.Index(log.String(), "start database: did not return")
	if stopping < 0 || left < stopping {
		t.Errorf("the log does not say that it is stopping, and then what did not return:\n%s", log)
	}
}
