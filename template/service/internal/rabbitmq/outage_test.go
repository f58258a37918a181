package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
)

func TestNothingIsLostAndOrderHoldsOverCutConnections(t *testing.T) {
	t.Parallel()
	direct, s := settings(t, "RABBITMQ_PARTITIONS", "2", "MAX_POLL_RECORDS", "50"), newSeen()
	cfg, wire := through(t, direct)
	r := consume(t, cfg, func(ctx context.Context, m message.Of[payment]) error {
		time.Sleep(time.Millisecond)
		return s.handle(ctx, m)
	})
	eventually(t, "the consumer is ready", isReady(r))
	p := newPublisher(t, cfg)
	done := make(chan struct{})
	go func() {
		defer close(done)
		publishAll(t, p, 3000, 20)
	}()
	for range 15 {
		before := s.distinct()
		eventually(t, "something is handled", func() bool { return s.distinct() > before+20 || s.distinct() == 3000 })
		wire.cut()
	}
	<-done
	eventually(t, "all are handled", func() bool { return s.distinct() == 3000 })
	s.check(t)
}

func TestWhatIsDoneAfterItsChannelIsGoneComesAgain(t *testing.T) {
	t.Parallel()
	direct := settings(t)
	cfg, wire := through(t, direct)
	release, began := make(chan struct{}), make(chan struct{}, 9)
	r := consume(t, cfg, func(context.Context, message.Of[payment]) error {
		began <- struct{}{}
		<-release
		return nil
	})
	eventually(t, "the consumer is ready", isReady(r))
	publishAll(t, newPublisher(t, direct), 1, 1)
	<-began
	first := r.subscriptions[0].claim.Load()
	wire.cut()
	eventually(t, "there is another channel", func() bool {
		claim := r.subscriptions[0].claim.Load()
		return claim != nil && claim != first && unfinished(claim) == 1
	})
	eventually(t, "the engine has only the message that can be acknowledged", func() bool { return r.Stats().Records == 1 })
	close(release)
	<-began
	eventually(t, "it is handled on its own channel", func() bool { return r.count(engine.Handled) >= 1 })
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if n := waitingIn(t, direct, queueName(cfg, "payments", 0)); n > 0 {
		t.Errorf("%d messages come again", n)
	}
}

func TestTheBrokerMayBeAwayAtTheStartAndInTheMiddle(t *testing.T) {
	t.Parallel()
	direct, s := settings(t), newSeen()
	cfg, wire := through(t, direct)
	wire.setAway(true)
	r := consume(t, cfg, s.handle)
	p := newPublisher(t, cfg)
	eventually(t, "readiness says why", func() bool {
		err := r.Ready()
		return err != nil && strings.Contains(err.Error(), "no connection to RabbitMQ at "+cfg.Address())
	})
	wire.setAway(false)
	eventually(t, "the consumer is ready", isReady(r))
	publishAll(t, p, 10, 3)
	eventually(t, "all are handled", func() bool { return s.distinct() == 10 })
	wire.setAway(true)
	eventually(t, "readiness says that it is away", func() bool { return r.Ready() != nil && whyNot(p) != nil })
	published := make(chan error, 1)
	go func() { published <- p.Publish(t.Context(), payment{"account-0", 10}) }()
	wire.setAway(false)
	if err := <-published; err != nil {
		t.Error(err)
	}
	eventually(t, "it is handled", func() bool { return s.distinct() == 11 && r.Ready() == nil && whyNot(p) == nil })
}

// A broker's own error ends the first connection without a word, and no other.
func TestAnEndOfTheConnectionSaysWhy(t *testing.T) {
	c := &Consumer{cfg: settingsWithout(t, "RABBITMQ_URL", "amqp://me:hunter2@shop:5672/")}
	broken := &amqp.Error{Code: amqp.InternalError, Server: true, Reason: "INTERNAL_ERROR"}
	if err := c.explainEnd(broken); !errors.Is(err, ops.ErrConnecting) {
		t.Errorf("the first: %v", err)
	}
	for _, why := range []*amqp.Error{broken, nil} {
		err := c.explainEnd(why)
		if errors.Is(err, ops.ErrConnecting) || !strings.Contains(err.Error(), "shop:5672") || strings.Contains(err.Error(), "hunter2") || (why != nil) != strings.Contains(err.Error(), "INTERNAL_ERROR") {
			t.Errorf("a later one: %v", err)
		}
	}
}

func TestAQueueThatIsDeletedIsMadeAnew(t *testing.T) {
	t.Parallel()
	cfg, s := settings(t), newSeen()
	r := consume(t, cfg, s.handle)
	eventually(t, "the consumer is ready", isReady(r))
	conn := connect(t, cfg)
	defer Disconnect(conn)
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ch.QueueDelete(queueName(cfg, "payments", 0), false, false, false); err != nil {
		t.Fatal(err)
	}
	publishAll(t, newPublisher(t, cfg), 3, 3)
	eventually(t, "all are handled", func() bool { return s.distinct() == 3 })
}

func TestABrokerThatSaysNothingIsKnownAndLeftInTime(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		t.Run(fmt.Sprintf("known: %v", known), func(t *testing.T) {
			t.Parallel()
			direct, s := settings(t, "DRAIN_TIMEOUT", "1s"), newSeen()
			cfg, wire := through(t, direct)
			r := consume(t, cfg, s.handle)
			eventually(t, "the consumer is ready", isReady(r))
			publishAll(t, newPublisher(t, direct), 10, 10)
			eventually(t, "all are handled", func() bool { return s.distinct() == 10 })
			wire.hang()
			if known {
				eventually(t, "readiness says so", func() bool { return r.Ready() != nil })
			}
			began := time.Now()
			if err := r.stop(); err != nil && (known || !errors.Is(err, errUnconfirmed)) {
				t.Error(err)
			}
			if took := time.Since(began); took > 6*time.Second { // the drain, and what a service has beyond it
				t.Errorf("stopped after %v", took)
			}
		})
	}
}

// A broker that hangs does not say whether it knows what was acknowledged last: who stopped
// the service is told so, and where. With nothing acknowledged there is nothing to be told.
func TestAStopThatIsNotConfirmedIsAnError(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			cfg, network := through(t, settings(t, "DRAIN_TIMEOUT", "1s"))
			runs, release := make(chan struct{}, 1), make(chan struct{})
			r := consume(t, cfg, func(context.Context, message.Of[payment]) error {
				runs <- struct{}{}
				<-release
				return nil
			})
			eventually(t, "the consumer is ready", isReady(r))
			if n > 0 {
				publishAll(t, r.publisher, n, 1)
				<-runs
			}
			network.hang()
			close(release)
			eventually(t, "it is handled", func() bool { return r.count(engine.Handled) == n })
			began := time.Now()
			err := r.stop()
			if n == 0 && err != nil {
				t.Error(err)
			}
			if n > 0 && (err == nil || !strings.Contains(err.Error(), queueName(cfg, "payments", 0)) || !strings.Contains(err.Error(), "not confirmed") || !strings.Contains(err.Error(), cfg.Address())) {
				t.Errorf("it ended with %v, want the queue, and that its acknowledgements are not confirmed by %s", err, cfg.Address())
			}
			t.Logf("it took %v", time.Since(began))
		})
	}
}
