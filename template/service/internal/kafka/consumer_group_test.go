package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func TestHandledAndDeadLetteredIsAllAndCommitted(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(3))
	values := envelopes(t, 0, 30)
	values[7] = []byte("not an envelope")
	for p := range int32(3) {
		produce(t, c, p, values...)
	}
	r := consume(t, settings(t, c), func(_ context.Context, m message.Of[payment]) error {
		if m.Body.N == 20 {
			return message.Permanent(errors.New("twenty is too much"))
		}
		return nil
	}, "payments")
	r.await(t, engine.Handled, 84)
	r.await(t, engine.DeadLettered, 6)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	for p := range int32(3) {
		if got := committed(t, c, p); got != 30 {
			t.Errorf("partition %d is committed at %d, want 30", p, got)
		}
	}
	for _, rec := range readAll(t, c, "payments.dlq", 6) {
		var dead struct {
			Error struct{ Reason string }
		}
		if err := json.Unmarshal(rec.Value, &dead); err != nil || dead.Error.Reason == "" {
			t.Errorf("dead letter %s: %v", rec.Value, err)
		}
	}
}

func TestARestartGoesOnWhereTheLastRunEnded(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	produce(t, c, 0, envelopes(t, 0, 5)...)
	first := consume(t, settings(t, c), succeed, "payments")
	first.await(t, engine.Handled, 5)
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	produce(t, c, 0, envelopes(t, 5, 8)...)
	second := consume(t, settings(t, c), succeed, "payments")
	second.await(t, engine.Handled, 3)
	second.seen.mu.Lock()
	defer second.seen.mu.Unlock()
	if want := []string{"payments/0@5", "payments/0@6", "payments/0@7"}; !slices.Equal(slices.Sorted(slices.Values(second.places)), want) {
		t.Errorf("handled %v, want %v", second.places, want)
	}
}

func TestAMessageThatRunsAtShutdownIsDoneAndTheQueueComesAgain(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	produce(t, c, 0, envelopes(t, 0, 10)...)
	started, release := make(chan struct{}), make(chan struct{})
	cfg := settings(t, c, "MAX_WORKERS", "1", "DRAIN_TIMEOUT", "500ms")
	r := consume(t, cfg, func(ctx context.Context, m message.Of[payment]) error {
		if m.Body.N > 0 { // it may begin between the end of sarama's session and the drain
			<-ctx.Done()
			return ctx.Err()
		}
		close(started)
		<-release
		return nil
	}, "payments")
	<-started
	stopped := make(chan error)
	go func() { stopped <- r.stop() }()
	eventually(t, "the consumer drains", func() bool { return drains(r) })
	close(release)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if got := committed(t, c, 0); got != 1 {
		t.Errorf("committed %d, want 1: what ran is done, the rest comes again", got)
	}
}

// drains reports whether the consumer's session has ended.
func drains(r *running) bool {
	s := r.session.Load()
	return s == nil || s.sarama.Context().Err() != nil
}

