package rabbitmq

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// address is where a message goes. The default exchange leads to the queue that its key names.
type address struct{ topic, exchange, key string }

// name is that of the exchange, or of the queue without one.
func (a address) name() string { return cmp.Or(a.exchange, a.key) }

func (a address) String() string {
	if a.exchange != "" {
		return fmt.Sprintf("exchange %q", a.exchange)
	}
	return fmt.Sprintf("queue %q", a.key)
}

// line is a channel that publishes one message at a time: what comes back, and what ends the
// channel, is of that one.
type line struct {
	channel interface { // of amqp.Channel, nil before the first
		PublishWithContext(ctx context.Context, exchange, key string, mandatory, immediate bool, msg amqp.Publishing) error
		IsClosed() bool
		Close() error
	}
	returns       chan amqp.Return
	confirmations chan amqp.Confirmation
	closed        chan *amqp.Error
}

// openLine returns a line on a new channel of conn.
func openLine(ctx context.Context, conn *amqp.Connection) (*line, error) {
	var opened *line
	var keep func() bool
	err := Within(ctx, func() error {
		ch, err := conn.Channel()
		if err != nil {
			return err
		}
		opened = &line{ch, ch.NotifyReturn(make(chan amqp.Return, 1)), ch.NotifyPublish(make(chan amqp.Confirmation, 1)), ch.NotifyClose(make(chan *amqp.Error, 1))}
		err = ch.Confirm(false)
		keep = context.AfterFunc(ctx, func() { _ = ch.Close() }) // unless somebody waits for it still
		return err
	})
	switch {
	case err == nil && keep():
		return opened, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return nil, err
}

// send publishes a message, on a new channel of conn if there is none yet, and returns once the
// broker has confirmed that a queue has it, or why none has.
func (l *line) send(ctx context.Context, conn *amqp.Connection, to address, m amqp.Publishing) error {
	if l.channel == nil || l.channel.IsClosed() {
		opened, err := openLine(ctx, conn)
		if err != nil {
			return err
		}
		*l = *opened
	}
	if err := l.channel.PublishWithContext(ctx, to.exchange, to.key, true, false, m); err != nil {
		return err
	}
	select {
	case answer, isOpen := <-l.confirmations:
		var back amqp.Return
		select {
		case back = <-l.returns: // it comes before the confirmation
		default:
		}
		switch {
		case !isOpen:
			return to.refusal(<-l.closed)
		case back.ReplyCode != 0:
			return to.missing(back.ReplyText, to.exchange != "")
		case !answer.Ack:
			return message.Unavailable(untaken{fmt.Errorf("topic %q: %s does not take it: the queue is full, or has no majority", to.topic, to), true})
		}
		return nil
	case <-ctx.Done():
		l.abandon() // what comes of it later is not of the next
		return untaken{fmt.Errorf("topic %q: no answer from the broker: %w", to.topic, ctx.Err()), true}
	}
}

// abandon closes the line's channel, and waits for nothing.
func (l *line) abandon() {
	if ch := l.channel; ch != nil {
		go func() { _ = ch.Close() }()
		l.channel = nil
	}
}

// untaken is why no queue takes a message, or none is known to.
type untaken struct {
	error
	isThere bool // where it goes, so only another message can tell whether that is over
}

func (u untaken) Unwrap() error { return u.error }

// missing returns that no queue takes what is published.
func (a address) missing(why string, isThere bool) error {
	return message.Unavailable(untaken{fmt.Errorf("topic %q: no queue takes it at %s (%s): the service that consumes the topic makes its queues when it starts, with the same RABBITMQ_PARTITIONS and RABBITMQ_QUEUE_PREFIX", a.topic, a, why), isThere})
}

// refusal returns why a message ended its channel.
func (a address) refusal(why *amqp.Error) error {
	switch {
	case why == nil: // a nil *amqp.Error would be an error
		return errors.New("the connection ended")
	case why.Code == amqp.PreconditionFailed && strings.Contains(why.Reason, "larger than"):
		return message.Permanent(fmt.Errorf("%w: %w", message.ErrTooLarge, why))
	case why.Code == amqp.AccessRefused:
		return message.Retry(fmt.Errorf("%w: %w", message.ErrRefused, why))
	case why.Code == amqp.NotFound:
		return a.missing("it does not exist", false)
	}
	return fmt.Errorf("RabbitMQ ended the channel: %w", why)
}
