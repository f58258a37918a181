//go:build rabbitmq

// Package embedded leads `make dev` and tests to a RabbitMQ that is there, for none runs
// inside a process. Their queues have names of their own and end with them.
package embedded

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/rabbitmq"
)

// What those who look for the broker know of it.
const (
	Port       = 5672           // where clients look for RabbitMQ by default
	Address    = "RABBITMQ_URL" // the setting that says where the broker is
	Partitions = 1              // of each topic that CreateTopics creates
)

const startTimeout = 1500 * time.Millisecond

var (
	created sync.Map     // the topics that CreateTopics created, by the broker's whole URL
	offset  atomic.Int64 // of the last message that Send sent
)

func init() { offset.Store(time.Now().UnixNano()) } // no message of another process has it

// Start finds the broker of RABBITMQ_URL, or else that of this machine. It returns its
// URL without user and password and with, behind #, what begins the names of queues of
// the caller's own, and what deletes them.
func Start(int) (broker string, stop func(), err error) {
	u, err := url.Parse(cmp.Or(os.Getenv(Address), fmt.Sprintf("amqp://127.0.0.1:%d/", Port)))
	if err != nil {
		return "", nil, errors.New("RABBITMQ_URL is no URL") // the cause has the password in it
	}
	u.User, u.Fragment = nil, "forge-"+strings.ToLower(rand.Text()[:8])+"."
	ctx, cancel := context.WithTimeoutCause(context.Background(), startTimeout, fmt.Errorf("%s does not answer within %v, or user and password are wrong", u.Host, startTimeout))
	defer cancel()
	broker = u.String()
	conn, err := rabbitmq.Connect(ctx, settingsOf(broker), "embedded")
	if err != nil {
		return "", nil, fmt.Errorf("a RabbitMQ is needed: start one with `docker compose up -d rabbitmq` or as the package rabbitmq-server, or set RABBITMQ_URL in the environment (that in .env is the service's own): %w", err)
	}
	_ = conn.Close()
	return broker, func() { deleteTopics(broker) }, nil
}

// Settings lead a service called group to a broker, whatever other settings say of its
// own, and keep nobody waiting.
func Settings(broker, group string) map[string]string {
	return map[string]string{
		Address: urlOf(broker), "SERVICE_NAME": group, "RABBITMQ_PARTITIONS": "1", "RABBITMQ_DECLARE": "declare",
		"RABBITMQ_CA": "", "RABBITMQ_CERT": "", "RABBITMQ_KEY": "",
		"COMMIT_INTERVAL": "50ms", "OPS_ADDR": "127.0.0.1:0", "LOG_LEVEL": "warn",
	}
}

// urlOf returns the whole URL of a broker that may be given as host:port, and without
// user and password: they are those of RABBITMQ_URL, or guest's.
func urlOf(broker string) string {
	if broker != "" && !strings.Contains(broker, "://") {
		broker = "amqp://" + broker + "/"
	}
	u, err := url.Parse(broker)
	if err != nil || u.Host == "" || u.User != nil {
		return broker
	}
	u.User = url.UserPassword("guest", "guest")
	if known, err := url.Parse(os.Getenv(Address)); err == nil && known.User != nil {
		u.User = known.User
	}
	return u.String()
}

// settingsOf returns the settings of a broker.
func settingsOf(broker string) config.RabbitMQ {
	broker = urlOf(broker)
	cfg := config.RabbitMQ{URL: config.Secret(broker), Partitions: Partitions}
	cfg.Ordering, cfg.PublishTimeout = "key", time.Minute
	if u, err := url.Parse(broker); err == nil {
		cfg.QueuePrefix, cfg.Temporary = u.Fragment, u.Fragment != ""
	}
	return cfg
}

