package message_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

type row struct {
	N int `json:"n" validate:"gte=0"`
}

// batchFunc is a batch handler.
type batchFunc func(ctx context.Context, batch []message.Of[row]) []error

func (f batchFunc) HandleBatch(ctx context.Context, batch []message.Of[row]) []error {
	return f(ctx, batch)
}

// handleRows handles rows with the given numbers side by side, as workers do,
// and returns the outcome of each.
func handleRows(ctx context.Context, r *message.Registry, numbers ...int) []error {
	outcomes := make([]error, len(numbers))
	var workers sync.WaitGroup
	for i, n := range numbers {
		workers.Go(func() {
			m := newMessage(inEnvelope("Row", fmt.Sprintf(`{"n":%d}`, n)))
			m.Topic = "rows"
			outcomes[i] = r.Handle(ctx, m)
		})
	}
	workers.Wait()
	return outcomes
}

// batches is a batch handler that keeps what it gets.
type batches struct {
	mu  sync.Mutex
	got [][]int
}

func (b *batches) note(batch []message.Of[row]) {
	var numbers []int
	for _, m := range batch {
		numbers = append(numbers, m.Body.N)
	}
	slices.Sort(numbers)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got = append(b.got, numbers)
}

func newBatchRegistry(b message.Batch, f batchFunc) *message.Registry {
	r := newRegistry()
	message.RegisterBatch[row](r, "rows", f, b)
	return r
}

func TestABatchIsHandledAtOnceWhenItIsFullAndEachMessageHasItsOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen batches
		r := newBatchRegistry(message.Batch{Size: 3, Wait: time.Hour}, func(_ context.Context, batch []message.Of[row]) []error {
			seen.note(batch)
			outcomes := make([]error, len(batch))
			for i, m := range batch {
				if m.Body.N == 3 {
					outcomes[i] = message.Retry(errTest)
				}
			}
			return outcomes
		})
		began := time.Now()
		outcomes := handleRows(t.Context(), r, 1, 2, 3, -1)
		if time.Since(began) > 0 || fmt.Sprint(seen.got) != "[[1 2 3]]" {
			t.Errorf("after %v the handler got %v, want [[1 2 3]] at once", time.Since(began), seen.got)
		}
		if outcomes[0] != nil || outcomes[1] != nil || !isRetry(outcomes[2]) || message.ClassOf(outcomes[3]) != message.ClassInvalid {
			t.Errorf("outcomes %v, want two done, one retry and one invalid", outcomes)
		}
	})
}

func TestABatchIsNeverLargerThanItsSize(t *testing.T) {
	largest := make(chan int, 1000)
	r := newBatchRegistry(message.Batch{Size: 2, Wait: time.Millisecond}, func(_ context.Context, batch []message.Of[row]) []error {
		largest <- len(batch)
		return make([]error, len(batch))
	})
	if err := errors.Join(handleRows(t.Context(), r, make([]int, 1000)...)...); err != nil {
		t.Fatal(err)
	}
	close(largest)
	for n := range largest {
		if n > 2 {
			t.Fatalf("%d messages in a batch of at most 2", n)
		}
	}
}

func TestABatchThatIsNotFullIsHandledAfterItsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen batches
		r := newBatchRegistry(message.Batch{Size: 10, Wait: time.Second}, func(_ context.Context, batch []message.Of[row]) []error {
			seen.note(batch)
			return nil
		})
		for range 2 {
			began := time.Now()
			if err := errors.Join(handleRows(t.Context(), r, 1, 2)...); err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(began); waited != time.Second {
				t.Errorf("waited %v", waited)
			}
		}
		if fmt.Sprint(seen.got) != "[[1 2] [1 2]]" {
			t.Errorf("the handler got %v", seen.got)
		}
	})
}

