package tracing

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

type claim struct{}

func (claim) Mark(int64)                   {}
func (claim) Commit(context.Context) error { return nil }
func (claim) Pause()                       {}
func (claim) Resume()                      {}

// BenchmarkMessage says what a message costs in the engine without traces, and with those
// of one in a hundred, when it begins the trace, and when it came with one.
func BenchmarkMessage(b *testing.B) {
	b.Setenv(tracesSampler, "parentbased_traceidratio")
	b.Setenv(tracesSamplerArg, "0.01")
	traces, _ := record(b)
	for _, v := range []struct {
		name   string
		tracer engine.Tracer
		sent   *message.Message
	}{
		{"without", nil, &message.Message{Topic: "accounts"}},
		{"begins", traces.Consumer("g"), &message.Message{Topic: "accounts"}},
		{"unsampled without", nil, withParent(unsampled)},
		{"unsampled", traces.Consumer("g"), withParent(unsampled)},
	} {
		b.Run(v.name, func(b *testing.B) {
			b.ReportAllocs()
			var handled sync.WaitGroup
			e := engine.New(engine.Config{Engine: config.Engine{MaxWorkers: 1, MaxPollRecords: 4096, MaxBufferBytes: 1 << 30, CommitInterval: time.Hour, HandlerTimeout: time.Hour}, MaxUncommitted: math.MaxInt32, CommitRecords: math.MaxInt32},
				message.HandlerFunc(func(context.Context, *message.Message) error { handled.Done(); return nil }), nil, func(context.Context) error { return nil }, slog.New(slog.DiscardHandler))
			e.Trace(v.tracer)
			lane, batch := e.Assign(claim{}), make([]message.Message, 256)
			for n := 0; n < b.N; n += len(batch) {
				for i := range batch {
					batch[i] = *v.sent
					batch[i].Offset = int64(n + i)
				}
				handled.Add(len(batch))
				lane.Deliver(batch)
				handled.Wait()
			}
		})
	}
}