// CreateTopics creates the queues of topics at the broker, which may be any, and those of
// their dead letters. Those that exist stay as they are.
func CreateTopics(ctx context.Context, broker string, topics ...string) error {
	return onChannel(ctx, broker, func(ch *amqp.Channel, cfg config.RabbitMQ) error {
		for _, topic := range topics {
			if err := rabbitmq.DeclareTopic(ch, cfg, topic, 0); err != nil {
				return fmt.Errorf("creating topic %s: %w", topic, err)
			}
			before, _ := created.LoadOrStore(urlOf(broker), new(sync.Map))
			before.(*sync.Map).Store(topic, nil) //nolint:forcetypeassert // nothing else is in it
		}
		return nil
	})
}

func deleteTopics(broker string) {
	topics, ok := created.LoadAndDelete(urlOf(broker))
	if !ok {
		return
	}
	_ = onChannel(context.Background(), broker, func(ch *amqp.Channel, cfg config.RabbitMQ) error { // what stays harms nobody
		topics.(*sync.Map).Range(func(topic, _ any) bool { //nolint:forcetypeassert // nothing else is in it
			for _, name := range []string{topic.(string), deadletter.Topic(topic.(string))} { //nolint:forcetypeassert // nothing else is in it
				_, _ = ch.QueueDelete(cfg.QueuePrefix+name, false, false, false)
			}
			return true
		})
		return nil
	})
}

// Send publishes messages in their order, and notes in each where it landed: each has a
// header with the place that consumers then see.
func Send(ctx context.Context, broker string, messages ...*message.Message) error {
	return onChannel(ctx, broker, func(ch *amqp.Channel, cfg config.RabbitMQ) error {
		if err := ch.Confirm(false); err != nil {
			return err
		}
		returned := ch.NotifyReturn(make(chan amqp.Return, 1))
		for _, m := range messages {
			m.Partition, m.Offset = 0, offset.Add(1)
			out, err := rabbitmq.Publishing(m)
			if err != nil {
				return err
			}
			out.Headers[rabbitmq.OffsetHeader] = m.Offset
			if err := publish(ctx, ch, returned, cfg.QueuePrefix+m.Topic, string(m.Key), out); err != nil {
				return err
			}
		}
		return nil
	})
}

// publish publishes to a topic: a queue, or else an exchange of that name before several.
func publish(ctx context.Context, ch *amqp.Channel, returned <-chan amqp.Return, topic, key string, out amqp.Publishing) error {
	for _, to := range [][2]string{{"", topic}, {topic, key}} {
		sent, err := ch.PublishWithDeferredConfirm(to[0], to[1], true, false, out)
		if err != nil {
			return err
		}
		isTaken, err := sent.WaitContext(ctx)
		if err != nil || isTaken && len(returned) == 0 {
			return err
		}
		if len(returned) == 0 { // it is full, or the channel ended: there is no exchange either
			break
		}
		<-returned
	}
	return fmt.Errorf("there is no queue %q that takes messages, nor an exchange before several", topic)
}

// Read returns the first n messages of a topic that no service handles, or fewer when ctx
// ends before. They stay where they are.
func Read(ctx context.Context, broker, topic string, n int) (all []*message.Message, err error) {
	err = onChannel(ctx, broker, func(ch *amqp.Channel, cfg config.RabbitMQ) error {
		deliveries, err := ch.ConsumeWithContext(ctx, cfg.QueuePrefix+topic, "", false, false, false, false, nil)
		if err != nil {
			return err
		}
		for len(all) < n {
			d, ok := <-deliveries
			if !ok {
				return nil
			}
			m := rabbitmq.Received(&d, cfg.QueuePrefix+topic)
			m.Topic, m.Offset = topic, int64(len(all))
			all = append(all, &m)
		}
		return nil
	})
	return all, err
}

// onChannel calls f with a channel of its own. What f got and did not acknowledge goes
// back to its queue.
func onChannel(ctx context.Context, broker string, f func(*amqp.Channel, config.RabbitMQ) error) error {
	cfg := settingsOf(broker)
	conn, err := rabbitmq.Connect(ctx, cfg, "embedded")
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	return f(ch, cfg)
}
