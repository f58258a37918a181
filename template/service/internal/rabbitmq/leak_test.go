package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
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

// A channel has one message at a time: what comes back is of that, and what the broker says
// later of one that was given up is not of the next.
func TestAChannelIsOfOneMessage(t *testing.T) {
	p, tr := unconnected(settingsWithout(t))
	a, b := newRecorder(), newRecorder()
	send := func(value string, free ...*recorder) <-chan error {
		for _, r := range free {
			tr.lines <- &r.line
		}
		sent := make(chan error, 1)
		go func() { sent <- p.Send(t.Context(), &message.Message{Topic: "payments.dlq", Value: []byte(value)}) }()
		tr.connected <- new(amqp.Connection)
		return sent
	}
	published := func() (string, *recorder) {
		select {
		case m := <-a.published:
			return string(m.Body), a
		case m := <-b.published:
			return string(m.Body), b
		}
	}
	first := send("first", a)
	if _, on := published(); on != a {
		t.Fatal("it was not published on the channel that is free")
	}
	second := send("second", b)
	if m, on := published(); m != "second" || on != b {
		t.Fatalf("%s was published on the channel of the first", m)
	}
	b.giveBack()
	b.confirm(true)
	a.confirm(true)
	if err := <-first; err != nil {
		t.Errorf("the first, which was taken: %v", err)
	}
	tr.connected <- new(amqp.Connection)
	again, on := published()
	if on.confirm(true); again != "second" {
		t.Errorf("sent again is %s", again)
	}
	if err := <-second; err != nil {
		t.Errorf("the second: %v", err)
	}
	given := newRecorder()
	ctx, giveUp := context.WithCancel(t.Context())
	giveUp()
	if err := given.send(ctx, nil, address{}, amqp.Publishing{}); err == nil || given.channel != nil {
		t.Errorf("one that was given up leaves its channel to the next: %v", err)
	}
}

// What ends a channel is of its message, and said in words that who sent it can act on.
func TestWhatEndsAChannelIsNamed(t *testing.T) {
	for _, c := range []struct {
		why     *amqp.Error
		outcome message.Outcome
		is      error
		says    string
	}{
		{&amqp.Error{Code: amqp.PreconditionFailed, Server: true, Reason: "PRECONDITION_FAILED - message size 17 is larger than configured max size 16"}, message.OutcomePermanent, message.ErrTooLarge, "size 17"},
		{&amqp.Error{Code: amqp.AccessRefused, Server: true, Reason: "ACCESS_REFUSED - write access to exchange 'shop.payments' refused"}, message.OutcomeRetry, message.ErrRefused, "write access"},
		{&amqp.Error{Code: amqp.NotFound, Server: true, Reason: "NOT_FOUND - no exchange 'payments'"}, message.OutcomeUnavailable, nil, "exchange \"payments\" (it does not exist)"},
		{&amqp.Error{Code: amqp.ConnectionForced, Server: true, Reason: "CONNECTION_FORCED"}, message.OutcomePlain, nil, "CONNECTION_FORCED"},
	} {
		r := newRecorder()
		r.end(c.why)
		r.isClosed.Store(false) // so that it is published on, and ends then
		err := r.send(t.Context(), nil, address{topic: "payments", exchange: "payments"}, amqp.Publishing{})
		if message.OutcomeOf(err) != c.outcome || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v", c.why, err)
		}
	}
}

// What is given up while there is no connection is not published once there is one.
func TestNobodyPublishesWhatWasGivenUp(t *testing.T) {
	p, tr := unconnected(settingsWithout(t, "PUBLISH_TIMEOUT", "1ms"))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := p.Publish(ctx, payment{"a", 1}); message.OutcomeOf(err) != message.OutcomeUnavailable {
		t.Errorf("the error is: %v", err)
	}
	select {
	case tr.connected <- nil:
		t.Error("it waits for a connection still")
	default:
	}
}

// selective is a channel that the broker answers at once, but for payments.
type selective struct{ *recorder }

func (s selective) PublishWithContext(_ context.Context, _, key string, _, _ bool, _ amqp.Publishing) error {
	if key != "payments" {
		s.confirm(true)
	}
	return nil
}

// What waits for the answer of one queue keeps no event and no dead letter from another, and
// readiness names it.
func TestAQueueThatDoesNotAnswerHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, tr := unconnected(settingsWithout(t))
		for range cap(tr.lines) {
			r := newRecorder()
			r.channel = selective{r}
			tr.lines <- &r.line
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			for ctx.Err() == nil {
				select {
				case tr.connected <- new(amqp.Connection):
				case <-ctx.Done():
				}
			}
		}()
		const n = 120
		errs := make(chan error, n)
		for i := range n {
			p.PublishAsync(ctx, payment{strconv.Itoa(i), i}, func(_ message.Delivery, err error) { errs <- err })
		}
		synctest.Wait()
		if err := p.Publish(ctx, elsewhere{payment{"a", 1}}); err != nil {
			t.Errorf("an event of another topic: %v", err)
		}
		if err := p.Send(ctx, &message.Message{Topic: "payments.dlq"}); err != nil {
			t.Errorf("a dead letter: %v", err)
		}
		for range n {
			if err := <-errs; message.OutcomeOf(err) != message.OutcomeUnavailable {
				t.Errorf("an event without an answer: %v", err)
			}
		}
		if why := fmt.Sprint(tr.why()); !strings.Contains(why, `topic "payments": no answer`) || strings.Contains(why, "receipts") {
			t.Errorf("what cannot be published: %s", why)
		}
	})
}

// More channels than are kept are closed when they are free.
func TestAChannelTooManyIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, tr := unconnected(settingsWithout(t))
		r := newRecorder()
		tr.lines <- &r.line
		sent := make(chan error, 1)
		go func() { sent <- p.Send(t.Context(), &message.Message{Topic: "payments.dlq"}) }()
		tr.connected <- new(amqp.Connection)
		<-r.published
		for range cap(tr.lines) {
			tr.lines <- new(line)
		}
		r.confirm(true)
		if err := <-sent; err != nil {
			t.Error(err)
		}
		if synctest.Wait(); !r.isClosed.Load() {
			t.Error("it is open")
		}
	})
}

// What has hung in the client does not keep a service from its end.
func TestAPublisherIsClosedThoughItsConnectionDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, tr := unconnected(settingsWithout(t))
		tr.Close()
	})
}

// The dead letters of a consumer with queues of its own are in its own queue.
func TestDeadLettersAreWhereTheConsumersQueuesAre(t *testing.T) {
	cfg, registry := settingsWithout(t), newRegistry()
	message.Register(registry, "payments", message.TypedHandlerFunc[payment](newSeen().handle))
	p, tr := unconnected(cfg)
	r := newRecorder()
	tr.lines <- &r.line
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
		tr.connected <- new(amqp.Connection)
		if <-r.published; r.at != want {
			t.Errorf("those of %s go to %q", group, r.at)
		}
		r.confirm(true)
		if err := <-written; err != nil {
			t.Error(err)
		}
	}
}
