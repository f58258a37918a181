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

func (g *gate) isClosed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}

func (g *gate) wait() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.closed {
		g.resume.Wait()
	}
}

const (
	benchLanes = 12
	benchKeys  = 10_000
	benchBatch = 256
)

// feed delivers n messages of 1 KiB, some at a time.
func feed(n int, deliver func([]message.Message)) {
	keys := make([][]byte, benchKeys)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "key-%d", i)
	}
	value := make([]byte, 1<<10)
	batch := make([]message.Message, benchBatch)
	for i := 0; i < n; i += len(batch) {
		for j := range batch {
			batch[j] = message.Message{Topic: "payments", Offset: int64(i + j), Key: keys[(i*7+j*13)%len(keys)], Value: value}
		}
		deliver(batch)
	}
}

// BenchmarkEngine is what the engine itself costs a message: from delivery
// through a handler that does nothing to its mark, for 12 lanes that are always
// full, with 10,000 keys.
func BenchmarkEngine(b *testing.B) {
	for _, ordering := range []string{OrderKey, OrderPartition, OrderNone} {
		for _, workers := range []int{1, 16, 1000} {
			b.Run(fmt.Sprintf("order=%s/workers=%d", ordering, workers), func(b *testing.B) {
				benchEngine(b, ordering, workers)
			})
		}
	}
}

func benchEngine(b *testing.B, ordering string, workers int) {
	b.ReportAllocs()
	cfg := settings()
	cfg.Ordering, cfg.MaxWorkers = ordering, workers
	cfg.MaxPollRecords, cfg.MaxUncommitted = 4096, 16384
	cfg.CommitInterval, cfg.CommitRecords = time.Second, 50_000
	var left atomic.Int64
	finished := make(chan struct{})
	h := message.HandlerFunc(func(context.Context, *message.Message) error {
		if left.Add(-1) == 0 {
			close(finished)
		}
		return nil
	})
	e := New(cfg, h, nil, func(context.Context) error { return nil }, slog.New(slog.DiscardHandler))
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
