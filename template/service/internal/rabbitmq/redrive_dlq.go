package rabbitmq

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Disconnect ends a connection, also to a broker that does not answer.
func Disconnect(conn *amqp.Connection) { leave(conn) }

// Sender writes messages one by one, so what comes back is the one that was sent last. It
// is for one goroutine.
type Sender struct {
	conn    *amqp.Connection
	channel *amqp.Channel // nil before the first
	returns chan amqp.Return
	closed  chan *amqp.Error
}

// NewSender returns a sender, which opens a channel when it is first needed.
func NewSender(conn *amqp.Connection) *Sender { return &Sender{conn: conn} }

// Send writes m where the settings say that its topic is, and returns once the broker has
// confirmed that its queue has it.
func (s *Sender) Send(ctx context.Context, cfg config.RabbitMQ, m *message.Message) error {
	out, err := Publishing(m)
	if err != nil {
		return err
	}
	if s.channel == nil || s.channel.IsClosed() {
		if err := within(ctx, s.open); err != nil {
			return err
		}
	}
	exchange, key := route(cfg, m)
	sent, err := s.channel.PublishWithDeferredConfirmWithContext(ctx, exchange, key, true, false, out)
	if err != nil {
		return s.abandon(err)
	}
	isTaken, err := sent.WaitContext(ctx)
	if err != nil {
		return s.abandon(fmt.Errorf("no answer from the broker: %w", err))
	}
	select {
	case r := <-s.returns: // it comes before the confirmation
		return fmt.Errorf("no queue takes it (%s): the service that consumes topic %q makes its queues when it starts, with the same RABBITMQ_PARTITIONS", r.ReplyText, m.Topic)
	default:
	}
	if isTaken {
		return nil
	}
	select {
	case why := <-s.closed:
		return refusal(m, why)
	default:
		return errors.New("the broker did not take it: its queue is full, or has no majority")
	}
}

func (s *Sender) open() (err error) {
	if s.channel, err = s.conn.Channel(); err != nil {
		return err
	}
	s.returns, s.closed = s.channel.NotifyReturn(make(chan amqp.Return, 1)), s.channel.NotifyClose(make(chan *amqp.Error, 1))
	return s.channel.Confirm(false)
}

// abandon leaves the channel: what comes back later is not of the next message.
func (s *Sender) abandon(err error) error {
	go func(ch *amqp.Channel) { _ = ch.Close() }(s.channel)
	s.channel = nil
	return err
}

// refusal is why m ended its channel.
func refusal(m *message.Message, why *amqp.Error) error {
	switch {
	case why == nil: // a nil *amqp.Error would be an error
		return errors.New("the connection ended")
	case why.Code == amqp.PreconditionFailed && strings.Contains(why.Reason, "larger than"):
		return message.Permanent(fmt.Errorf("%w: %w", message.ErrTooLarge, why))
	case why.Code == amqp.NotFound:
		return fmt.Errorf("topic %q does not exist: the service that consumes it makes it when it starts: %w", m.Topic, why)
	}
	return why
}

// DeclareLetters makes or checks the queue of a topic for dead letters.
func DeclareLetters(ch *amqp.Channel, cfg config.RabbitMQ, topic string) error {
	return declareQueue(ch, cfg.QueuePrefix+topic, amqp.Table{})
}

// Count returns how many messages wait in a queue, and whether it is there. The channel
// ends if it is not.
func Count(ch *amqp.Channel, queue string) (n int, isThere bool, err error) {
	q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	if codeOf(err) == amqp.NotFound {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, refused("queue", queue, err)
	}
	return q.Messages, true, nil
}

// The broker's headers of what died in it.
const (
	deathHeader      = "x-death"
	deathQueueHeader = "x-first-death-queue"
)

// noExchange is that of letters: their routing key is the queue's name, and no key.
const noExchange = "\x00"

