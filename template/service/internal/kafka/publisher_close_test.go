package kafka

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
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
	if err := p.Close(producerOf(p).cfg.DrainTimeout); err != nil {
		t.Fatal(err)
	}
	f.check(t, n, published)
	inOrder(t, readAll(t, cluster, "transfers", n), n)
	p.PublishAsync(t.Context(), transfer{Number: n}, f.of(n))
	if !errors.Is(f.errs[n], publisher.ErrClosed) || f.seen[n] != 1 {
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
	err := p.Close(producerOf(p).cfg.DrainTimeout)
	if err == nil || !strings.Contains(err.Error(), "messages not published: 4") {
		t.Errorf("Close says %v", err)
	}
	f.check(t, 4, func(err error) bool { return errors.Is(err, publisher.ErrClosed) && isRetry(err) })
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
	f.check(t, 1, func(err error) bool { return errors.Is(err, publisher.ErrClosed) })
}

func TestEventsThatNobodyAsksAboutAreLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	p := NewPublisher(settings(t, startCluster(t)), "tests", newRegistry(), slog.New(slog.NewTextHandler(&log, nil)))
	p.PublishAsync(t.Context(), transfer{Account: "acc-1", Note: "nobody's business"}, nil)
	if err := p.Close(producerOf(p).cfg.DrainTimeout); err != nil {
		t.Fatal(err)
	}
	if s := log.String(); !strings.Contains(s, "key=acc-1") || !strings.Contains(s, "message_id=") || strings.Contains(s, "business") {
		t.Errorf("the log has %q", s)
	}
}
