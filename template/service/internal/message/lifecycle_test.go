package message_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// witness is a handler with every hook, which notes what is called.
type witness struct {
	calls   *[]string
	name    string
	fail    map[string]error // by hook
	onError func(*message.Message, error) error
}

func (w *witness) note(call string) error {
	*w.calls = append(*w.calls, w.name+call)
	return w.fail[call]
}

func (w *witness) Startup(context.Context) error                     { return w.note("startup") }
func (w *witness) Shutdown(context.Context) error                    { return w.note("shutdown") }
func (w *witness) Before(context.Context, *message.Message) error    { return w.note("before") }
func (w *witness) Handle(context.Context, message.Of[payment]) error { return w.note("handle") }
func (w *witness) After(context.Context, *message.Message) error     { return w.note("after") }
func (w *witness) HandleTombstone(context.Context, *message.Message) error {
	return w.note("tombstone")
}

func (w *witness) OnError(_ context.Context, m *message.Message, err error) error {
	_ = w.note("error")
	if w.onError != nil {
		return w.onError(m, err)
	}
	return err
}

func newWitness(fail map[string]error) *witness {
	return &witness{calls: new([]string), fail: fail}
}

func wantCalls(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("calls %v, want %v", got, want)
	}
}

var errTest = errors.New("test")

func TestHooksRunAroundTheHandler(t *testing.T) {
	for name, tt := range map[string]struct {
		fail  map[string]error
		calls []string
	}{
		"success":      {nil, []string{"before", "handle", "after"}},
		"before fails": {map[string]error{"before": errTest}, []string{"before", "error"}},
		"handle fails": {map[string]error{"handle": errTest}, []string{"before", "handle", "error"}},
		"after fails":  {map[string]error{"after": errTest}, []string{"before", "handle", "after", "error"}},
	} {
		t.Run(name, func(t *testing.T) {
			r, w := newRegistry(), newWitness(tt.fail)
			message.Register(r, "payments", w)
			err := r.Handle(t.Context(), newMessage(inEnvelope("P", validBody)))
			if want := len(tt.fail) > 0; errors.Is(err, errTest) != want {
				t.Errorf("error %v", err)
			}
			wantCalls(t, *w.calls, tt.calls...)
		})
	}
}

func TestHooksDoNotRunForInvalidMessagesAndTombstones(t *testing.T) {
	r, w := newRegistry(), newWitness(nil)
	message.Register(r, "payments", w, message.With(func(message.Handler) message.Handler {
		return message.HandlerFunc(func(context.Context, *message.Message) error { panic("middleware was called") })
	}))
	if err := r.Handle(t.Context(), newMessage(inEnvelope("P", `{}`))); message.ClassOf(err) != message.ClassInvalid {
		t.Error(err)
	}
	if err := r.Handle(t.Context(), &message.Message{Topic: "payments"}); err != nil {
		t.Error(err)
	}
	wantCalls(t, *w.calls, "tombstone")
}

func TestOnErrorDecides(t *testing.T) {
	attempt := func(m *message.Message, err error) error {
		switch m.Attempt {
		case 1:
			return message.Retry(err)
		case 2:
			return nil
		default:
			return message.Permanent(err)
		}
	}
	r, w := newRegistry(), newWitness(map[string]error{"handle": errTest})
	w.onError = attempt
	message.Register(r, "payments", w)
	m := newMessage(inEnvelope("P", validBody))
	if err := r.Handle(t.Context(), m); !isRetry(err) || !errors.Is(err, errTest) {
		t.Errorf("attempt 1: %v", err)
	}
	m.Attempt = 2
	if err := r.Handle(t.Context(), m); err != nil {
		t.Errorf("attempt 2: %v", err)
	}
	m.Attempt = 3
	if err := r.Handle(t.Context(), m); !isPermanent(err) {
		t.Errorf("attempt 3: %v", err)
	}
}

