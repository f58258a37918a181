package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/IBM/sarama"
)

// consume connects and consumes, again and again until ctx ends. What only a
// person can mend comes back as an error.
func (c *Consumer) consume(ctx context.Context) error {
	defer c.setState(errStopped)
	b := newBackoff()
	for ctx.Err() == nil {
		began := time.Now()
		err := c.connectAndConsume(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case isFatal(err):
			return err
		}
		if time.Since(began) > settled {
			b = newBackoff()
		}
		delay, _ := b.Next()
		if err != nil {
			c.setState(err)
			c.log.Warn("Kafka is not usable, trying again", "brokers", c.cfg.Brokers, "error", err, "in", delay.Round(time.Millisecond))
		}
		sleep(ctx, delay)
	}
	return nil
}

// connectAndConsume makes what is needed for consuming and consumes until the
// group's connection is lost for good or ctx ends.
func (c *Consumer) connectAndConsume(ctx context.Context) (err error) {
	sc, err := clientConfig(c.cfg)
	if err != nil {
		return fatal(err)
	}
	client, err := connected(ctx, func() (sarama.Client, error) { return sarama.NewClient(c.cfg.Brokers, sc) })
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, closing(client)) }()

	// A client of its own for questions: they do not wait behind fetches.
	admin, err := connected(ctx, func() (sarama.ClusterAdmin, error) { return newAdmin(c.cfg) })
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, closing(admin)) }()
	group, err := sarama.NewConsumerGroupFromClient(c.cfg.GroupID, client)
	if err != nil {
		return fmt.Errorf("join group %q: %w", c.cfg.GroupID, err)
	}
	defer func() { err = errors.Join(err, closing(group)) }()
	go c.readErrors(group)
	return c.joinUntil(ctx, &session{consumer: c, client: client, group: group, admin: admin})
}

// connected returns what connect does, or the error of ctx when that ends first.
// What comes after that is closed: a broker that takes a connection and does not
// answer holds connect up for several times KAFKA_READ_TIMEOUT.
func connected[T io.Closer](ctx context.Context, connect func() (T, error)) (T, error) {
	type answer struct {
		to  T
		err error
	}
	done := make(chan answer)
	go func() {
		var a answer
		a.to, a.err = connect()
		select {
		case done <- a:
		case <-ctx.Done():
			if a.err == nil {
				_ = closing(a.to) // nobody is there to be told
			}
		}
	}()
	select {
	case a := <-done:
		return a.to, a.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// settled is how long something works before its failure counts as a new one.
const settled = 10 * time.Second

// joinUntil joins the group again after each of its sessions: sarama ends one
// at every rebalance, with a nil error.
func (c *Consumer) joinUntil(ctx context.Context, s *session) error {
	b := newBackoff()
	for ctx.Err() == nil {
		began := time.Now()
		err := c.join(ctx, s)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // what fails because the service stops is no failure
		case errors.Is(err, sarama.ErrClosedConsumerGroup), isFatal(err):
			return err
		case errors.Is(err, sarama.ErrFencedInstancedId):
			return fatal(fmt.Errorf("another member of group %q uses KAFKA_GROUP_INSTANCE_ID %q: give each its own: %w", c.cfg.GroupID, c.cfg.InstanceID, err))
		case err != nil:
			c.setState(err)
			c.log.Warn("the group's session failed, joining again", "group", c.cfg.GroupID, "error", err)
		}
		if time.Since(began) > settled {
			b = newBackoff()
		}
		if err != nil || time.Since(began) < time.Second {
			delay, _ := b.Next()
			sleep(ctx, delay)
		}
	}
	return nil
}

// join makes sure of the topics, which may be gone since the last session, and
// is a member of the group until that session ends.
func (c *Consumer) join(ctx context.Context, s *session) error {
	deadLetters := c.cfg.ErrorPolicy == "dead-letter" // the other policies write none
	err := within(ctx, func() error { return ensureTopics(ctx, s.admin, c.registry.Topics(), deadLetters, c.log) })
	if err != nil {
		return err
	}
	err = s.consume(ctx, c.registry.Topics())
	if err != nil && ctx.Err() == nil {
		// Sarama goes on asking a coordinator that is gone until it learns,
		// much later, that the whole broker is.
		_ = within(ctx, func() error { return s.client.RefreshCoordinator(c.cfg.GroupID) }) // err is what is wrong
	}
	return err
}

// consume is a member of the group until its session ends, and gives up joining
// when ctx ends first: a join takes as long as another member drains, or a broker
// hangs, and knows no context.
func (s *session) consume(ctx context.Context, topics []string) error {
	done := make(chan error, 1)
	go func() { done <- s.group.Consume(ctx, topics, s) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	if s.giveUp() {
		return ctx.Err() // closing the group leaves it, if it is joined soon
	}
	return <-done // its claims drain
}
