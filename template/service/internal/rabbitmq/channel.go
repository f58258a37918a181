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
)

// attempt is one to publish a message.
type attempt struct {
	to         *destination
	key        string // for routing
	publishing amqp.Publishing
	returned   error      // no queue takes it, as the broker said before its confirmation
	answer     chan error // what became of it, once for each time that it is given to the channel
}

// confirmed is a channel on which the broker confirms what is published, as long as it lives.
type confirmed struct {
	channel interface { // of amqp.Channel
		PublishWithContext(ctx context.Context, exchange, key string, mandatory, immediate bool, msg amqp.Publishing) error
	}
	ended chan *amqp.Error // says why, once all answers are noted

	mu   sync.Mutex
	sent []*attempt // and not confirmed, in the order in which the client tells of them
}

// open returns a new channel of conn.
func open(conn *amqp.Connection) (*confirmed, error) {
	ch, err := conn.Channel()
	if err == nil {
		err = ch.Confirm(false)
	}
	if err != nil {
		return nil, err
	}
	c := &confirmed{channel: ch, ended: make(chan *amqp.Error, 1)}
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	returns, confirmations := ch.NotifyReturn(make(chan amqp.Return)), ch.NotifyPublish(make(chan amqp.Confirmation))
	go func() {
		c.takeAnswers(returns, confirmations)
		c.ended <- <-closed
	}()
	return c, nil
}

// takeAnswers notes what the broker says until the channel ends. One goroutine takes all:
// a message that comes back does so before its confirmation.
func (c *confirmed) takeAnswers(returns <-chan amqp.Return, confirmations <-chan amqp.Confirmation) {
	for {
		select {
		case r, ok := <-returns:
			if ok {
				c.noteReturn(r)
			} else {
				returns = nil
			}
		case answer, ok := <-confirmations:
			if !ok {
				return
			}
			c.confirm(answer.Ack)
		}
	}
}

// publish publishes a.
func (c *confirmed) publish(ctx context.Context, a *attempt) {
	c.mu.Lock()
	c.sent = append(c.sent, a)
	c.mu.Unlock()
	if err := c.channel.PublishWithContext(ctx, a.to.exchange, a.key, true, false, a.publishing); err != nil {
		c.mu.Lock()
		c.sent = c.sent[:len(c.sent)-1]
		c.mu.Unlock()
		a.answer <- err
	}
}

// noteReturn notes that no queue takes r. What is the same as r was sent before it, so the
// first is meant.
func (c *confirmed) noteReturn(r amqp.Return) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.sent {
		if a.returned == nil && a.to.exchange == r.Exchange && a.key == r.RoutingKey && a.publishing.MessageId == r.MessageId && bytes.Equal(a.publishing.Body, r.Body) {
			a.returned = a.to.missing(r.ReplyText)
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
	err := a.returned
	if err == nil && !isTaken {
		err = message.Unavailable(fmt.Errorf("topic %q: %s does not take it: the queue is full, or has no majority", a.to.topic, a.to.place()))
	}
	a.answer <- a.to.note(a.returned == nil || a.to.exchange != "", err)
}

// fail notes that the channel ended: what is under way is published again, but for messages
// that ended it, if it was one. They are known by what the broker says of it.
func (c *confirmed) fail(err error) (isOfMessage bool) {
	for _, a := range c.sent {
		blame := a.blame(err)
		a.answer <- cmp.Or(blame, err)
		isOfMessage = isOfMessage || blame != nil
	}
	return isOfMessage
}

var sizeLimit = regexp.MustCompile(`larger than (?:configured )?max(?:imum)? (?:message )?size (\d+)`)

// blame returns why a ended its channel, nil if it did not.
func (a *attempt) blame(err error) error {
	answer, _ := errors.AsType[*amqp.Error](err)
	if answer == nil {
		return nil
	}
	limit := sizeLimit.FindStringSubmatch(answer.Reason)
	isMeant := strings.Contains(answer.Reason, "'"+cmp.Or(a.to.exchange, "amq.default")+"'")
	switch {
	case answer.Code == amqp.PreconditionFailed && limit != nil:
		if most, _ := strconv.Atoi(limit[1]); len(a.publishing.Body) > most {
			return message.Permanent(fmt.Errorf("%w: %w", message.ErrTooLarge, err))
		}
	case answer.Code == amqp.AccessRefused && isMeant:
		return message.Retry(fmt.Errorf("%w: %w", message.ErrRefused, err))
	case answer.Code == amqp.NotFound && isMeant:
		return a.to.note(false, a.to.missing("it does not exist"))
	}
	return nil
}