// lifecycle registers a, b and c, where b fails as told, and returns their calls.
func lifecycle(fail map[string]error) (*message.Registry, *[]string) {
	r, calls := newRegistry(), new([]string)
	for _, name := range []string{"a", "b", "c"} {
		w := &witness{calls: calls, name: name + " "}
		if name == "b" {
			w.fail = fail
		}
		message.Register(r, name, w)
	}
	return r, calls
}

func TestStartupInOrderShutdownInReverse(t *testing.T) {
	r, calls := lifecycle(nil)
	message.Register(r, "none", new(recorder[payment])) // has nothing to start
	if err := r.Startup(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing left to do
		if err := r.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	wantCalls(t, *calls, "a startup", "b startup", "c startup", "c shutdown", "b shutdown", "a shutdown")
}

func TestStartupThatFailsShutsDownWhatWasStarted(t *testing.T) {
	r, calls := lifecycle(map[string]error{"startup": errTest})
	err := r.Startup(t.Context())
	if !errors.Is(err, errTest) {
		t.Error(err)
	}
	wantContains(t, err, "start *message_test.witness: test")
	wantCalls(t, *calls, "a startup", "b startup", "a shutdown")
}

func TestShutdownGoesOnAfterAnError(t *testing.T) {
	r, calls := lifecycle(map[string]error{"shutdown": errTest})
	if err := r.Startup(t.Context()); err != nil {
		t.Fatal(err)
	}
	*calls = nil
	if err := r.Shutdown(t.Context()); !errors.Is(err, errTest) {
		t.Error(err)
	}
	wantCalls(t, *calls, "c shutdown", "b shutdown", "a shutdown")
}

// interrupted is a handler whose start waits for the end of the context, or
// panics where it would wait for ever.
type interrupted struct{ recorder[payment] }

func (*interrupted) Startup(ctx context.Context) error {
	if ctx.Done() == nil {
		panic("started for ever")
	}
	<-ctx.Done()
	return ctx.Err()
}

func TestAnInterruptedStartLeavesTimeToShutDownWhatWasStarted(t *testing.T) {
	r, calls := lifecycle(nil)
	started := &stops{do: func(ctx context.Context) error { return ctx.Err() }}
	message.Register(r, "started", started)
	message.Register(r, "last", new(interrupted))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Startup(ctx); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "shut down") {
		t.Errorf("ended with %v, want the start's error alone", err)
	}
	wantCalls(t, *calls, "a startup", "b startup", "c startup", "c shutdown", "b shutdown", "a shutdown")
}

// stops is a handler with a Shutdown.
type stops struct {
	recorder[payment]
	do func(context.Context) error
}

func (s *stops) Shutdown(ctx context.Context) error { return s.do(ctx) }

