package message

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

type row struct {
	N int `json:"n" validate:"gte=0"`
}

// rows makes a batch of messages with the given numbers.
func rows(t *testing.T, numbers ...int) []*Message {
	t.Helper()
	var out []*Message
	for _, n := range numbers {
		h := NewHeader("Row", "test")
		m := &Message{Topic: "rows"}
		if err := (JSON{}).Encode(t.Context(), m, &h, row{N: n}); err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

func TestABatchReachesItsHandlerTogetherAndEachMessageHasItsOutcome(t *testing.T) {
	r := NewRegistry()
	var calls [][]int
	RegisterBatch(r, "rows", BatchHandlerFunc[row](func(_ context.Context, batch []Of[row]) []error {
		var numbers []int
		outcomes := make([]error, len(batch))
		for i, m := range batch {
			numbers = append(numbers, m.Body.N)
			if m.Body.N == 3 {
				outcomes[i] = Retry(errors.New("locked"))
			}
		}
		slices.Sort(numbers)
		calls = append(calls, numbers)
		return outcomes
	}), Batch{Size: 10, Wait: time.Second})

	batch := rows(t, 1, 2, 3, -1, 4)
	batch[1].Value = []byte("not an envelope")
	outcomes := r.HandleBatch(t.Context(), batch)
	if fmt.Sprint(calls) != "[[1 3 4]]" {
		t.Errorf("the handler got %v, want [[1 3 4]]", calls)
	}
	if outcomes[0] != nil || outcomes[4] != nil {
		t.Errorf("outcomes %v, want the first and the last done", outcomes)
	}
	if ClassOf(outcomes[1]) != ClassDecode || !IsRetry(outcomes[2]) || ClassOf(outcomes[3]) != ClassInvalid {
		t.Errorf("outcomes %v, want decode, retry and invalid between", outcomes)
	}
}

func TestAPanicOfABatchFailsOnlyWhoMakesIt(t *testing.T) {
	r := NewRegistry()
	RegisterBatch(r, "rows", BatchHandlerFunc[row](func(_ context.Context, batch []Of[row]) []error {
		for _, m := range batch {
			if m.Body.N == 2 {
				panic("two")
			}
		}
		return nil
	}), Batch{Size: 10})
	outcomes := r.HandleBatch(t.Context(), rows(t, 1, 2, 3))
	if outcomes[0] != nil || outcomes[2] != nil || ClassOf(outcomes[1]) != ClassPanic {
		t.Errorf("outcomes %v, want the second one alone to fail", outcomes)
	}
}

func TestHooksAndMiddlewareSeeEachMessageOfABatch(t *testing.T) {
	var seen, after atomic.Int64
	r := NewRegistry(func(next Handler) Handler {
		return HandlerFunc(func(ctx context.Context, m *Message) error {
			seen.Add(1)
			return next.Handle(ctx, m)
		})
	})
	h := &batchWithHooks{after: &after}
	RegisterBatch(r, "rows", h, Batch{Size: 10})
	if err := r.Startup(t.Context()); err != nil || !h.started {
		t.Errorf("started %v: %v", h.started, err)
	}
	r.HandleBatch(t.Context(), rows(t, 1, 2, 3))
	if seen.Load() != 3 || after.Load() != 3 {
		t.Errorf("middleware saw %d, After %d; want 3 and 3", seen.Load(), after.Load())
	}
}

type batchWithHooks struct {
	started bool
	after   *atomic.Int64
}

func (h *batchWithHooks) HandleBatch(context.Context, []Of[row]) []error { return nil }
func (h *batchWithHooks) Startup(context.Context) error                  { h.started = true; return nil }
func (h *batchWithHooks) After(context.Context, *Message) error          { h.after.Add(1); return nil }

func TestTwoTypesOfOneTopicReachTheirOwnBatchHandlers(t *testing.T) {
	r := NewRegistry()
	var a, b atomic.Int64
	RegisterBatch(r, "rows", BatchHandlerFunc[typeA](func(_ context.Context, batch []Of[typeA]) []error {
		a.Add(int64(len(batch)))
		return nil
	}), Batch{Size: 5})
	RegisterBatch(r, "rows", BatchHandlerFunc[typeB](func(_ context.Context, batch []Of[typeB]) []error {
		b.Add(int64(len(batch)))
		return nil
	}), Batch{Size: 8})
	if got := r.Batch("rows").Size; got != 8 {
		t.Errorf("batch size %d, want the larger one", got)
	}
	batch := rows(t, 1, 2, 3)
	for i, m := range batch {
		kind := []string{"A", "B", "B"}[i]
		m.Value = []byte(strings.ReplaceAll(string(m.Value), `"Row"`, `"`+kind+`"`))
	}
	for i, err := range r.HandleBatch(t.Context(), batch) {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	if a.Load() != 1 || b.Load() != 2 {
		t.Errorf("A got %d, B got %d; want 1 and 2", a.Load(), b.Load())
	}
}

type typeA struct{ N int }

func (typeA) MessageType() string { return "A" }

type typeB struct{ N int }

func (typeB) MessageType() string { return "B" }

type entry struct {
	N int `json:"n"`
}

func (entry) MessageType() string { return "Entry" }

type total struct {
	N int `json:"n"`
}

func (total) MessageType() string { return "Total" }

// One worker calls for a whole batch: it must not become many where the topic
// has handlers for single messages too.
func TestSingleHandlersBesideABatchHandlerRunOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry()
		RegisterBatch(r, "rows", BatchHandlerFunc[total](func(context.Context, []Of[total]) []error { return nil }), Batch{Size: 10})
		var now, most, handled atomic.Int64
		Register(r, "rows", TypedHandlerFunc[entry](func(context.Context, Of[entry]) error {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second) // of the bubble's clock: whoever runs beside it is there by then
			now.Add(-1)
			handled.Add(1)
			return nil
		}))
		batch := rows(t, 1, 2, 3, 4, 5)
		for i, m := range batch {
			messageType := "Entry"
			if i%2 == 0 {
				messageType = "Total"
			}
			m.Value = bytes.Replace(m.Value, []byte(`"messageType":"Row"`), []byte(`"messageType":"`+messageType+`"`), 1)
		}
		if err := errors.Join(r.HandleBatch(t.Context(), batch)...); err != nil {
			t.Fatal(err)
		}
		if handled.Load() != 2 || most.Load() != 1 {
			t.Errorf("%d handled, %d at once, want 2, 1", handled.Load(), most.Load())
		}
	})
}

