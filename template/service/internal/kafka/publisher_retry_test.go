package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// quick are settings with short delays.
func quick(t *testing.T, c *kfake.Cluster, more ...string) config.Kafka {
	t.Helper()
	return settings(t, c, append([]string{"PUBLISH_RETRY_DELAY", "5ms", "PUBLISH_RETRY_MAX_DELAY", "50ms"}, more...)...)
}

// fault makes the broker refuse produce requests.
func fault(c *kfake.Cluster, err *kerr.Error, count int) *kfake.FaultHandle {
	return c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: err, Count: count})
}

// numbers returns the numbers of the transfers in records.
func numbers(t *testing.T, records []*kgo.Record) string {
	t.Helper()
	var all []int
	for _, r := range records {
		all = append(all, bodyOf(t, r).Number)
	}
	return fmt.Sprint(all)
}

func TestALostAnswerWritesNothingTwice(t *testing.T) {
	t.Parallel()
	cluster, p, n := publishing(t, 1)
	n.loseAnswers(3, false)
	for i := range 5 {
		if err := p.Publish(t.Context(), transfer{Account: "a", Number: i}); err != nil {
			t.Fatal(err)
		}
	}
	if !n.lostAll() {
		t.Fatal("no answer was lost: the test proves nothing")
	}
	if err := p.Publish(t.Context(), transfer{Account: "a", Number: 5}); err != nil {
		t.Fatal(err)
	}
	inOrder(t, readAll(t, cluster, "transfers", 6), 6)
}

func TestNothingIsLostDoubledOrOvertakenWhileTheBrokerIsAway(t *testing.T) {
	t.Parallel()
	const events = 3000
	cluster, p, n := publishing(t, 3)
	n.cut() // it is away at the start too
	f := newFates()
	go func() {
		for i := range events {
			p.PublishAsync(t.Context(), transfer{Account: fmt.Sprint("a", i%10), Number: i}, f.of(i))
			if i%5 == 0 {
				sleep(t.Context(), time.Millisecond)
			}
		}
	}()
	for range 60 { // then it is back for good, however little a slow machine got done meanwhile
		sleep(t.Context(), 10*time.Millisecond)
		n.join()
		n.loseAnswers(1, false)
		sleep(t.Context(), 30*time.Millisecond)
		n.cut()
	}
	n.join()
	eventually(t, "the fate of every event is known", func() bool { return f.known() == events })
	f.check(t, events, published)
	inOrder(t, readAll(t, cluster, "transfers", events), events)
}

func TestRetriedEventsAreNotOvertaken(t *testing.T) {
	t.Parallel()
	for _, refusal := range []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.NotEnoughReplicas, kerr.RequestTimedOut, kerr.KafkaStorageError,
		kerr.UnknownTopicOrPartition, kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID, kerr.InvalidProducerEpoch,
	} {
		t.Run(refusal.Message, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t, kfake.SeedTopics(2, "transfers"))
			p := newPublisher(t, quick(t, cluster))
			f := newFates()
			refused := fault(cluster, refusal, 3)
			for i := range 100 {
				p.PublishAsync(t.Context(), transfer{Account: fmt.Sprint("a", i%5), Number: i}, f.of(i))
				if i == 50 {
					eventually(t, "refused", func() bool { return refused.Hits() == 3 })
					fault(cluster, refusal, 2)
				}
			}
			if err := p.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if refused.Hits() != 3 {
				t.Errorf("%d attempts were refused, want 3", refused.Hits())
			}
			f.check(t, 100, published)
			inOrder(t, readAll(t, cluster, "transfers", 100), 100)
		})
	}
}

func TestTenFibonacciAttempts(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "transfers"))
	p := newPublisher(t, settings(t, cluster, "PUBLISH_RETRY_POLICY", "fibonacci", "PUBLISH_RETRY_MAX_ATTEMPTS", "10", "PUBLISH_RETRY_DELAY", "5ms"))
	refused := fault(cluster, kerr.NotEnoughReplicas, 9)
	if err := p.Publish(t.Context(), transfer{Number: 1}); err != nil {
		t.Errorf("refused nine times and then taken: %v", err)
	}
	if refused.Hits() != 9 {
		t.Errorf("refused %d times, want 9", refused.Hits())
	}
	refused = fault(cluster, kerr.NotEnoughReplicas, -1)
	began := time.Now()
	err := p.Publish(t.Context(), transfer{Number: 2})
	e, ok := errors.AsType[*message.PublishError](err)
	if !ok || e.Event.(transfer).Number != 2 || !strings.Contains(err.Error(), "10 attempts") || !strings.Contains(err.Error(), "NotEnoughReplicas") &&
		!strings.Contains(err.Error(), "replicas") {
		t.Errorf("error %v", err)
	}
	if refused.Hits() != 10 {
		t.Errorf("it was tried %d times, want 10", refused.Hits())
	}
	const least = (1 + 2 + 3 + 5 + 8 + 13 + 21 + 34 + 55) * 5 * time.Millisecond
	if took := time.Since(began); took < least || took > 30*time.Second { // nine times PUBLISH_RETRY_MAX_DELAY are 45 s
		t.Errorf("ten attempts took %v, want %v at least, and not much more", took, least)
	}
}

