package engine

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// gate is a claim that blocks who delivers while it is paused.
type gate struct {
	mu     sync.Mutex
	resume sync.Cond
	closed bool
}

func newGate() *gate {
	g := &gate{}
	g.resume.L = &g.mu
	return g
}

func (g *gate) Mark(int64)                   {}
func (g *gate) Commit(context.Context) error { return nil }
func (g *gate) Pause()                       { g.mu.Lock(); g.closed = true; g.mu.Unlock() }
func (g *gate) Resume()                      { g.mu.Lock(); g.closed = false; g.mu.Unlock(); g.resume.Broadcast() }

func (g *gate) wait() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.closed {
		g.resume.Wait()
	}
}

const (
	benchLanes = 6
	benchBatch = 256
)

// feed delivers n messages with 1,000 keys, some at a time.
func feed(n int, deliver func([]message.Message)) {
	keys := make([][]byte, 1000)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "key-%d", i)
	}
	batch := make([]message.Message, benchBatch)
	for i := 0; i < n; i += len(batch) {
		for j := range batch {
			batch[j] = message.Message{Topic: "payments", Offset: int64(i + j), Key: keys[(i*7+j*13)%len(keys)]}
		}
		deliver(batch)
	}
}

// BenchmarkHandOver is what the engine itself costs a message: from delivery
// through a handler that does nothing to its mark, for 6 lanes that are always
// full, with 1,000 keys. The baseline is one goroutine a lane that calls the
// handler.
func BenchmarkHandOver(b *testing.B) {
	b.Run("baseline", benchLoop)
	for _, ordering := range []Ordering{OrderKey, OrderPartition, OrderNone} {
		for _, workers := range []int{1, 16, 1000} {
			b.Run(fmt.Sprintf("order=%s/workers=%d", ordering, workers), func(b *testing.B) {
				benchEngine(b, ordering, workers)
			})
		}
	}
}

func benchLoop(b *testing.B) {
	b.ReportAllocs()
	var done atomic.Int64
	h := message.HandlerFunc(func(context.Context, *message.Message) error { done.Add(1); return nil })
	var all sync.WaitGroup
	for range benchLanes {
		all.Go(func() {
			feed(b.N/benchLanes, func(batch []message.Message) {
				for i := range batch {
					_ = h.Handle(b.Context(), &batch[i])
				}
			})
		})
	}
	all.Wait()
}

func benchEngine(b *testing.B, ordering Ordering, workers int) {
	b.ReportAllocs()
	cfg := settings()
	cfg.Ordering, cfg.MaxWorkers = ordering, workers
	cfg.MaxPollRecords, cfg.MaxUncommitted, cfg.MaxPollBytes = 4096, 16384, 1<<27
	cfg.CommitInterval, cfg.CommitRecords = time.Second, 50_000
	var left atomic.Int64
	finished := make(chan struct{})
	h := message.HandlerFunc(func(context.Context, *message.Message) error {
		if left.Add(-1) == 0 {
			close(finished)
		}
		return nil
	})
	e, err := New(cfg, h, nil, nowhere{}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = e.Run(b.Context()) }()
	n := (b.N/benchLanes/benchBatch + 1) * benchBatch
	left.Store(int64(n * benchLanes))
	b.ResetTimer()
	for range benchLanes {
		g := newGate()
		l := e.Assign(g)
		go feed(n, func(batch []message.Message) { g.wait(); l.Deliver(batch) })
	}
	<-finished
}

// nowhere is a source that commits nothing.
type nowhere struct{}

func (nowhere) Commit(context.Context) error { return nil }
