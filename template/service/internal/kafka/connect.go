package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// connectPolicy says how long to wait between attempts to reach a broker.
var connectPolicy = message.RetryPolicy{Kind: message.RetryExponential, Delay: 100 * time.Millisecond, MaxDelay: 10 * time.Second}

// stableAfter is how long a session lasts before its failure counts as a new one.
const stableAfter = 10 * time.Second

// keepConsuming connects, joins the group and consumes, again after each session
// and each failure, until ctx ends. What only a person can correct is an error.
func (c *Consumer) keepConsuming(ctx context.Context) error {
	defer func() { c.setConsuming(); c.setState(errStopped) }()
	var conn *connection
	defer func() { conn.close() }()
	delays := connectPolicy.Backoff()
	for ctx.Err() == nil {
		began := time.Now()
		var err error
		if conn == nil {
			conn, err = c.connect(ctx)
		}
		if err == nil {
			err = c.consumeSession(ctx, conn)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case message.OutcomeOf(err) == message.OutcomePermanent:
			return err
		case errors.Is(err, sarama.ErrFencedInstancedId):
			return fmt.Errorf("another member of group %q uses KAFKA_GROUP_INSTANCE_ID %q: give each its own: %w", c.cfg.GroupID, c.cfg.InstanceID, err)
		case errors.Is(err, sarama.ErrClosedConsumerGroup):
			conn.close()
			conn = nil
		}
		worked := time.Since(began)
		if worked > stableAfter {
			delays = connectPolicy.Backoff()
		}
		if err == nil && worked > time.Second {
			continue // a rebalance
		}
		delay, _ := delays.Next()
		if err != nil {
			c.setAway(err)
			c.log.Warn("not consuming, retrying", "brokers", c.cfg.Brokers, "group", c.cfg.GroupID, "error", err, "delay", delay.Round(time.Millisecond))
		}
		sleep(ctx, delay)
	}
	return nil
}

// connection is what consuming needs of a cluster.
type connection struct {
	client sarama.Client
	admin  *kadm.Client // of its own connections: questions do not wait behind fetches
	group  sarama.ConsumerGroup
}

func (c *Consumer) connect(ctx context.Context) (*connection, error) {
	c.setState(errConnecting)
	conn, err := await(ctx, func() (*connection, error) { return open(c.cfg) }, (*connection).close)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	go c.readErrors(conn.group)
	return conn, nil
}

// open connects to the cluster.
func open(cfg config.Kafka) (_ *connection, err error) {
	sc, err := clientConfig(cfg)
	if err != nil {
		return nil, message.Permanent(err)
	}
	conn := &connection{}
	defer func() {
		if err != nil {
			conn.close()
		}
	}()
	if conn.client, err = sarama.NewClient(cfg.Brokers, sc); err != nil {
		return nil, err
	}
	if conn.admin, err = newAdmin(cfg); err != nil {
		return nil, err
	}
	conn.group, err = sarama.NewConsumerGroupFromClient(cfg.GroupID, conn.client)
	return conn, err
}

// closingTimeout bounds how long it may take to disconnect.
const closingTimeout = 3 * time.Second

// close leaves the group and disconnects. Its errors would only say that a broker
// does not answer, or that something was closed before.
func (conn *connection) close() {
	if conn == nil {
		return
	}
	_ = withTimeout(closingTimeout, func() error {
		if conn.group != nil {
			_ = conn.group.Close()
		}
		if conn.client != nil {
			_ = conn.client.Close()
		}
		if conn.admin != nil {
			conn.admin.Close()
		}
		return nil
	})
}

// consumeSession makes sure of the topics, which may be gone since the last
// session, and is a member of the group until the session ends.
func (c *Consumer) consumeSession(ctx context.Context, conn *connection) error {
	c.setState(fmt.Errorf("joining the group: another member's session may have to end first, at most %v", c.cfg.SessionTimeout))
	wanted := topics{subscribed: c.registry.Topics(), published: c.registry.PublishedTopics(), deadLetters: c.cfg.ErrorPolicy == "dead-letter"}
	if err := wanted.ensure(ctx, conn.admin, c.log); err != nil {
		return err
	}
	s := &session{consumer: c, connection: conn}
	err := s.consume(ctx)
	if err != nil && ctx.Err() == nil {
		// Sarama keeps asking a coordinator that is gone until it learns, much
		// later, that the whole broker is.
		_ = within(ctx, func() error { return conn.client.RefreshCoordinator(c.cfg.GroupID) }) // err is what is wrong
	}
	return err
}

// await returns what call returns, or the error of ctx when that ends first: the
// client's calls know no context, and one to a broker that hangs takes as long as
// KAFKA_READ_TIMEOUT. What comes too late is given to discard.
func await[T any](ctx context.Context, call func() (T, error), discard func(T)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer)
	go func() {
		value, err := call()
		select {
		case answers <- answer{value, err}:
		case <-ctx.Done():
			if err == nil {
				discard(value)
			}
		}
	}()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// within is await for a call that returns only an error.
func within(ctx context.Context, call func() error) error {
	_, err := await(ctx, func() (struct{}, error) { return struct{}{}, call() }, func(struct{}) {})
	return err
}

func withTimeout(d time.Duration, call func() error) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return within(ctx, call)
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