func TestAnEventIsGivenUpInTime(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "transfers"))
	p := newPublisher(t, quick(t, cluster, "PUBLISH_TIMEOUT", "1s"))
	fault(cluster, kerr.NotEnoughReplicas, -1)
	began := time.Now()
	err := p.Publish(t.Context(), transfer{})
	if err == nil || !isRetry(err) || !strings.Contains(err.Error(), "given up after 1s") || !strings.Contains(err.Error(), "replicas") {
		t.Errorf("error %v", err)
	}
	if took := time.Since(began); took < time.Second || took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestAHangingBrokerDoesNotHoldAnEventBeyondItsTime(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "transfers"))
	p := newPublisher(t, quick(t, cluster, "PUBLISH_TIMEOUT", "150ms"))
	_, release := hold(t, cluster)
	defer release()
	if err := p.Publish(t.Context(), transfer{}); err == nil || !strings.Contains(err.Error(), "no answer") {
		t.Errorf("error %v", err)
	}
}

func TestWhatWaitsBehindAnEventThatIsGivenUpIsGivenUpToo(t *testing.T) {
	t.Parallel()
	cluster, p, n := publishing(t, 1)
	f := newFates()
	arrived, release := hold(t, cluster)
	p.PublishAsync(t.Context(), transfer{Account: "a", Number: 0}, f.of(0))
	<-arrived // the next two gather behind it
	n.loseAnswers(1, true)
	p.Timeout = 300 * time.Millisecond
	p.PublishAsync(t.Context(), transfer{Account: "a", Number: 1}, f.of(1))
	p.Timeout = time.Minute
	p.PublishAsync(t.Context(), transfer{Account: "a", Number: 2}, f.of(2))
	release()
	eventually(t, "the two are given up", func() bool { return f.known() == 3 })
	n.join()
	if f.errs[0] != nil {
		t.Error(f.errs[0])
	}
	for i := 1; i < 3; i++ {
		if message.OutcomeOf(f.errs[i]) != message.OutcomeUnavailable {
			t.Errorf("event %d: %v, want that the broker is away", i, f.errs[i])
		}
	}
	if err := p.Publish(t.Context(), transfer{Account: "a", Number: 3}); err != nil {
		t.Fatal(err)
	}
	if got := numbers(t, readAll(t, cluster, "transfers", 4)); got != "[0 1 2 3]" { // only the answer was lost
		t.Errorf("the topic has %s, want [0 1 2 3]", got)
	}
}

func TestTheNextEventIsNotTakenForOneThatWasGivenUp(t *testing.T) {
	t.Parallel()
	cluster, p, n := publishing(t, 1)
	if err := p.Publish(t.Context(), transfer{Number: 0}); err != nil {
		t.Fatal(err)
	}
	n.loseAnswers(1, true)
	p.Timeout = 300 * time.Millisecond
	if err := p.Publish(t.Context(), transfer{Number: 1}); err == nil {
		t.Fatal("published without an answer")
	}
	n.join()
	p.Timeout = time.Minute
	if err := p.Publish(t.Context(), transfer{Number: 2}); err != nil {
		t.Fatal(err)
	}
	if got := numbers(t, readAll(t, cluster, "transfers", 3)); got != "[0 1 2]" {
		t.Errorf("the topic has %s, want [0 1 2]: of the second only the answer was lost", got)
	}
}

func TestWhoWaitsNoLongerHearsWhyAndTakesNothingFromOthers(t *testing.T) {
	t.Parallel()
	cluster, p, n := publishing(t, 1)
	if err := p.Publish(t.Context(), transfer{Number: 0}); err != nil {
		t.Fatal(err)
	}
	n.cut()
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	waited := make(chan error, 1)
	go func() { waited <- p.Publish(short, transfer{Number: 1}) }()
	eventually(t, "it waits", func() bool { return waiting(p) == 1 })
	f := newFates()
	p.PublishAsync(t.Context(), transfer{Number: 2}, f.of(2))
	err := <-waited
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "last attempt") || message.OutcomeOf(err) != message.OutcomeUnavailable {
		t.Errorf("error %v, want one with the cause", err)
	}
	n.join()
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f.errs[2] != nil {
		t.Errorf("an event behind one whose caller no longer waits: %v", f.errs[2])
	}
	if got := numbers(t, readAll(t, cluster, "transfers", 3)); got != "[0 1 2]" {
		t.Errorf("the topic has %s, want [0 1 2]", got)
	}
}