func TestItSaysThatKafkaIsAwayAndRecoversByItself(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	cfg := settings(t, nil, "KAFKA_BOOTSTRAP_SERVERS", address)
	r := consume(t, cfg, succeed, "payments")
	eventually(t, "not ready, and why", func() bool {
		err := r.Ready()
		return err != nil && strings.Contains(err.Error(), "connect")
	})
	c := startCluster(t, topicOf(1), kfake.Ports(portOf(t, address)), kfake.DataDir(t.TempDir()))
	produce(t, c, 0, envelopes(t, 0, 1)...)
	r.await(t, engine.Handled, 1)
	if err := r.Ready(); err != nil {
		t.Errorf("not ready although it consumes: %v", err)
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
}

func TestAConsumerRunsOnce(t *testing.T) {
	t.Parallel()
	r := consume(t, settings(t, startCluster(t, topicOf(1))), succeed, "payments")
	eventually(t, "it consumes", func() bool { return r.Ready() == nil })
	if err := r.Run(t.Context()); err == nil || err.Error() != "consumer was run already: make a new one" {
		t.Errorf("a second run beside the first: %v", err)
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if err := r.Run(t.Context()); err == nil {
		t.Error("it runs again after it has stopped")
	}
}

func TestTheTopicsOfEventsAreWaitedFor(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	registry := newRegistry()
	message.Register(registry, "payments", message.TypedHandlerFunc[payment](succeed))
	registry.Publishes(transfer{})
	r := consumeWith(t, settings(t, c), quiet, registry)
	eventually(t, "not ready, and why", func() bool {
		err := r.Ready()
		return err != nil && strings.Contains(err.Error(), `topic "transfers", which the service is to publish to, does not exist`)
	})
	if err := c.CreateTopic("transfers", 1, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it consumes", func() bool { return r.Ready() == nil })
	if c.TopicInfo("transfers.dlq") != nil {
		t.Error("a topic that is only published to has dead letters")
	}
}

// TestTheFirstMessageIsHandledSoon: with sarama's defaults it takes 2.6 s.
func TestTheFirstMessageIsHandledSoon(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	produce(t, c, 0, envelopes(t, 0, 1)...)
	began := time.Now()
	r := consume(t, settings(t, c), succeed, "payments")
	r.await(t, engine.Handled, 1)
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestItSaysThatKafkaWentAwayAndGoesOnWhenItIsBack(t *testing.T) {
	t.Parallel()
	address, data := freeAddress(t), t.TempDir()
	first := startCluster(t, topicOf(1), kfake.Ports(portOf(t, address)), kfake.DataDir(data))
	produce(t, first, 0, envelopes(t, 0, 1)...)
	r, log := consumeLogged(t, settings(t, first))
	r.await(t, engine.Handled, 1)
	first.Close()
	eventually(t, "not ready", func() bool { return r.Ready() != nil })
	second := startCluster(t, kfake.Ports(portOf(t, address)), kfake.DataDir(data))
	produce(t, second, 0, envelopes(t, 1, 2)...)
	eventually(t, "the second message is handled", func() bool {
		r.seen.mu.Lock()
		defer r.seen.mu.Unlock()
		return slices.Contains(r.places, "payments/0@1")
	})
	eventually(t, "ready again", func() bool { return r.Ready() == nil })
	eventually(t, "the log says how long it was away", func() bool { return log.line("level=INFO", `msg="consuming again"`, "after=") != "" })
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if lines := strings.Split(strings.TrimSpace(log.String()), "\n"); !strings.Contains(lines[len(lines)-1], "stopped, all committed") {
		t.Errorf("the last line is %s", lines[len(lines)-1])
	}
}

func TestAMissingTopicIsWaitedFor(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	var log logBuffer
	r := consumeLogging(t, settings(t, c), slog.New(slog.NewTextHandler(&log, nil)), succeed, "payments")
	eventually(t, "not ready, and why", func() bool {
		err := r.Ready()
		return err != nil && strings.Contains(err.Error(), `topic "payments", which the service is to read, does not exist`)
	})
	if err := c.CreateTopic("payments", 1, nil); err != nil {
		t.Fatal(err)
	}
	produce(t, c, 0, envelopes(t, 0, 1)...)
	r.await(t, engine.Handled, 1)
	if n := strings.Count(log.String(), notConsuming); n != 1 {
		t.Errorf("it is logged %d times, want once:\n%s", n, log.String())
	}
}

func TestTheStopPolicyCommitsWhatIsDoneAndReturnsTheError(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	produce(t, c, 0, envelopes(t, 0, 5)...)
	cfg := settings(t, c, "ERROR_POLICY", "stop", "ORDERING", "partition")
	broken := errors.New("broken")
	r := consume(t, cfg, func(_ context.Context, m message.Of[payment]) error {
		if m.Body.N == 3 {
			return broken
		}
		return nil
	}, "payments")
	r.await(t, engine.Stopped, 1)
	eventually(t, "it ends by itself", func() bool { return errors.Is(r.Ready(), errStopped) })
	if err := r.stop(); !errors.Is(err, broken) || !strings.Contains(err.Error(), "payments/0@3") {
		t.Errorf("ended with %v, want the error and its place", err)
	}
	if got := committed(t, c, 0); got != 3 {
		t.Errorf("committed %d, want 3", got)
	}
}

func TestNoTopicWithAHandlerIsAStartUpError(t *testing.T) {
	t.Parallel()
	_, err := NewConsumer(settings(t, startCluster(t)), newRegistry(), nil, quiet)
	if err == nil || !strings.Contains(err.Error(), "message.Register") {
		t.Errorf("%v, want where to register a handler", err)
	}
}

func TestAConsumerNeedsAGroup(t *testing.T) {
	t.Parallel()
	cfg, registry := settings(t, startCluster(t)), newRegistry()
	cfg.GroupID = ""
	message.Register(registry, "payments", message.TypedHandlerFunc[payment](succeed))
	if _, err := NewConsumer(cfg, registry, nil, quiet); err == nil || !strings.Contains(err.Error(), "KAFKA_GROUP_ID") {
		t.Errorf("%v, want the setting's name", err)
	}
}
