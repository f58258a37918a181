package jetstream

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// assigned returns the only assignment.
func (r *running) assigned(t *testing.T) (found *assignment) {
	t.Helper()
	eventually(t, "there is a lane", func() bool {
		for _, p := range r.all() {
			if l := p.assignment.Load(); l != nil {
				found = l
			}
		}
		return found != nil
	})
	return found
}

// replyOf returns where a message that is held is to be answered.
func (l *assignment) replyOf(offset int64) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := l.held[offset]; d != nil {
		return d.reply
	}
	return ""
}

// TestARedeliveredMessageIsNotRunTwice while it is held.
func TestARedeliveredMessageIsNotRunTwice(t *testing.T) {
	t.Parallel()
	for _, o := range []string{"key", "none"} {
		t.Run(o, func(t *testing.T) {
			t.Parallel()
			b, gate, durables := startBroker(t), make(chan struct{}), map[string][]string{"key": partitions, "none": {"tests"}}
			b.publish(0, 1, 1)
			var runs atomic.Int32
			r := consume(t, b.settings(ordering(o)), func(context.Context, message.Of[payment]) error {
				runs.Add(1)
				<-gate
				return nil
			})
			l := r.assigned(t)
			eventually(t, "it runs", func() bool { return runs.Load() == 1 })
			before := l.replyOf(1)
			if err := b.client.Conn().Publish(before, nak); err != nil {
				t.Fatal(err)
			}
			eventually(t, "it is delivered again", func() bool { return l.replyOf(1) != before })
			if n := r.Stats().Records; n != 1 {
				t.Errorf("the engine has it %d times", n)
			}
			close(gate)
			r.await(t, engine.Handled, 1)
			eventually(t, "it is acknowledged", func() bool { return b.pending(durables[o]...) == 0 })
			if n := runs.Load(); n != 1 {
				t.Errorf("it ran %d times", n)
			}
		})
	}
}

// TestACommitIsWhatTheServerConfirmed: while it is away there is none, and after that
// nothing is missing.
func TestACommitIsWhatTheServerConfirmed(t *testing.T) {
	t.Parallel()
	b, gate := startBroker(t), make(chan struct{})
	b.publish(0, 5, 1)
	r := consume(t, b.settings(ordering("none"), func(c *config.JetStream) { c.CommitInterval, c.AckWait = time.Minute, time.Minute }), func(context.Context, message.Of[payment]) error {
		<-gate
		return nil
	})
	l := r.assigned(t)
	eventually(t, "all is there", func() bool { return r.Stats().Records == 5 })
	b.leave(true)
	close(gate)
	r.await(t, engine.Handled, 5)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := l.Commit(ctx); err == nil {
		t.Error("a commit without a server has succeeded")
	}
	b.leave(false)
	eventually(t, "a commit succeeds", func() bool { return l.Commit(t.Context()) == nil })
	if n := b.pending("tests"); n != 0 {
		t.Errorf("%d messages are not acknowledged", n)
	}
	b.leave(true)
	eventually(t, "the server is away", func() bool { return !l.conn.IsConnected() })
	if err := l.Commit(t.Context()); err != nil {
		t.Errorf("nothing waits to be confirmed, and the commit failed: %v", err)
	}
}

// TestWhatIsDoneIsAcknowledgedAtOnceOrTogether with what else is done within the pause.
func TestWhatIsDoneIsAcknowledgedAtOnceOrTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &claim{wake: make(chan struct{}, 1)}
		c.lost.Store(true) // what it says goes nowhere
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go c.send(ctx)
		waiting := func(want int) {
			t.Helper()
			synctest.Wait()
			c.mu.Lock()
			defer c.mu.Unlock()
			if len(c.done) != want {
				t.Errorf("%d acknowledgements wait, not %d", len(c.done), want)
			}
		}
		c.settle("1")
		waiting(0)
		c.settle("2")
		waiting(1)
		c.settle("3")
		waiting(2)
		time.Sleep(ackPause)
		waiting(0)
	})
}

// plainMsg is a message as another program publishes it.
type plainMsg struct{ jetstream.Msg }

func (plainMsg) Headers() nats.Header { return nil }
func (plainMsg) Subject() string      { return "payments.1" }
func (plainMsg) Data() []byte         { return nil }

// TestAMessageWithoutHeadersIsReadWithoutAllocations, as time.Parse makes them for a time
// that is not there.
func TestAMessageWithoutHeadersIsReadWithoutAllocations(t *testing.T) {
	m, meta, layout := jetstream.Msg(plainMsg{}), &jetstream.MsgMetadata{}, numbered("payments", 6)
	if n := testing.AllocsPerRun(100, func() { NewMessage(layout, m, meta) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