// TestAnEventIsGivenUpBeforeItsHandler: one that runs again publishes it again.
func TestAnEventIsGivenUpBeforeItsHandler(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "transfers"))
	p := newPublisher(t, quick(t, cluster, "HANDLER_TIMEOUT", "1s"))
	n := through(p)
	if err := p.Publish(t.Context(), transfer{Number: 0}); err != nil {
		t.Fatal(err)
	}
	n.cut()
	err := p.Publish(t.Context(), transfer{Number: 1})
	if message.OutcomeOf(err) != message.OutcomeUnavailable || !strings.Contains(err.Error(), "given up after 900ms") {
		t.Errorf("error %v", err)
	}
	n.join()
	if err := p.Publish(t.Context(), transfer{Number: 1}); err != nil { // by the handler's second attempt
		t.Fatal(err)
	}
	if got := numbers(t, readAll(t, cluster, "transfers", 2)); got != "[0 1]" {
		t.Errorf("the topic has %s, want [0 1]", got)
	}
}

func TestNewPartitionsAreFound(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "transfers"))
	p := newPublisher(t, quick(t, cluster))
	if err := p.Publish(t.Context(), transfer{}); err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).UpdatePartitions(t.Context(), 8, "transfers"); err != nil {
		t.Fatal(err)
	}
	key := "b"
	for i := 0; murmur2([]byte(key))%8 == 0; i++ {
		key = strconv.Itoa(i)
	}
	f := newFates()
	for i := 0; f.last[i].Partition < 1; i++ {
		client, _ := producerOf(p).client()
		client.ForceMetadataRefresh() // which the client does every 10 s
		p.PublishAsync(t.Context(), transfer{Account: key}, f.of(i+1))
		if err := p.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if f.errs[i+1] != nil {
			t.Fatal(f.errs[i+1])
		}
	}
}

func TestATopicMadeAnewWithFewerPartitionsIsLearned(t *testing.T) {
	t.Parallel()
	for name, versions := range map[string]*kversion.Versions{"topics by id": nil, "topics by name": kversion.V3_7_0()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t, kfake.SeedTopics(8, "transfers"))
			p := newPublisher(t, quick(t, cluster))
			if versions != nil {
				addOption(p, kgo.MaxVersions(versions))
			}
			publish := func() error {
				var errs []error
				for i := range 20 { // keys of all partitions
					errs = append(errs, p.Publish(t.Context(), transfer{Account: fmt.Sprint("a", i), Number: i}))
				}
				return errors.Join(errs...)
			}
			if err := publish(); err != nil {
				t.Fatal(err)
			}
			admin := kadm.NewClient(newClient(t, cluster))
			if _, err := admin.DeleteTopics(t.Context(), "transfers"); err != nil {
				t.Fatal(err)
			}
			if err := cluster.CreateTopic("transfers", 2, nil); err != nil {
				t.Fatal(err)
			}
			eventually(t, "all keys are published to the new topic", func() bool {
				err := publish()
				if err != nil && !isRetry(err) {
					t.Fatalf("%v does not ask for a retry", err)
				}
				return err == nil
			})
		})
	}
}

func TestTheLogSaysThatEventsWaitForAnAnswer(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "transfers"))
	var log logBuffer
	p := NewPublisher(quick(t, cluster), "tests", newRegistry(), slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { _ = p.Close(producerOf(p).cfg.DrainTimeout) })
	_, release := hold(t, cluster)
	p.PublishAsync(t.Context(), transfer{}, nil)
	eventually(t, "the log says that it waits, and for what", func() bool {
		return log.line("level=WARN", `msg="publishing delayed, retrying"`, `error="no answer from the broker"`) != ""
	})
	release()
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestTheLogSaysThatEventsWaitAndThatTheyAreThrough(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "transfers"))
	var log logBuffer
	p := NewPublisher(quick(t, cluster), "tests", newRegistry(), slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { _ = p.Close(producerOf(p).cfg.DrainTimeout) })
	refused := fault(cluster, kerr.NotEnoughReplicas, -1)
	p.PublishAsync(t.Context(), transfer{}, nil)
	eventually(t, "the log says that it waits, and why", func() bool {
		return log.line("level=WARN", `msg="publishing delayed, retrying"`, "topic=transfers", "waiting=1", "NOT_ENOUGH_REPLICAS") != ""
	})
	refused.Remove()
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if log.line("level=INFO", `msg="publishing resumed"`, "after=") == "" || strings.Count(log.String(), "\n") != 2 {
		t.Errorf("the log has\n%s", log.String())
	}
}