// DeadLetter returns a delivery of dead letters. What died in the broker, in a queue of one
// of the topics, is as if the consumer of that had written it.
func DeadLetter(d *amqp.Delivery, cfg config.RabbitMQ, topics []string) message.Message {
	queue, _ := d.Headers[deathQueueHeader].(string)
	_, isOurs := d.Headers[deadletter.Prefix+"topic"]
	topic, partition := ownerOf(queue, cfg, topics)
	if isOurs || topic == "" {
		return Received(d, noExchange)
	}
	var death amqp.Table
	if all, _ := d.Headers[deathHeader].([]any); len(all) > 0 {
		death, _ = all[len(all)-1].(amqp.Table) // the first is behind the later ones
	}
	d.Exchange, _ = death["exchange"].(string)
	if keys, _ := death["routing-keys"].([]any); len(keys) > 0 {
		d.RoutingKey, _ = keys[0].(string)
	}
	m := Received(d, cfg.QueuePrefix+topic)
	m.Headers = slices.DeleteFunc(m.Headers, func(h message.Field) bool {
		return h.Key == deathHeader || strings.HasPrefix(h.Key, "x-first-death-") || strings.HasPrefix(h.Key, "x-last-death-")
	})
	add := func(name, value string) {
		m.Headers = append(m.Headers, message.Field{Key: deadletter.Prefix + name, Value: []byte(value)})
	}
	why, _ := death["reason"].(string)
	add("topic", topic)
	add("partition", strconv.Itoa(partition))
	add("group", cfg.GroupID)
	add("class", cmp.Or(why, "broker"))
	add("reason", "it died in queue "+queue)
	if at, ok := death["time"].(time.Time); ok {
		add("failed-at", at.UTC().Format(time.RFC3339Nano))
	}
	if encoding := deadletter.EncodingRaw; m.Value != nil {
		add("encoding", encoding)
	} else {
		add("encoding", deadletter.EncodingNull)
	}
	return m
}

// ownerOf returns of which topic, and of which of its partitions, a queue is.
func ownerOf(queue string, cfg config.RabbitMQ, topics []string) (topic string, partition int) {
	for _, t := range topics {
		for p := range cfg.Partitions {
			if queueName(cfg, t, p) == queue {
				return t, p
			}
		}
	}
	return "", 0
}

// PartitionLag is how much waits in the queue of a topic's partition.
type PartitionLag struct {
	Topic     string
	Partition int32
	Committed int64 // -1: a queue has no positions
	End       int64
	Lag       int64 // without what instances have at hand
}

// Lag returns how much waits in each queue of the topics, and an error for what could not be
// told.
func Lag(ctx context.Context, cfg config.RabbitMQ, topics []string) (all []PartitionLag, err error) {
	conn, err := Connect(ctx, cfg, cfg.GroupID+" lag")
	if err != nil {
		return nil, err
	}
	defer leave(conn)
	var errs []error
	for _, topic := range topics {
		for p := range cfg.Partitions {
			l := PartitionLag{Topic: topic, Partition: int32(p), Committed: -1, End: -1}
			err := within(ctx, func() error {
				ch, err := conn.Channel()
				if err != nil {
					return err
				}
				n, isThere, err := Count(ch, queueName(cfg, topic, p))
				if l.Lag = int64(n); err == nil && !isThere {
					err = fmt.Errorf("there is no queue %q: the service makes it when it starts", queueName(cfg, topic, p))
				}
				_ = ch.Close()
				return err
			})
			if err != nil {
				errs = append(errs, err)
				continue
			}
			all = append(all, l)
		}
	}
	return all, errors.Join(errs...)
}

// Settle returns once the queue has in its log what was acknowledged on the channel, after
// which that may go.
func Settle(ch *amqp.Channel, queue string) error { return settle(ch, queue) }

// Within calls f, which ends when its connection does, and waits no longer than ctx.
func Within(ctx context.Context, f func() error) error { return within(ctx, f) }