func TestAWrongNumberOfOutcomesFailsTheBatch(t *testing.T) {
	r := NewRegistry()
	RegisterBatch(r, "rows", BatchHandlerFunc[row](func(context.Context, []Of[row]) []error {
		return make([]error, 1)
	}), Batch{Size: 10})
	for _, err := range r.HandleBatch(t.Context(), rows(t, 1, 2)) {
		if err == nil || !strings.Contains(err.Error(), "1 outcomes for 2") {
			t.Errorf("outcome %v, want the two numbers", err)
		}
	}
}

func TestABatchHandlerTakesASingleMessageToo(t *testing.T) {
	r := NewRegistry()
	RegisterBatch(r, "rows", BatchHandlerFunc[row](func(_ context.Context, batch []Of[row]) []error {
		return []error{fmt.Errorf("got %d", batch[0].Body.N)}
	}), Batch{Size: 10})
	if err := r.Handle(t.Context(), rows(t, 7)[0]); err == nil || err.Error() != "got 7" {
		t.Errorf("%v, want the handler's outcome", err)
	}
}

func TestWrongBatchesAreRefusedAtRegistration(t *testing.T) {
	ok := BatchHandlerFunc[row](func(context.Context, []Of[row]) []error { return nil })
	for name, register := range map[string]func(){
		"nil handler": func() { RegisterBatch[row](NewRegistry(), "rows", nil, Batch{Size: 1}) },
		"size":        func() { RegisterBatch(NewRegistry(), "rows", ok, Batch{}) },
		"wait":        func() { RegisterBatch(NewRegistry(), "rows", ok, Batch{Size: 1, Wait: -1}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if v := recover(); v == nil || !strings.Contains(fmt.Sprint(v), `"rows"`) {
					t.Errorf("panicked with %v, want the topic", v)
				}
			}()
			register()
		})
	}
}