func TestAPanicInABatchFailsOnlyTheMessageThatMakesIt(t *testing.T) {
	for name, fail := range map[string]func(){"panic": func() { panic("two") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newBatchRegistry(message.Batch{Size: 3, Wait: time.Hour}, func(_ context.Context, batch []message.Of[row]) []error {
					for _, m := range batch {
						if m.Body.N == 2 {
							fail()
						}
					}
					return nil
				})
				outcomes := handleRows(t.Context(), r, 1, 2, 3)
				if outcomes[0] != nil || outcomes[2] != nil || outcomes[1] == nil {
					t.Errorf("outcomes %v, want the second one alone to fail", outcomes)
				}
				if message.ClassOf(outcomes[1]) != message.ClassPanic {
					t.Errorf("class %q", message.ClassOf(outcomes[1]))
				}
			})
		})
	}
}

func TestAWrongNumberOfOutcomesFailsEachMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBatchRegistry(message.Batch{Size: 3, Wait: time.Hour}, func(context.Context, []message.Of[row]) []error { return make([]error, 2) })
		for _, err := range handleRows(t.Context(), r, 1, 2, 3) {
			wantError(t, err, message.ClassHandler, "the batch handler returned 2 outcomes for 3 messages")
		}
	})
}

func TestAMessageWhoseContextEndsLeavesTheBatchThatItWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen batches
		r := newBatchRegistry(message.Batch{Size: 3, Wait: time.Minute}, func(_ context.Context, batch []message.Of[row]) []error {
			seen.note(batch)
			return nil
		})
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errTest)
		defer cancel()
		var short []error
		go func() { short = handleRows(ctx, r, 1) }()
		synctest.Wait()
		if err := errors.Join(handleRows(t.Context(), r, 2, 3)...); err != nil { // with 1 this is full
			t.Fatal(err)
		}
		synctest.Wait()
		go func() { short = handleRows(ctx, r, 4) }()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(short) != 1 || !errors.Is(short[0], errTest) {
			t.Errorf("outcome %v, want the cause of the context's end", short)
		}
		if err := errors.Join(handleRows(t.Context(), r, 5, 6, 7)...); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(seen.got) != "[[1 2 3] [5 6 7]]" {
			t.Errorf("the handler got %v", seen.got)
		}
	})
}

func TestABatchHandlersContextEndsWithThatOfAnyMessageAndIsOfNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBatchRegistry(message.Batch{Size: 2, Wait: time.Hour}, func(ctx context.Context, batch []message.Of[row]) []error {
			if m, ok := message.FromContext(ctx); ok {
				t.Errorf("the context is of %v", m)
			}
			<-ctx.Done()
			return slices.Repeat([]error{context.Cause(ctx)}, len(batch))
		})
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			time.Sleep(time.Second)
			cancel(errTest)
		}()
		var ended []error
		go func() { ended = handleRows(ctx, r, 1) }()
		outcomes := handleRows(t.Context(), r, 2)
		synctest.Wait()
		if !errors.Is(outcomes[0], errTest) || !errors.Is(ended[0], errTest) {
			t.Errorf("outcomes %v and %v", outcomes, ended)
		}
	})
}

// hookedBatch is a batch handler with hooks.
type hookedBatch struct {
	batchFunc
	*witness
}

func (hookedBatch) Handle(context.Context, message.Of[payment]) error { panic("not a batch") }

func TestHooksSeeEachMessageOfABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := newRegistry(), newWitness(nil)
		message.RegisterBatch[row](r, "rows", hookedBatch{func(context.Context, []message.Of[row]) []error { return nil }, w}, message.Batch{Size: 1})
		if err := errors.Join(r.Startup(t.Context()), errors.Join(handleRows(t.Context(), r, 1)...), r.Shutdown(t.Context())); err != nil {
			t.Fatal(err)
		}
		wantCalls(t, *w.calls, "startup", "before", "after", "shutdown")
	})
}

func TestMistakesInBatchesEndTheStart(t *testing.T) {
	panicsWith(t, `batches of topic "rows": size is 0 and wait 0s`, func() { newBatchRegistry(message.Batch{}, nil) })
	panicsWith(t, `batches of topic "rows": size is 1 and wait -1ns`, func() { newBatchRegistry(message.Batch{Size: 1, Wait: -1}, nil) })
	panicsWith(t, `on topic "rows": the handler is nil`, func() { newBatchRegistry(message.Batch{Size: 1}, nil) })
}

