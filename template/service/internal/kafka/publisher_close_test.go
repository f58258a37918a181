package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

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
	if err := p.Close(p.cfg.DrainTimeout); err != nil {
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
	cfg := quick(t, cluster, "DRAIN_TIMEOUT", "100ms")
	var log logBuffer
	p := NewPublisher(cfg, "tests", newRegistry(), slog.New(slog.NewTextHandler(&log, nil)))
	n := through(p)
	if err := p.Publish(t.Context(), transfer{Account: "before"}); err != nil {
		t.Fatal(err)
	}
	n.cut()
	f := newFates()
	for i := range 3 {
		p.PublishAsync(t.Context(), transfer{Account: "acc-1", Number: i, Note: "nobody's business"}, f.of(i))
	}
	p.PublishAsync(t.Context(), receipt{}, f.of(3)) // its topic was never known
	err := p.Close(p.cfg.DrainTimeout)
	if err == nil || !strings.Contains(err.Error(), "messages not published: 4") {
		t.Errorf("Close says %v", err)
	}
	f.check(t, 4, func(err error) bool { return errors.Is(err, ErrClosed) && isRetry(err) })
	lines := slices.Collect(strings.Lines(log.String()))
	lines = slices.DeleteFunc(lines, func(line string) bool { return !strings.Contains(line, "level=ERROR") })
	if len(lines) != 4 || strings.Contains(log.String(), "business") {
		t.Fatalf("the log has\n%s", log.String())
	}
	for i, line := range lines {
		for _, want := range []string{"topic=" + f.last[i].Topic, "key=" + f.last[i].Key, "message_id=" + f.last[i].MessageID} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%q is not in the log, for example in %s", want, line)
			}
		}
	}
}

func TestCloseReturnsWhatASlowCallbackHeldUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		timeout string
		first   error // of the first event, which has the slow callback
		lost    []int
	}{
		"a callback for what was published": {"2s", nil, nil}, // so were those behind it, in that time
		"a callback for what was lost":      {"100ms", ErrClosed, []int{0, 1, 2, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := quick(t, startCluster(t, kfake.SeedTopics(1, "transfers")), "DRAIN_TIMEOUT", c.timeout)
			var log logBuffer
			p := NewPublisher(cfg, "tests", newRegistry(), slog.New(slog.NewTextHandler(&log, nil)))
			n := through(p)
			f := newFates()
			called, over, first := make(chan struct{}), make(chan struct{}), make(chan error, 1)
			publish := func(i int, delivered func(message.Delivery, error)) {
				p.PublishAsync(t.Context(), transfer{Account: fmt.Sprint("acc-", i), Number: i}, delivered)
			}
			slow := func(_ message.Delivery, err error) {
				close(called)
				<-over
				first <- err
			}
			if c.first == nil {
				publish(0, slow)
				<-called
			} else {
				n.cut()
				publish(0, slow)
			}
			for i := 1; i < 4; i++ {
				publish(i, f.of(i-1))
			}
			tellsOf(t, p.Close(p.cfg.DrainTimeout), log.String(), c.lost)
			close(over)
			if err := <-first; !errors.Is(err, c.first) {
				t.Errorf("the slow callback got %v, want %v", err, c.first)
			}
			eventually(t, "all are called", func() bool { return f.known() == 3 })
			f.check(t, 3, func(err error) bool { return errors.Is(err, c.first) })
		})
	}
}

// tellsOf says whether Close's error and log tell of the events that were lost,
// each once, and of the callback that has not returned.
func tellsOf(t *testing.T, err error, log string, lost []int) {
	t.Helper()
	if want := fmt.Sprintf("messages not published: %d", len(lost)); len(lost) > 0 && (err == nil || !strings.Contains(err.Error(), want)) || len(lost) == 0 && err != nil {
		t.Errorf("Close says %v, want that %s", err, want)
	}
	for _, i := range lost {
		if strings.Count(log, fmt.Sprint("key=acc-", i, " message_id=")) != 1 {
			t.Errorf("event %d is not in the log once:\n%s", i, log)
		}
	}
	if !strings.Contains(log, "callback has not returned") {
		t.Errorf("the log does not say why:\n%s", log)
	}
}

func TestCloseHasWhatTheConsumersEndLeftOfTheDrain(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "transfers"))
	p := unclosed(settings(t, cluster, "DRAIN_TIMEOUT", "9m", "KAFKA_READ_TIMEOUT", "10m"))
	arrived, release := hold(t, cluster)
	defer release()
	f := newFates()
	p.PublishAsync(t.Context(), transfer{Account: "a"}, f.of(0))
	<-arrived
	if err := p.Close(time.Second); err == nil {
		t.Error("Close says nothing of the event it abandoned")
	}
	f.check(t, 1, func(err error) bool { return errors.Is(err, ErrClosed) })
}

func TestCloseEndsTheWaitForRoom(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "transfers"))
	p := unclosed(settings(t, cluster, "DRAIN_TIMEOUT", "10ms"))
	p.setCapacity(1024)
	arrived, release := hold(t, cluster)
	defer release()
	f := newFates()
	p.PublishAsync(t.Context(), transfer{Account: "a", Note: strings.Repeat("x", 2000)}, f.of(0))
	<-arrived
	waiting := make(chan error, 1)
	go func() { waiting <- p.Publish(context.Background(), transfer{Account: "a"}) }()
	if err := p.Close(p.cfg.DrainTimeout); err == nil {
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
	p := NewPublisher(settings(t, startCluster(t)), "tests", newRegistry(), slog.New(slog.NewTextHandler(&log, nil)))
	p.PublishAsync(t.Context(), transfer{Account: "acc-1", Note: "nobody's business"}, nil)
	if err := p.Close(p.cfg.DrainTimeout); err != nil {
		t.Fatal(err)
	}
	if s := log.String(); !strings.Contains(s, "key=acc-1") || !strings.Contains(s, "message_id=") || strings.Contains(s, "business") {
		t.Errorf("the log has %q", s)
	}
}
