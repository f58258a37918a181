package rabbitmq

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
)

// attempt is one to publish a message.
type attempt struct {
	topic, exchange, key string
	publishing           amqp.Publishing
	returned             error      // no queue takes it, as the broker said before its confirmation
	answer               chan error // what became of it, once
}

// confirmed is a channel on which the broker confirms what is published, as long as it lives.
type confirmed struct {
	channel interface { // of amqp.Channel
		PublishWithContext(ctx context.Context, exchange, key string, mandatory, immediate bool, msg amqp.Publishing) error
	}
	conn  *amqp.Connection
	known map[string]bool  // exchanges that are there
	ended chan *amqp.Error // says why, once all answers are noted

	mu   sync.Mutex
	sent []*attempt // and not confirmed, in the order in which the client tells of them
}

// open returns a new channel of conn.
func (t *transport) open(conn *amqp.Connection) (*confirmed, error) {
	ch, err := conn.Channel()
	if err == nil {
		err = ch.Confirm(false)
	}
	if err != nil {
		return nil, err
	}
	c := &confirmed{channel: ch, conn: conn, known: map[string]bool{"": true}, ended: make(chan *amqp.Error, 1)}
	closed, blocked := ch.NotifyClose(make(chan *amqp.Error, 1)), conn.NotifyBlocked(make(chan amqp.Blocking, 1))
	returns, confirmations := ch.NotifyReturn(make(chan amqp.Return)), ch.NotifyPublish(make(chan amqp.Confirmation))
	go func() {
		t.takeAnswers(c, returns, confirmations, blocked)
		c.ended <- <-closed
	}()
	return c, nil
}

// takeAnswers notes what the broker says until the channel ends. One goroutine takes all:
// a message that comes back does so before its confirmation.
func (t *transport) takeAnswers(c *confirmed, returns <-chan amqp.Return, confirmations <-chan amqp.Confirmation, blocked <-chan amqp.Blocking) {
	for {
		select {
		case r, ok := <-returns:
			if ok {
				c.noteReturn(r)
			} else {
				returns = nil
			}
		case b, ok := <-blocked:
			if ok {
				t.noteBlocked(b)
			} else {
				blocked = nil
			}
		case answer, ok := <-confirmations:
			if !ok {
				return
			}
			c.confirm(answer.Ack)
		}
	}
}

// noteBlocked notes that the broker takes nothing, or does again.
func (t *transport) noteBlocked(b amqp.Blocking) {
	var why error
	if b.Active {
		why = fmt.Errorf("RabbitMQ at %s takes no messages: %s", t.cfg.Address(), b.Reason)
	}
	t.health.Set(ops.Connection, why)
}

// publish publishes a, unless that would end the channel, and with it what others have
// under way, because there is no such exchange.
func (c *confirmed) publish(ctx context.Context, a *attempt) {
	if err := c.lookUp(a); err != nil {
		a.answer <- err
		return
	}
	c.mu.Lock()
	c.sent = append(c.sent, a)
	c.mu.Unlock()
	if err := c.channel.PublishWithContext(ctx, a.exchange, a.key, true, false, a.publishing); err != nil {
		c.mu.Lock()
		c.sent = c.sent[:len(c.sent)-1]
		c.mu.Unlock()
		a.answer <- err
	}
}

// lookUp returns why nothing can be published to the exchange of a, nil if it is there.
func (c *confirmed) lookUp(a *attempt) error {
	if c.known[a.exchange] {
		return nil
	}
	ch, err := c.conn.Channel() // which ends with the answer that there is none
	if err != nil {
		return err
	}
	defer func() { _ = ch.Close() }()
	err = ch.ExchangeDeclarePassive(a.exchange, hashExchange, true, false, false, false, nil)
	if codeOf(err) == amqp.NotFound {
		return a.unroutable("it does not exist")
	}
	c.known[a.exchange] = err == nil
	return err
}

// unroutable explains why no queue takes a.
func (a *attempt) unroutable(why string) error {
	place := fmt.Sprintf("exchange %q", a.exchange)
	if a.exchange == "" {
		place = fmt.Sprintf("queue %q", a.key)
	}
	return message.Retry(fmt.Errorf("no queue takes it at %s (%s): the service that consumes topic %q makes its queues when it starts, with the same RABBITMQ_PARTITIONS and RABBITMQ_QUEUE_PREFIX", place, why, a.topic))
}

// noteReturn notes that no queue takes r. What is the same as r was sent before it, so the
// first is meant.
func (c *confirmed) noteReturn(r amqp.Return) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.sent {
		if a.returned == nil && a.exchange == r.Exchange && a.key == r.RoutingKey && a.publishing.MessageId == r.MessageId && bytes.Equal(a.publishing.Body, r.Body) {
			a.returned = a.unroutable(r.ReplyText)
			return
		}
	}
}

// confirm notes the broker's word about the first that was sent: the client tells of each
// in that order.
func (c *confirmed) confirm(isTaken bool) {
	c.mu.Lock()
	a := c.sent[0]
	c.sent = c.sent[1:]
	c.mu.Unlock()
	if a.returned == nil && !isTaken {
		a.returned = errors.New("the broker did not take it: its queue is full, or has no majority")
	}
	a.answer <- a.returned
}

// fail notes that the channel ended: what is under way is published again, but for messages
// that ended it. They are known by what the broker says of it.
func (c *confirmed) fail(err error) {
	for _, a := range c.sent {
		a.answer <- cmp.Or(a.blame(err), err)
	}
}

var sizeLimit = regexp.MustCompile(`larger than (?:configured )?max(?:imum)? (?:message )?size (\d+)`)

// blame returns why a ended its channel, nil if it did not.
func (a *attempt) blame(err error) error {
	answer, _ := errors.AsType[*amqp.Error](err)
	if answer == nil {
		return nil
	}
	limit := sizeLimit.FindStringSubmatch(answer.Reason)
	switch {
	case answer.Code == amqp.PreconditionFailed && limit != nil:
		if most, _ := strconv.Atoi(limit[1]); len(a.publishing.Body) > most {
			return message.Permanent(fmt.Errorf("%w: %w", message.ErrTooLarge, err))
		}
	case answer.Code == amqp.AccessRefused && strings.Contains(answer.Reason, "'"+cmp.Or(a.exchange, "amq.default")+"'"):
		return message.Retry(fmt.Errorf("%w: %w", message.ErrRefused, err))
	}
	return nil
}
