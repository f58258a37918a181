package rabbitmq

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

const (
	hashExchange = "x-consistent-hash"
	// deliveryLimit is how often the broker may deliver a message: it gives one up after
	// 20 times by itself, in quorum queues of RabbitMQ 4. Retries are the engine's.
	deliveryLimit = 1_000_000_000
	temporary     = 24 * time.Hour // is for how long a temporary queue that nobody uses stays
	maxShortText  = 255            // bytes of a routing key, a property, or a header's name
)

// queueName returns the queue of a topic's partition.
func queueName(cfg config.RabbitMQ, topic string, partition int) string {
	if cfg.Partitions > 1 {
		topic += "-" + strconv.Itoa(partition)
	}
	return cfg.QueuePrefix + topic
}

// route returns where a message goes. Keys that begin with the same 255 bytes are in one
// partition; those of no key are in any.
func route(cfg config.RabbitMQ, m *message.Message) address {
	switch name := cfg.QueuePrefix + m.Topic; {
	case cfg.Partitions == 1, strings.HasSuffix(m.Topic, deadletter.Suffix):
		return address{topic: m.Topic, key: name}
	case m.Key == nil:
		return address{m.Topic, name, strconv.FormatUint(rand.Uint64(), 36)} //nolint:gosec // no secret
	default:
		return address{m.Topic, name, string(m.Key[:min(len(m.Key), maxShortText)])}
	}
}

// DeclareTopic makes the queue of a topic's partition, what leads to it, and the queue of
// its dead letters, or checks that they are there.
func DeclareTopic(ch *amqp.Channel, cfg config.RabbitMQ, topic string, partition int) error {
	letters := address{key: cfg.QueuePrefix + deadletter.Topic(topic)}
	queue, exchange := address{key: queueName(cfg, topic, partition)}, address{exchange: cfg.QueuePrefix + topic}
	if cfg.Declare == "check" {
		return checkTopic(ch, cfg, queue, letters, exchange)
	}
	if err := declareQueue(ch, cfg, letters, amqp.Table{}); err != nil {
		return err
	}
	// What dies in the broker, such as what expires, becomes a dead letter too.
	arguments := amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": letters.key, "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}
	if cfg.Ordering != "none" {
		arguments["x-single-active-consumer"] = true
	}
	if err := declareQueue(ch, cfg, queue, arguments); err != nil || cfg.Partitions == 1 {
		return err
	}
	err := ch.ExchangeDeclare(exchange.exchange, hashExchange, true, false, false, false, nil)
	if codeOf(err) == amqp.CommandInvalid {
		return message.Permanent(fmt.Errorf("RABBITMQ_PARTITIONS=%d needs the exchange type %s: %w: run rabbitmq-plugins enable rabbitmq_consistent_hash_exchange at the broker", cfg.Partitions, hashExchange, err))
	}
	if err != nil {
		return refused(exchange, err)
	}
	if err := ch.QueueBind(queue.key, "1", exchange.exchange, false, nil); err != nil { // "1" is its weight
		return refused(queue, err)
	}
	return nil
}

// checkTopic checks that what is needed is there, whatever it is like.
func checkTopic(ch *amqp.Channel, cfg config.RabbitMQ, queue, letters, exchange address) error {
	needed := []address{queue}
	if cfg.ErrorPolicy == "dead-letter" {
		needed = append(needed, letters)
	}
	if cfg.Partitions > 1 {
		needed = append(needed, exchange)
	}
	for _, a := range needed {
		if err := a.look(ch); err != nil {
			return fmt.Errorf("%w: create it, or have the service do so with RABBITMQ_DECLARE=declare", refused(a, err))
		}
	}
	return nil
}

// look returns an error if a's exchange or queue is not there, with which the channel ends.
func (a address) look(ch *amqp.Channel) error {
	if a.exchange != "" {
		return ch.ExchangeDeclarePassive(a.exchange, hashExchange, true, false, false, false, nil)
	}
	_, err := ch.QueueDeclarePassive(a.key, true, false, false, false, nil)
	return err
}

func declareQueue(ch *amqp.Channel, cfg config.RabbitMQ, queue address, arguments amqp.Table) error {
	arguments["x-queue-type"], arguments["x-delivery-limit"] = "quorum", int64(deliveryLimit)
	if cfg.Temporary {
		arguments["x-expires"] = temporary.Milliseconds()
	}
	if _, err := ch.QueueDeclare(queue.key, true, false, false, false, arguments); err != nil {
		return refused(queue, err)
	}
	return nil
}

// refused explains why a queue or an exchange cannot be had. What only a person can
// correct is permanent.
func refused(a address, err error) error {
	if codeOf(err) == amqp.PreconditionFailed {
		return message.Permanent(fmt.Errorf("%s is there and was made otherwise: %w: change the setting (ORDERING decides x-single-active-consumer), set RABBITMQ_DECLARE=check to take it as it is, or delete it once it is empty, and the service makes it anew", a, err))
	}
	return fmt.Errorf("%s: %w", a, err)
}

// checkPartitions refuses a topic that was made with another number of partitions, as far
// as that leaves queues that nobody would read.
func checkPartitions(conn *amqp.Connection, cfg config.RabbitMQ, topic string) error {
	single := cfg.QueuePrefix + topic
	others := []string{single, fmt.Sprintf("%s-%d", single, cfg.Partitions)}
	if cfg.Partitions == 1 {
		others = []string{single + "-0"}
	}
	for _, name := range others {
		ch, err := conn.Channel() // which ends with the answer that there is no such queue
		if err != nil {
			return err
		}
		q, err := ch.QueueDeclarePassive(name, true, false, false, false, nil)
		_ = ch.Close()
		if err == nil {
			return message.Permanent(fmt.Errorf("queue %q is there, with %d messages: with RABBITMQ_PARTITIONS=%d nobody reads it: set the number that topic %q was made with, or delete the queue once it is empty", name, q.Messages, cfg.Partitions, topic))
		}
		if codeOf(err) != amqp.NotFound {
			return refused(address{key: name}, err)
		}
	}
	return nil
}
