package message_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

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

func TestShutdownAfterAStartThatFailedIsOfWhatWasStarted(t *testing.T) {
	r, calls := lifecycle(map[string]error{"startup": errTest})
	err := r.Startup(t.Context())
	if !errors.Is(err, errTest) {
		t.Error(err)
	}
	wantContains(t, err, "start *message_test.witness: test")
	if err := r.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
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

func TestWhatWasStartedIsShutDownAfterAnInterruptedStart(t *testing.T) {
	r, calls := lifecycle(nil)
	started := &stops{do: func(ctx context.Context) error { return ctx.Err() }}
	message.Register(r, "started", started)
	message.Register(r, "last", new(interrupted))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Startup(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v, want the context's error", err)
	}
	if err := r.Shutdown(t.Context()); err != nil {
		t.Error(err)
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
	if err := r.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	wantCalls(t, (*calls)[3:], "c shutdown", "b shutdown", "a shutdown")
}

// exits is a handler whose start and end call runtime.Goexit, as t.FailNow does.
type exits struct {
	recorder[payment]
	started bool
}

func (e *exits) Startup(context.Context) error {
	if !e.started {
		e.started = true
		runtime.Goexit()
	}
	return nil
}

func (*exits) Shutdown(context.Context) error { runtime.Goexit(); return nil }

func TestAHookOfTheLifeThatEndsItsGoroutineIsAnErrorAndTheOthersAreShutDown(t *testing.T) {
	r, calls := lifecycle(nil)
	message.Register(r, "exits", new(exits))
	wantContains(t, r.Startup(t.Context()), "start *message_test.exits: it ended its goroutine")
	if err := r.Startup(t.Context()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	wantContains(t, r.Shutdown(t.Context()), "shut down *message_test.exits: it ended its goroutine")
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
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

// scope is a handler of one message that notes what is called.
type scope struct {
	calls  *[]string
	handle func() error
	close  func(error) error
}

func (s *scope) Handle(context.Context, message.Of[payment]) error {
	*s.calls = append(*s.calls, "handle")
	return s.handle()
}

func (s *scope) Close(_ context.Context, outcome error) error {
	*s.calls = append(*s.calls, fmt.Sprint("close ", outcome))
	if s.close != nil {
		return s.close(outcome)
	}
	return outcome
}

// handleScoped handles a message by s, and returns the panic of that as an error.
func handleScoped(t *testing.T, s message.Scope[payment], openErr error) (err error) {
	t.Helper()
	r := newRegistry()
	message.Scoped(r, "payments", func(context.Context) (message.Scope[payment], error) { return s, openErr })
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return r.Handle(t.Context(), newMessage(inEnvelope("P", validBody)))
}

func TestAScopeIsClosedOnceWithTheOutcome(t *testing.T) {
	for name, tt := range map[string]struct {
		handle func() error
		calls  []string
		err    string
	}{
		"success": {func() error { return nil }, []string{"handle", "close <nil>"}, "<nil>"},
		"failure": {func() error { return errTest }, []string{"handle", "close test"}, "test"},
		"panic":   {func() error { panic("oops") }, []string{"handle", "close the handler did not return"}, "panic: oops"},
	} {
		t.Run(name, func(t *testing.T) {
			var calls []string
			err := handleScoped(t, &scope{calls: &calls, handle: tt.handle}, nil)
			if text := fmt.Sprint(err); text != tt.err {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			wantCalls(t, calls, tt.calls...)
		})
	}
}

func TestCloseDecidesTheOutcome(t *testing.T) {
	var calls []string
	commit := func(error) error { return message.Retry(errTest) }
	if err := handleScoped(t, &scope{&calls, func() error { return nil }, commit}, nil); !isRetry(err) {
		t.Errorf("a commit that failed gives %v", err)
	}
	forgive := func(error) error { return nil }
	if err := handleScoped(t, &scope{&calls, func() error { return errTest }, forgive}, nil); err != nil {
		t.Errorf("an outcome that Close took for done gives %v", err)
	}
}

func TestAScopeThatIsNotOpenedIsTheMessagesError(t *testing.T) {
	var calls []string
	s := &scope{calls: &calls}
	if err := handleScoped(t, s, message.Unavailable(errTest)); !isUnavailable(err) || err.Error() != "open scope: test" {
		t.Error(err)
	}
	wantError(t, handleScoped(t, nil, nil), message.ClassHandler, "open scope: got no scope")
	wantCalls(t, calls)
}

// scopedWitness is a scope with hooks.
type scopedWitness struct{ *witness }

func (s scopedWitness) Close(_ context.Context, outcome error) error {
	_ = s.note("close")
	return outcome
}

func TestHooksOfAScopeRunWithinIt(t *testing.T) {
	w := newWitness(map[string]error{"handle": errTest})
	w.onError = func(*message.Message, error) error { return nil }
	if err := handleScoped(t, scopedWitness{w}, nil); err != nil {
		t.Error(err)
	}
	wantCalls(t, *w.calls, "before", "handle", "error", "close")
}

func TestScopedRefusesNil(t *testing.T) {
	panicsWith(t, `on topic "payments": the handler is nil`, func() { message.Scoped[payment](newRegistry(), "payments", nil) })
}

func TestAStopperThatIgnoresTheEndIsNamedAndLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, calls := lifecycle(nil)
		stuck := make(chan struct{})
		message.Register(r, "stuck", &stops{do: func(context.Context) error { <-stuck; return nil }})
		message.Register(r, "slow", &stops{do: func(ctx context.Context) error { <-ctx.Done(); time.Sleep(time.Millisecond); return errTest }})
		if err := r.Startup(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		err := r.Shutdown(ctx)
		wantContains(t, err, "shut down *message_test.stops: did not return: context deadline exceeded", "shut down *message_test.stops: test")
		if took := time.Since(began); took > 1200*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		wantCalls(t, (*calls)[3:], "c shutdown", "b shutdown", "a shutdown")
		close(stuck)
	})
}

// What has started stays so while something else is away.
func TestAnOutageAtTheStartCanBeTriedAgain(t *testing.T) {
	fail := map[string]error{"startup": &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}
	r, calls := lifecycle(fail)
	for range 2 {
		if err := r.Startup(t.Context()); !isUnavailable(err) {
			t.Errorf("%v, want it unavailable", err)
		}
	}
	wantCalls(t, *calls, "a startup", "b startup", "b startup")
	delete(fail, "startup")
	if err := errors.Join(r.Startup(t.Context()), r.Shutdown(t.Context())); err != nil {
		t.Error(err)
	}
	wantCalls(t, (*calls)[3:], "b startup", "c startup", "c shutdown", "b shutdown", "a shutdown")
}

// What ignores its context is left behind, after the time that it is given; what does
// not is waited for. Whatever ends a call ends it with an error.
func TestACallIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, grace = 2 * time.Second, 100 * time.Millisecond
		held := make(chan struct{})
		defer close(held)
		ignores := func(context.Context) error { <-held; return nil }
		heeds := func(ctx context.Context) error { <-ctx.Done(); time.Sleep(grace / 2); return errTest }
		for name, c := range map[string]struct {
			f     func(context.Context) error
			cause error
			want  string
			after time.Duration
		}{
			"returns":               {func(context.Context) error { return nil }, nil, "<nil>", 0},
			"fails":                 {func(context.Context) error { return errTest }, nil, "test", 0},
			"panics":                {func(context.Context) error { panic("boom") }, nil, "panic: boom", 0},
			"ends its goroutine":    {func(context.Context) error { runtime.Goexit(); return nil }, nil, "it ended its goroutine", 0},
			"heeds":                 {heeds, nil, "test", limit + grace/2},
			"ignores":               {ignores, nil, "did not return: context deadline exceeded", limit + grace},
			"ignores, with a cause": {ignores, errors.New("no answer within 2s"), "no answer within 2s", limit + grace},
		} {
			began := time.Now()
			ctx, cancel := context.WithTimeoutCause(t.Context(), limit, c.cause)
			err := message.CallBounded(ctx, grace, c.f)
			cancel()
			if got := fmt.Sprint(err); got != c.want || time.Since(began) != c.after {
				t.Errorf("%s: %s after %v, want %s after %v", name, got, time.Since(began), c.want, c.after)
			}
		}
	})
}
