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

// Sender writes messages one by one. It is for one goroutine.
type Sender struct {
	Conn *amqp.Connection
	line line // on a channel that is opened when it is first needed
}

// Send writes m where the settings say that its topic is, and returns once the broker has
// confirmed that its queue has it.
func (s *Sender) Send(ctx context.Context, cfg config.RabbitMQ, m *message.Message) error {
	out, err := Publishing(m)
	if err != nil {
		return err
	}
	return s.line.send(ctx, s.Conn, route(cfg, m), out)
}

// DeclareLetters makes or checks the queue of a topic for dead letters.
func DeclareLetters(ch *amqp.Channel, cfg config.RabbitMQ, topic string) error {
	return declareQueue(ch, cfg, address{key: cfg.QueuePrefix + topic}, amqp.Table{})
}

// Count returns how many messages wait in a queue, and whether it is there. The channel
// ends if it is not.
func Count(ch *amqp.Channel, queue string) (n int, isThere bool, err error) {
	q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	if codeOf(err) == amqp.NotFound {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, refused(address{key: queue}, err)
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
	defer Disconnect(conn)
	var errs []error
	for _, topic := range topics {
		for p := range cfg.Partitions {
			l := PartitionLag{Topic: topic, Partition: int32(p), Committed: -1, End: -1}
			err := Within(ctx, func() error {
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
