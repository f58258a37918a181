package rabbitmq

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// A password that no URL can have, as a file may bring one while the service runs, is in
// no error.
func TestAPasswordThatCannotBeReadIsNotShown(t *testing.T) {
	for _, url := range []string{"amqp://books:hunter2%@127.0.0.1:1/", "amqp://books:hunter2 @127.0.0.1:1/", "amqp://books:hunter2@127.0.0.1:port/"} {
		cfg := settingsWithout(t, "RABBITMQ_URL", url)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if _, err := Connect(ctx, cfg, "tests"); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("it says %v", err)
		}
		cancel()
	}
}

// Of several messages on their way to a queue, one that no queue took is sent again, and no
// other.
func TestAReturnIsOfOneMessage(t *testing.T) {
	p, tr := unconnected(settingsWithout(t))
	c, results := &confirmed{channel: new(recorder)}, make(chan string, 3)
	for _, value := range []string{"a", "b", "b"} {
		go func() {
			if err := p.Send(t.Context(), &message.Message{Topic: "payments.dlq", Value: []byte(value)}); err != nil {
				t.Error(err)
			}
			results <- value
		}()
	}
	for range 3 {
		c.publish(t.Context(), <-tr.queue)
	}
	c.noteReturn(amqp.Return{RoutingKey: "payments.dlq", Body: []byte("b")})
	for range 3 {
		c.confirm(true)
	}
	got := map[string]int{<-results: 1}
	got[<-results]++
	if got["a"] != 1 || got["b"] != 1 {
		t.Errorf("confirmed are %v, want a and one of b", got)
	}
	c.publish(t.Context(), <-tr.queue)
	c.confirm(true)
	if last := <-results; last != "b" {
		t.Errorf("sent again is %s", last)
	}
}

// What is given up while nobody has a channel is not published once somebody has.
func TestNobodyPublishesWhatWasGivenUp(t *testing.T) {
	p, tr := unconnected(settingsWithout(t, "PUBLISH_TIMEOUT", "1ms"))
	if err := p.Publish(t.Context(), payment{"a", 1}); message.OutcomeOf(err) != message.OutcomeUnavailable {
		t.Errorf("the error is: %v", err)
	}
	select {
	case a := <-tr.queue:
		t.Errorf("there is one to publish %s", a.publishing.Body)
	default:
	}
}

// The dead letters of a consumer with queues of its own are in its own queue.
func TestDeadLettersAreWhereTheConsumersQueuesAre(t *testing.T) {
	cfg, registry := settingsWithout(t), newRegistry()
	message.Register(registry, "payments", message.TypedHandlerFunc[payment](newSeen().handle))
	p, tr := unconnected(cfg)
	for group, want := range map[string]string{"tests": "payments.dlq", "tests-audit": "audit.payments.dlq", "tests-mail": "mail.payments.dlq"} {
		cfg.GroupID, cfg.QueuePrefix = group, strings.TrimSuffix(want, "payments.dlq")
		if _, err := NewConsumer(cfg, registry, p, quiet()); err != nil {
			t.Fatal(err)
		}
		written := make(chan error, 1)
		letters := &deadletter.Writer{Send: p.Send, Group: group}
		go func() {
			written <- letters.DeadLetter(t.Context(), &message.Message{Topic: "payments"}, engine.Failure{Err: errors.New("no")})
		}()
		a := <-tr.queue
		if a.to.exchange != "" || a.key != want {
			t.Errorf("those of %s go to %q, %q", group, a.to.exchange, a.key)
		}
		a.answer <- nil
		if err := <-written; err != nil {
			t.Error(err)
		}
	}
}
