package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func TestCloseFlushes(t *testing.T) {
	t.Parallel()
	const n = 200
	cluster := startCluster(t, kfake.SeedTopics(3, "transfers"))
	p := unclosed(settings(t, cluster))
	f := newFates()
	for i := range n {
		p.PublishAsync(t.Context(), transfer{Account: "a", Number: i}, f.of(i))
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	f.check(t, n, published)
	inOrder(t, readAll(t, cluster, "transfers", n), n)
	p.PublishAsync(t.Context(), transfer{Number: n}, f.of(n))
	if !errors.Is(f.errs[n], ErrClosed) || f.seen[n] != 1 {
		t.Errorf("an event after Close had %d calls, the last with %v", f.seen[n], f.errs[n])
	}
}

func TestCloseLogsWhatWasNotPublished(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "transfers"))
	cfg := quick(t, cluster, "KAFKA_DRAIN_TIMEOUT", "100ms")
	var log bytes.Buffer // written by Close alone
	p := NewPublisher(config.Config{Service: "tests", Kafka: cfg}, slog.New(slog.NewTextHandler(&log, nil)))
	n := through(p, cfg)
	if err := p.Publish(t.Context(), transfer{Account: "before"}); err != nil {
		t.Fatal(err)
	}
	n.cut()
	f := newFates()
	for i := range 3 {
		p.PublishAsync(t.Context(), transfer{Account: "acc-1", Number: i, Note: "nobody's business"}, f.of(i))
	}
	p.PublishAsync(t.Context(), receipt{}, f.of(3)) // its topic was never known
	err := p.Close()
	if err == nil || !strings.Contains(err.Error(), "4 messages were not published") {
		t.Errorf("Close says %v", err)
	}
	f.check(t, 4, func(err error) bool { return errors.Is(err, ErrClosed) && message.IsRetry(err) })
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 4 || strings.Contains(log.String(), "business") {
		t.Fatalf("the log has\n%s", log.String())
	}
	for i, line := range lines {
		for _, want := range []string{"level=ERROR", "topic=" + f.last[i].Topic, "key=" + f.last[i].Key, "message_id=" + f.last[i].MessageID} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%q is not in the log, for example in %s", want, line)
			}
		}
	}
}

func TestCloseReturnsWhatASlowCallbackHeldUp(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]error{
		"a callback for what was published": nil,
		"a callback for what was lost":      ErrClosed,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t, kfake.SeedTopics(1, "transfers"))
			cfg := quick(t, cluster, "KAFKA_DRAIN_TIMEOUT", "100ms")
			var log bytes.Buffer // written by Close alone
			p := NewPublisher(config.Config{Service: "tests", Kafka: cfg}, slog.New(slog.NewTextHandler(&log, nil)))
			n := through(p, cfg)
			f := newFates()
			called, over := make(chan struct{}), make(chan struct{})
			if first != nil {
				n.cut()
			}
			p.PublishAsync(t.Context(), transfer{Account: "acc-0"}, func(d message.Delivery, err error) {
				close(called)
				<-over
				f.of(0)(d, err)
			})
			if first == nil {
				<-called
			}
			for i := 1; i < 4; i++ {
				p.PublishAsync(t.Context(), transfer{Account: fmt.Sprint("acc-", i), Number: i}, f.of(i))
			}
			err := p.Close()
			lost := 3
			if first != nil {
				lost = 4
			}
			if want := fmt.Sprintf("%d messages were not published", lost); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Close says %v, want that %s", err, want)
			}
			said := log.String()
			for i := 4 - lost; i < 4; i++ {
				if strings.Count(said, fmt.Sprint("key=acc-", i, " message_id=")) != 1 {
					t.Errorf("event %d is not in the log once:\n%s", i, said)
				}
			}
			if !strings.Contains(said, "callback has not returned") {
				t.Errorf("the log does not say why:\n%s", said)
			}
			close(over)
			eventually(t, "all are called", func() bool { return f.known() == 4 })
			f.mu.Lock()
			defer f.mu.Unlock()
			for i := range 4 {
				want := ErrClosed
				if i == 0 {
					want = first
				}
				if !errors.Is(f.errs[i], want) || f.seen[i] != 1 {
					t.Errorf("event %d had %d calls, the last with %v, want one with %v", i, f.seen[i], f.errs[i], want)
				}
			}
		})
	}
}

func TestCloseHasWhatTheConsumersEndLeftOfTheDrain(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "transfers"))
	p := unclosed(settings(t, cluster, "KAFKA_DRAIN_TIMEOUT", "9m", "KAFKA_READ_TIMEOUT", "10m", "KAFKA_REBALANCE_TIMEOUT", "30m"))
	arrived, release := hold(t, cluster)
	defer release()
	f := newFates()
	p.PublishAsync(t.Context(), transfer{Account: "a"}, f.of(0))
	<-arrived
	p.Ending()
	p.ending.began = p.ending.began.Add(-time.Hour)
	if err := p.Close(); err == nil {
		t.Error("Close says nothing of the event it abandoned")
	}
	f.check(t, 1, func(err error) bool { return errors.Is(err, ErrClosed) })
}

func TestTheEndSharesOneDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e ending
		for _, c := range []struct{ after, drain, want time.Duration }{
			{0, 15 * time.Second, 15 * time.Second},
			{5 * time.Second, 15 * time.Second, 10 * time.Second},
			{9 * time.Second, 15 * time.Second, closingTimeout}, // never nothing
			{time.Hour, 15 * time.Second, closingTimeout},
			{0, time.Second, time.Second}, // never more than a drain
		} {
			time.Sleep(c.after)
			if got := e.left(c.drain); got != c.want {
				t.Errorf("%v later %v of %v are left, want %v", c.after, got, c.drain, c.want)
			}
		}
	})
}

func TestCloseEndsTheWaitForRoom(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "transfers"))
	p := unclosed(settings(t, cluster, "KAFKA_PUBLISH_BUFFER_BYTES", "1024", "KAFKA_DRAIN_TIMEOUT", "10ms"))
	arrived, release := hold(t, cluster)
	defer release()
	f := newFates()
	p.PublishAsync(t.Context(), transfer{Account: "a", Note: strings.Repeat("x", 2000)}, f.of(0))
	<-arrived
	waiting := make(chan error, 1)
	go func() { waiting <- p.Publish(context.Background(), transfer{Account: "a"}) }()
	if err := p.Close(); err == nil {
		t.Error("Close says nothing of the event it abandoned")
	}
	if err := <-waiting; !errors.Is(err, ErrClosed) {
		t.Errorf("who waited for room got %v", err)
	}
	f.check(t, 1, func(err error) bool { return errors.Is(err, ErrClosed) })
}

func TestEventsThatNobodyAsksAboutAreLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	p := NewPublisher(config.Config{Service: "tests", Kafka: settings(t, startCluster(t))}, slog.New(slog.NewTextHandler(&log, nil)))
	p.PublishAsync(t.Context(), transfer{Account: "acc-1", Note: "nobody's business"}, nil)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if s := log.String(); !strings.Contains(s, "key=acc-1") || !strings.Contains(s, "message_id=") || strings.Contains(s, "business") {
		t.Errorf("the log has %q", s)
	}
}
