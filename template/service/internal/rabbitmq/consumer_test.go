package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// seen is what handlers got, by account.
type seen struct {
	mu  sync.Mutex
	all map[string][]int
}

func newSeen() *seen { return &seen{all: map[string][]int{}} }

func (s *seen) handle(_ context.Context, m message.Of[payment]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[m.Body.Account] = append(s.all[m.Body.Account], m.Body.N)
	return nil
}

// distinct returns how many payments were seen at least once.
func (s *seen) distinct() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[int]bool{}
	for _, ns := range s.all {
		for _, n := range ns {
			found[n] = true
		}
	}
	return len(found)
}

// check fails if the first time that each payment of an account was seen is not in order.
func (s *seen) check(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for account, ns := range s.all {
		var firsts []int
		for _, n := range ns {
			if !slices.Contains(firsts, n) {
				firsts = append(firsts, n)
			}
		}
		if !slices.IsSorted(firsts) {
			t.Errorf("%s was handled out of order: %v", account, firsts)
		}
	}
}

func TestEachMessageIsHandledInTheOrderOfItsKeyAndAcknowledged(t *testing.T) {
	t.Parallel()
	for _, partitions := range []string{"1", "4"} {
		t.Run(partitions, func(t *testing.T) {
			t.Parallel()
			cfg, s := settings(t, "RABBITMQ_PARTITIONS", partitions), newSeen()
			r := consume(t, cfg, s.handle)
			eventually(t, "the consumer is ready", isReady(r))
			publishAll(t, newPublisher(t, cfg), 2000, 40)
			eventually(t, "all are handled", func() bool { return s.distinct() == 2000 })
			s.check(t)
			if err := r.stop(); err != nil {
				t.Error(err)
			}
			for p := range cfg.Partitions {
				if n := waitingIn(t, cfg, queueName(cfg, "payments", p)); n > 0 {
					t.Errorf("%d messages come again", n)
				}
			}
			if n := r.count(engine.Handled); n != 2000 {
				t.Errorf("handled %d times", n)
			}
		})
	}
}

// A quorum queue that is slow has acknowledgements wait in the channel: here it stands still.
func TestWhatASlowQueueWasToldLastDoesNotComeAgain(t *testing.T) {
	t.Parallel()
	cfg := settings(t, "MAX_WORKERS", "100")
	if brokerDir == "" {
		t.Skip("needs a broker that this test may hold up: leave RABBITMQ_URL unset where RabbitMQ is installed")
	}
	queue, held := queueName(cfg, "payments", 0), filepath.Join(t.TempDir(), "held")
	running, first, others := make(chan struct{}, 100), make(chan struct{}), make(chan struct{})
	r := consume(t, cfg, func(_ context.Context, m message.Of[payment]) error {
		running <- struct{}{}
		if m.Body.N == 0 { // so each of the others is acknowledged by itself
			<-first
		}
		<-others
		return nil
	})
	eventually(t, "the consumer is ready", isReady(r))
	publishAll(t, newPublisher(t, cfg), 100, 100)
	eventually(t, "all handlers run", func() bool { return len(running) == 100 })
	holding := exec.Command(brokerScript, "ctl", brokerDir, "eval", fmt.Sprintf(
		`Q = binary_to_atom(<<"%%2F_%s">>), sys:suspend(Q), ok = file:write_file(<<"%s">>, <<>>), timer:sleep(1000), sys:resume(Q).`, queue, held))
	holding.Stderr = t.Output()
	if err := holding.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the queue stands still", func() bool { return isThere(held) })
	close(others)
	eventually(t, "all but the first are handled", func() bool { return r.count(engine.Handled) == 99 })
	close(first)
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if err := holding.Wait(); err != nil {
		t.Fatal(err)
	}
	next := consume(t, cfg, newSeen().handle)
	publishAll(t, next.publisher, 1, 1) // behind what comes again
	eventually(t, "what was published last is handled", func() bool { return next.count(engine.Handled) > 0 })
	if given, _ := next.subscriptions[0].claim.Load().count(); given > 1 {
		t.Errorf("%d of 100 come again", given-1)
	}
	if err := next.stop(); err != nil {
		t.Error(err)
	}
}

func TestADrainEndsWhatRunsAndLeavesTheRestToOthers(t *testing.T) {
	t.Parallel()
	cfg := settings(t, "MAX_WORKERS", "1")
	release, began := make(chan struct{}), make(chan struct{}, 9)
	r := consume(t, cfg, func(context.Context, message.Of[payment]) error {
		began <- struct{}{}
		<-release
		return nil
	})
	eventually(t, "the consumer is ready", isReady(r))
	publishAll(t, newPublisher(t, cfg), 5, 5)
	<-began
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	close(release)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	handled := r.count(engine.Handled)
	if handled == 0 {
		t.Error("what ran is not handled")
	}
	eventually(t, "the rest is back in the queue", func() bool { return waitingIn(t, cfg, queueName(cfg, "payments", 0)) == 5-handled })
}

