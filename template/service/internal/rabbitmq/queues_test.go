package rabbitmq

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// A queue that was made otherwise ends the start, and the error says which and what to do:
// to consume it as it is would be another order, or a dead letter that is lost.
func TestAQueueThatWasMadeOtherwiseEndsTheStart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		queue     string
		arguments amqp.Table
		says      string // what is to be done
	}{
		{"payments", amqp.Table{"x-queue-type": "classic"}, "set RABBITMQ_DECLARE=check to take it as it is, or delete it once it is empty"},
		{"payments", amqp.Table{"x-queue-type": "quorum"}, "change the setting (ORDERING decides x-single-active-consumer), set RABBITMQ_DECLARE=check"},
		{"payments.dlq", amqp.Table{"x-queue-type": "classic"}, "delete it once it is empty"},
		{"payments-0", amqp.Table{"x-queue-type": "quorum"}, "set the number that topic \"payments\" was made with"},
	} {
		t.Run(c.queue+" "+c.arguments["x-queue-type"].(string), func(t *testing.T) { //nolint:forcetypeassert // they are above
			t.Parallel()
			cfg := settings(t)
			conn := connect(t, cfg)
			defer Disconnect(conn)
			ch, err := conn.Channel()
			if err != nil {
				t.Fatal(err)
			}
			name := cfg.QueuePrefix + c.queue
			if _, err := ch.QueueDeclare(name, true, false, false, false, c.arguments); err != nil {
				t.Fatal(err)
			}
			registry, log := newRegistry(), new(lines)
			message.Register(registry, "payments", message.TypedHandlerFunc[payment](newSeen().handle))
			consumer, err := NewConsumer(cfg, registry, NewPublisher(cfg, "tests", registry, quiet()), slog.New(slog.NewTextHandler(log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if err := consumer.Run(ctx); err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), `"`+name+`"`) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("the start ends with %v, want an error with %q that says: %s", err, name, c.says)
			}
			if log.count("not consuming") > 0 {
				t.Errorf("the log says that it is tried again:\n%s", log.text.String())
			}
		})
	}
}

// answering is a channel whose client gives an answer to whoever waits first, as amqp091
// does, whatever that asked.
type answering struct {
	fake
	answers chan string
}

func (a *answering) call(question string) error {
	a.answers <- question // which the broker gives back
	runtime.Gosched()
	if got := <-a.answers; got != question {
		return &amqp.Error{Code: amqp.UnexpectedFrame, Reason: question + " is answered with " + got}
	}
	return nil
}

func (a *answering) Qos(int, int, bool) error { return a.call("qos") }

func (a *answering) Consume(string, string, bool, bool, bool, bool, amqp.Table) (<-chan amqp.Delivery, error) {
	return nil, a.call("consume")
}

func (a *answering) Cancel(string, bool) error { return a.call("cancel") }

func (a *answering) QueueDeclarePassive(string, bool, bool, bool, bool, amqp.Table) (amqp.Queue, error) {
	return amqp.Queue{}, a.call("declare")
}

// The committer, the watch of the lag and a drain ask on one channel at once.
func TestAnswersOnOneChannelAreNotSwapped(t *testing.T) {
	t.Parallel()
	c, l := newClaim(&answering{answers: make(chan string, 100)}, 10), &subscription{queue: "payments"}
	var all sync.WaitGroup
	for _, ask := range []func() error{
		func() error { return c.Commit(t.Context()) },
		func() error { return l.ask(c) },
		func() error { return c.settle("payments") },
	} {
		all.Go(func() {
			for range 3000 {
				if err := ask(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}
