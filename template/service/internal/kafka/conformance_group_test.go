package kafka

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// assigned is a claim of one partition with five messages, of which four are
// handled and the last one runs until it is released. The engine commits nothing
// by itself before the claim drains.
type assigned struct {
	*running
	cluster *kfake.Cluster
	claim   *claim
	release func()
}

func assign(t *testing.T) *assigned {
	t.Helper()
	cluster, gate := startCluster(t, topicOf(2)), make(chan struct{})
	produce(t, cluster, 0, envelopes(t, 0, 5)...)
	cfg := settings(t, cluster, "COMMIT_INTERVAL", "1m", "KAFKA_HEARTBEAT_INTERVAL", "50ms", "ORDERING", "none")
	r := consume(t, cfg, func(_ context.Context, m message.Of[payment]) error {
		if m.Body.N == 4 {
			<-gate
		}
		return nil
	}, "payments")
	a := &assigned{running: r, cluster: cluster}
	a.release = sync.OnceFunc(func() { close(gate) })
	t.Cleanup(a.release) // before the consumer is stopped
	r.await(t, engine.Handled, 4)
	live := liveClaims(r.session.Load())
	a.claim = live[slices.IndexFunc(live, func(c *claim) bool { return c.partition == 0 })]
	return a
}

func liveClaims(s *session) []*claim {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Collect(maps.Values(s.claims)), func(c *claim) bool { return !c.hasBegun })
}

// expectCommitted compares what the group has of the claim's partition.
func (a *assigned) expectCommitted(t *testing.T, want int64) {
	t.Helper()
	if got := committed(t, a.cluster, 0); got != want {
		t.Errorf("committed %d, want %d", got, want)
	}
}

// What the engine builds on, expected of this source by its name. engine's
// boundary.go has the words.
var expectations = map[string]func(*testing.T, *assigned){
	"nothing is committed before it is marked": func(t *testing.T, a *assigned) {
		if err := a.commit(t.Context()); err != nil {
			t.Error(err)
		}
		a.expectCommitted(t, 0) // where it began
	},
	"what is marked is durable once the source has committed": func(t *testing.T, a *assigned) {
		a.claim.Mark(2)
		if err := a.commit(t.Context()); err != nil {
			t.Error(err)
		}
		a.expectCommitted(t, 3)
	},
	"what is marked is durable once its claim has committed": func(t *testing.T, a *assigned) {
		a.claim.Mark(1)
		if err := a.claim.Commit(t.Context()); err != nil {
			t.Error(err)
		}
		a.expectCommitted(t, 2)
	},
	"a commit that fails says so, and the next one makes up for it": func(t *testing.T, a *assigned) {
		refused := a.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.NotCoordinator, Count: -1})
		a.claim.Mark(2)
		if a.commit(t.Context()) == nil || a.claim.Commit(t.Context()) == nil {
			t.Error("a commit that was refused has succeeded")
		}
		a.expectCommitted(t, 0) // where it began
		refused.Remove()
		if err := a.commit(t.Context()); err != nil {
			t.Error(err)
		}
		a.expectCommitted(t, 3)
	},
	"a commit ends with its context": func(t *testing.T, a *assigned) {
		ctx, cancel := context.WithCancel(t.Context())
		a.cluster.ControlKey(int16(kmsg.OffsetCommit), func(kmsg.Request) (kmsg.Response, error, bool) {
			a.cluster.SleepControl(func() { cancel(); <-t.Context().Done() })
			return nil, nil, false
		})
		a.claim.Mark(2)
		if err := a.commit(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v, want that of the context", err)
		}
	},
	"marks during a drain are committed": func(t *testing.T, a *assigned) {
		stopped := make(chan error, 1)
		go func() { stopped <- a.stop() }()
		eventually(t, "the claim drains", func() bool { return drains(a.running) })
		a.claim.Mark(2)
		if err := a.commit(t.Context()); err != nil {
			t.Error(err)
		}
		a.expectCommitted(t, 3)
		a.release()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		a.expectCommitted(t, 5)
	},
	"a revoked claim ends with its marks committed": func(t *testing.T, a *assigned) {
		a.release()
		a.await(t, engine.Handled, 5)
		consume(t, a.cfg, succeed, "payments")
		eventually(t, "the claim ends", func() bool {
			s := a.session.Load()
			return s == nil || !slices.Contains(liveClaims(s), a.claim)
		})
		a.expectCommitted(t, 5)
	},
	"a paused claim delivers nothing until it is resumed": func(t *testing.T, a *assigned) {
		a.claim.Pause()
		// Partitions share a fetch: one that brings what was written to the
		// other now is the last that asked for the paused one.
		next := func(n int) {
			produce(t, a.cluster, 1, envelopes(t, n, n+1)...)
			eventually(t, "the other partition goes on", func() bool { return a.handledOf(1) == n-9 })
		}
		next(10)
		produce(t, a.cluster, 0, envelopes(t, 5, 6)...)
		next(11)
		next(12)
		if n := a.handledOf(0); n != 4 {
			t.Errorf("%d messages of the paused claim were handled, want the 4 from before", n)
		}
		a.claim.Resume()
		a.await(t, engine.Handled, 8)
		if n := a.handledOf(0); n != 5 {
			t.Errorf("%d messages of the resumed claim were handled, want 5", n)
		}
	},
}

func TestTheSourceIsWhatTheEngineExpects(t *testing.T) {
	t.Parallel()
	for name, expect := range expectations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expect(t, assign(t))
		})
	}
}