func TestADeadLetterIsConfirmedBeforeItsMessageIsAcknowledged(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	r := consume(t, cfg, func(context.Context, message.Of[payment]) error {
		return message.Permanent(errors.New("no such account"))
	})
	eventually(t, "the consumer is ready", isReady(r))
	queue, letters := queueName(cfg, "payments", 0), cfg.QueuePrefix+"payments.dlq"
	conn := connect(t, cfg)
	defer Disconnect(conn)
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ch.QueueDelete(letters, false, false, false); err != nil { // so the dead letter comes back
		t.Fatal(err)
	}
	m := &message.Message{Topic: "payments", Key: []byte{0, 0xff}, Value: []byte("no envelope"), Headers: []message.Field{{Key: "a", Value: []byte{0xfe}}, {Key: "a", Value: nil}, {Key: "b", Value: []byte{}}}}
	if err := newPublisher(t, cfg).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the dead letter is refused", func() bool { return r.count(engine.DeadLetterRefused) > 0 })
	if claim := r.subscriptions[0].claim.Load(); unfinished(claim) != 1 {
		t.Error("the message is acknowledged without its dead letter")
	}
	if err := declareQueue(ch, cfg, address{key: letters}, amqp.Table{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the dead letter is written", func() bool { return r.count(engine.DeadLettered) == 1 })
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if n := waitingIn(t, cfg, queue); n > 0 {
		t.Errorf("%d messages come again", n)
	}
	checkLetter(t, cfg.QueuePrefix, m, func() (amqp.Delivery, bool) { return get(t, cfg, letters) })
}

// checkLetter fails unless the next dead letter is that of m, byte for byte.
func checkLetter(t *testing.T, prefix string, m *message.Message, next func() (amqp.Delivery, bool)) {
	t.Helper()
	d, ok := next()
	if !ok {
		t.Fatal("there is no dead letter")
	}
	letter := Received(&d, prefix+"payments")
	if string(letter.Key) != string(m.Key) {
		t.Errorf("its key is %q, want %q", letter.Key, m.Key)
	}
	var own []message.Field
	for _, h := range letter.Headers {
		if !strings.HasPrefix(h.Key, deadletter.Prefix) {
			own = append(own, h)
		}
	}
	if fmt.Sprintf("%#v", own) != fmt.Sprintf("%#v", m.Headers) {
		t.Errorf("its headers are %#v, want %#v", own, m.Headers)
	}
	if want := `{"original_message":"bm8gZW52ZWxvcGU="`; !strings.HasPrefix(string(d.Body), want) {
		t.Errorf("it is %s, want %s…", d.Body, want)
	}
}

func TestARetryHoldsItsKeyOnlyAndTheBrokerDeliversOnce(t *testing.T) {
	t.Parallel()
	cfg, s := settings(t, "RETRY_MAX_ATTEMPTS", "1000000"), newSeen()
	var mu sync.Mutex
	failing := true
	r := consume(t, cfg, func(ctx context.Context, m message.Of[payment]) error {
		mu.Lock()
		defer mu.Unlock()
		if failing && m.Body.Account == "account-0" {
			return message.Retry(errors.New("not yet"))
		}
		return s.handle(ctx, m)
	})
	eventually(t, "the consumer is ready", isReady(r))
	publishAll(t, newPublisher(t, cfg), 100, 10)
	eventually(t, "other keys go on", func() bool { return s.distinct() == 90 && r.count(engine.Retrying) > 30 })
	mu.Lock()
	failing = false
	mu.Unlock()
	eventually(t, "the key goes on", func() bool { return s.distinct() == 100 })
	s.check(t)
	if given, _ := r.subscriptions[0].claim.Load().count(); given != 100 {
		t.Errorf("the broker delivered %d times", given)
	}
}

// Both make the queues, which the broker may take amiss. What each consumes is in its log.
func TestTwoInstancesThatStartTogetherWarnOfNothing(t *testing.T) {
	t.Parallel()
	cfg := settings(t, "RABBITMQ_PARTITIONS", "2")
	var logs [2]*lines
	for i := range logs {
		registry := newRegistry()
		message.Register(registry, "payments", message.TypedHandlerFunc[payment](newSeen().handle))
		logs[i] = new(lines)
		c, err := NewConsumer(cfg, registry, newPublisher(t, cfg), slog.New(slog.NewTextHandler(logs[i], nil)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		t.Cleanup(func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
	for i, log := range logs {
		eventually(t, "it consumes", func() bool { return log.count("msg=consuming ") == 2 })
		if log.count("level=WARN") > 0 || log.count(queueName(cfg, "payments", 1)) == 0 {
			t.Errorf("instance %d:\n%s", i, log.text.String())
		}
	}
}

// Queues of others are taken as they are: they are not made, and what they are like is not
// the service's business.
func TestQueuesOfOthersAreOnlyChecked(t *testing.T) {
	t.Parallel()
	for _, partitions := range []string{"1", "2"} {
		t.Run(partitions, func(t *testing.T) {
			t.Parallel()
			cfg, s := settings(t, "RABBITMQ_PARTITIONS", partitions, "RABBITMQ_DECLARE", "check"), newSeen()
			r := consume(t, cfg, s.handle)
			eventually(t, "the consumer misses the queue", func() bool {
				return strings.Contains(fmt.Sprint(r.Ready()), "RABBITMQ_DECLARE=declare")
			})
			onBroker(t, cfg, func(ch *amqp.Channel) error {
				var errs []error
				for _, name := range []string{cfg.QueuePrefix + "payments.dlq", queueName(cfg, "payments", 0), queueName(cfg, "payments", 1)} {
					_, err := ch.QueueDeclare(name, true, false, false, false, amqp.Table{"x-queue-type": "classic", "x-expires": 600_000})
					errs = append(errs, err)
				}
				if cfg.Partitions > 1 {
					errs = append(errs, ch.ExchangeDeclare(cfg.QueuePrefix+"payments", "direct", true, false, false, false, nil), ch.QueueBind(queueName(cfg, "payments", 1), "a", cfg.QueuePrefix+"payments", false, nil))
				}
				return errors.Join(errs...)
			})
			eventually(t, "the consumer is ready", isReady(r))
			if err := r.publisher.Publish(t.Context(), payment{"a", 1}); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the message is handled", func() bool { return s.distinct() == 1 })
			if err := r.stop(); err != nil {
				t.Error(err)
			}
			if n := waitingIn(t, cfg, queueName(cfg, "payments", cfg.Partitions-1)); n > 0 {
				t.Errorf("%d messages are not acknowledged", n)
			}
		})
	}
}

func TestFewerPartitionsThanThereAreAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ before, after int }{{4, 2}, {4, 1}, {1, 2}} {
		t.Run(fmt.Sprint(c.before, "to", c.after), func(t *testing.T) {
			t.Parallel()
			cfg := settings(t, "RABBITMQ_PARTITIONS", strconv.Itoa(c.before))
			first := consume(t, cfg, newSeen().handle)
			eventually(t, "the consumer is ready", isReady(first))
			if err := first.stop(); err != nil {
				t.Fatal(err)
			}
			cfg.Partitions = c.after
			registry := newRegistry()
			message.Register(registry, "payments", message.TypedHandlerFunc[payment](newSeen().handle))
			second, err := NewConsumer(cfg, registry, newPublisher(t, cfg), quiet())
			if err != nil {
				t.Fatal(err)
			}
			if err := second.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "RABBITMQ_PARTITIONS") {
				t.Errorf("the error is: %v", err)
			}
		})
	}
}

func TestASecondInstanceTakesOverInOrder(t *testing.T) {
	t.Parallel()
	cfg, s := settings(t, "RABBITMQ_PARTITIONS", "2"), newSeen()
	slow := func(ctx context.Context, m message.Of[payment]) error {
		time.Sleep(time.Millisecond)
		return s.handle(ctx, m)
	}
	first := consume(t, cfg, slow)
	second := consume(t, cfg, slow)
	eventually(t, "both are ready", func() bool { return first.Ready() == nil && second.Ready() == nil })
	p, published := newPublisher(t, cfg), make(chan struct{})
	go func() {
		defer close(published)
		publishAll(t, p, 1500, 10)
	}()
	eventually(t, "some are handled", func() bool { return s.distinct() > 100 })
	if err := first.stop(); err != nil {
		t.Error(err)
	}
	<-published
	eventually(t, "all are handled", func() bool { return s.distinct() == 1500 })
	s.check(t)
	if n := first.count(engine.Handled) + second.count(engine.Handled); n != 1500 || second.count(engine.Handled) == 0 {
		t.Errorf("the first handled %d, the second %d of 1500", first.count(engine.Handled), second.count(engine.Handled))
	}
}

func TestWhatExpiresInTheBrokerIsADeadLetter(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	r := consume(t, cfg, newSeen().handle)
	eventually(t, "the consumer is ready", isReady(r))
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	conn := connect(t, cfg)
	defer Disconnect(conn)
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.PublishWithContext(t.Context(), "", queueName(cfg, "payments", 0), true, false, amqp.Publishing{Body: []byte("late"), Expiration: "1", DeliveryMode: amqp.Persistent}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is among the dead letters", func() bool { return waitingIn(t, cfg, cfg.QueuePrefix+"payments.dlq") == 1 })
}

func TestTwoConsumersOfOneQueueAreRefused(t *testing.T) {
	t.Parallel()
	cfg := config.RabbitMQ{Partitions: 1, GroupID: "first"}
	registry := newRegistry()
	message.Register(registry, "payments", message.TypedHandlerFunc[payment](newSeen().handle))
	p := NewPublisher(cfg, "tests", registry, quiet())
	if _, err := NewConsumer(cfg, registry, p, quiet()); err != nil {
		t.Fatal(err)
	}
	cfg.GroupID = "second"
	if _, err := NewConsumer(cfg, registry, p, quiet()); err == nil || !strings.Contains(err.Error(), `"payments"`) || !strings.Contains(err.Error(), "first") {
		t.Errorf("the error is: %v", err)
	}
}