func TestAPanicInAHookOfTheLifeIsAnErrorAndTheOthersAreShutDown(t *testing.T) {
	r, calls := lifecycle(nil)
	message.Register(r, "panics", &stops{do: func(context.Context) error { panic("boom") }})
	if err := r.Startup(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantContains(t, r.Shutdown(t.Context()), "shut down *message_test.stops: panic: boom")
	wantCalls(t, (*calls)[3:], "c shutdown", "b shutdown", "a shutdown")

	r, calls = lifecycle(nil)
	message.Register(r, "panics", new(interrupted))
	wantContains(t, r.Startup(context.Background()), "start *message_test.interrupted: panic: started for ever")
	wantCalls(t, (*calls)[3:], "c shutdown", "b shutdown", "a shutdown")
}

func TestHandlerOfTwoTopicsIsStartedOnce(t *testing.T) {
	r, w := newRegistry(), newWitness(nil)
	message.Register(r, "payments", w)
	message.Register(r, "refunds", w)
	if err := errors.Join(r.Startup(t.Context()), r.Shutdown(t.Context())); err != nil {
		t.Fatal(err)
	}
	wantCalls(t, *w.calls, "startup", "shutdown")
}

func scoped(calls *[]string, handle func() error, openErr error) *message.Registry {
	r := newRegistry(transparent)
	message.Scoped(r, "payments", func(context.Context) (message.TypedHandler[payment], func(error) error, error) {
		*calls = append(*calls, "open")
		h := message.TypedHandlerFunc[payment](func(context.Context, message.Of[payment]) error {
			*calls = append(*calls, "handle")
			return handle()
		})
		release := func(err error) error {
			*calls = append(*calls, fmt.Sprint("release ", err))
			return err
		}
		return h, release, openErr
	})
	return r
}

func TestScopedReleasesWithTheOutcome(t *testing.T) {
	for name, tt := range map[string]struct {
		handle  func() error
		openErr error
		calls   []string
		err     string
	}{
		"success":    {func() error { return nil }, nil, []string{"open", "handle", "release <nil>"}, ""},
		"failure":    {func() error { return errTest }, nil, []string{"open", "handle", "release test"}, "test"},
		"panic":      {func() error { panic("oops") }, nil, []string{"open", "handle", "release the handler did not return"}, "panic: oops"},
		"open fails": {nil, errTest, []string{"open"}, "open scope: test"},
	} {
		t.Run(name, func(t *testing.T) {
			var calls []string
			r := scoped(&calls, tt.handle, tt.openErr)
			err := r.Handle(t.Context(), newMessage(inEnvelope("P", validBody)))
			if text := fmt.Sprint(err); text != tt.err && (err != nil || tt.err != "") {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			wantCalls(t, calls, tt.calls...)
		})
	}
}

func TestHooksOfAScopedHandlerRunInItsScope(t *testing.T) {
	r, w := newRegistry(), newWitness(map[string]error{"handle": errTest})
	w.onError = func(*message.Message, error) error { return nil }
	message.Scoped(r, "payments", func(context.Context) (message.TypedHandler[payment], func(error) error, error) {
		_ = w.note("open")
		return w, func(err error) error { _ = w.note("release"); return err }, nil
	})
	if err := errors.Join(r.Startup(t.Context()), r.Handle(t.Context(), newMessage(inEnvelope("P", validBody)))); err != nil {
		t.Error(err)
	}
	wantCalls(t, *w.calls, "open", "before", "handle", "error", "release")
}

func TestScopedReleaseDecidesTheOutcome(t *testing.T) {
	r := newRegistry()
	message.Scoped(r, "payments", func(context.Context) (message.TypedHandler[payment], func(error) error, error) {
		return new(recorder[payment]), func(error) error { return message.Retry(errTest) }, nil
	})
	if err := r.Handle(t.Context(), newMessage(inEnvelope("P", validBody))); !isRetry(err) {
		t.Errorf("a commit that failed gives %v", err)
	}
}

func TestScopedWithoutReleaseOrHandler(t *testing.T) {
	r := newRegistry()
	message.Scoped(r, "payments", func(context.Context) (message.TypedHandler[payment], func(error) error, error) {
		return &recorder[payment]{err: errTest}, nil, nil
	})
	if err := r.Handle(t.Context(), newMessage(inEnvelope("P", validBody))); !errors.Is(err, errTest) {
		t.Error(err)
	}
	var released error
	message.Scoped(r, "refunds", func(context.Context) (message.TypedHandler[payment], func(error) error, error) {
		return nil, func(err error) error { released = err; return err }, nil
	})
	m := newMessage(inEnvelope("P", validBody))
	m.Topic = "refunds"
	wantError(t, r.Handle(t.Context(), m), message.ClassHandler, "open gave no handler")
	if released == nil {
		t.Error("the scope was released as a success")
	}
}

func TestScopedRefusesNil(t *testing.T) {
	defer func() {
		err, _ := recover().(error)
		wantContains(t, err, `on topic "payments": the handler is nil`)
	}()
	message.Scoped[payment](newRegistry(), "payments", nil)
}