func TestTheWaitOfOneBatchDoesNotShortenThatOfTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		called := make(chan time.Duration, 2)
		r := newBatchRegistry(message.Batch{Size: 2, Wait: time.Second}, func(_ context.Context, batch []message.Of[row]) []error {
			called <- time.Since(began)
			if len(batch) == 2 {
				time.Sleep(3 * time.Second)
			}
			return nil
		})
		var first []error
		go func() { first = handleRows(t.Context(), r, 1, 2) }()
		time.Sleep(500 * time.Millisecond)
		outcomes := handleRows(t.Context(), r, 3)
		time.Sleep(time.Minute)
		synctest.Wait()
		if err := errors.Join(append(first, outcomes...)...); err != nil {
			t.Error(err)
		}
		if a, b := <-called, <-called; a != 0 || b != 1500*time.Millisecond {
			t.Errorf("called after %v and %v", a, b)
		}
	})
}

// Middleware that holds one of too few connections makes batches smaller, and stops
// nothing.
func TestMiddlewareOfABatchMayHoldSomething(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen batches
		pool := make(chan struct{}, 2)
		r := newRegistry()
		message.RegisterBatch[row](r, "rows", batchFunc(func(_ context.Context, batch []message.Of[row]) []error {
			seen.note(batch)
			return nil
		}), message.Batch{Size: 3, Wait: time.Second}, message.With(func(next message.Handler) message.Handler {
			return message.HandlerFunc(func(ctx context.Context, m *message.Message) error {
				pool <- struct{}{}
				defer func() { <-pool }()
				return next.Handle(ctx, m)
			})
		}))
		began := time.Now()
		if err := errors.Join(handleRows(t.Context(), r, 1, 2, 3, 4, 5)...); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited != 3*time.Second || len(seen.got) != 3 {
			t.Errorf("batches %v after %v, want three in as many seconds", seen.got, waited)
		}
	})
}

// The end of one message's context, when its partition leaves, is no failure of
// another's.
func TestAContextThatEndedForOneMessageOfABatchFailsNoOther(t *testing.T) {
	for name, ask := range map[string]func(error) error{"plain": func(err error) error { return err }, "retry": message.Retry, "permanent": message.Permanent} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newBatchRegistry(message.Batch{Size: 3, Wait: time.Hour}, func(ctx context.Context, batch []message.Of[row]) []error {
					<-ctx.Done()
					outcomes := make([]error, len(batch))
					for i, m := range batch {
						if m.Body.N != 3 {
							outcomes[i] = ask(ctx.Err())
						}
					}
					return outcomes
				})
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				var ended []error
				go func() { ended = handleRows(ctx, r, 1) }()
				outcomes := handleRows(t.Context(), r, 2, 3)
				synctest.Wait()
				if message.OutcomeOf(ended[0]) != message.OutcomeOf(ask(errTest)) || message.OutcomeOf(outcomes[0]) != message.OutcomeUnavailable || outcomes[1] != nil {
					t.Errorf("outcomes %v and %v, want the first to fail, the second to wait and the third to be done", ended, outcomes)
				}
			})
		})
	}
}

// What a batch handler wrote into its messages before it panicked is not what each
// is then handled as alone.
func TestAMessageHandledAgainAloneIsAsItWasDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBatchRegistry(message.Batch{Size: 2, Wait: time.Hour}, func(_ context.Context, batch []message.Of[row]) []error {
			for i := range batch {
				if m := batch[i]; m.Topic != "rows" || m.Offset != 0 || m.Header.MessageType != "Row" || m.Body.N < 1 || len(m.Value) == 0 {
					t.Errorf("got %v of %v", m.Body, m.Message)
				}
				batch[i].Topic, batch[i].Offset, batch[i].Header, batch[i].Value, batch[i].Body.N = "other", 7, message.Header{}, nil, 0
			}
			if len(batch) > 1 {
				panic("two")
			}
			return nil
		})
		if err := errors.Join(handleRows(t.Context(), r, 1, 2)...); err != nil {
			t.Error(err)
		}
	})
}
