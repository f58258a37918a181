package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/semaphore"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// connectPolicy says how long to wait between attempts to start and to consume.
var connectPolicy = message.RetryPolicy{Kind: message.RetryExponential, Delay: 100 * time.Millisecond, MaxDelay: 10 * time.Second}

// stableAfter is how long a session lasts before its failure counts as a new one.
const stableAfter = 10 * time.Second

// Run starts the codecs and the handlers and consumes until ctx ends. Then it
// drains: what runs may finish, what is done is committed, the handlers are shut
// down, and Run returns nil. While Kafka is unavailable it keeps trying, and so it
// does while a start says with message.Unavailable that something else is. It
// returns an error when a handler does not start, when a dead letter topic cannot be
// had, or when the error policy stops the service. A consumer runs once.
func (c *Consumer) Run(ctx context.Context) (err error) {
	if c.ran.Swap(true) {
		return errors.New("consumer was run already: make a new one")
	}
	var drain drain
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), drain.remaining(c.cfg.DrainTimeout))
		defer cancel()
		err = errors.Join(err, c.registry.Shutdown(ctx))
	}()
	if err := c.startup(ctx); err != nil {
		if ctx.Err() != nil && (message.OutcomeOf(err) == message.OutcomeUnavailable || errors.Is(err, context.Canceled)) {
			c.log.Info("stopped before it had started", "error", err)
			return nil
		}
		return err
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	context.AfterFunc(ctx, drain.begin)
	stopped := make(chan error, 1)
	engineCtx, stopEngine := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		stopped <- c.engine.Run(engineCtx)
		cancel()
	}()
	err = c.keepConsuming(ctx)
	stopEngine()
	err = errors.Join(err, <-stopped)
	if n := c.unfinished.Load(); n > 0 {
		c.log.Warn("stopped with work left: it will be delivered again", "group", c.cfg.GroupID, "partitions", n)
	} else if err == nil {
		c.log.Info("stopped, all committed", "group", c.cfg.GroupID)
	}
	return err
}

// startup starts the registry, again while what it needs is unavailable.
func (c *Consumer) startup(ctx context.Context) error {
	delays := connectPolicy.Backoff()
	for {
		err := c.registry.Startup(ctx)
		if err == nil || ctx.Err() != nil || message.OutcomeOf(err) != message.OutcomeUnavailable {
			return err
		}
		delay, _ := delays.Next()
		c.setState(err)
		c.log.Warn("start failed, retrying", "error", err, "delay", delay.Round(time.Millisecond))
		sleep(ctx, delay)
	}
}

// keepConsuming joins the group and consumes, again after each session and each
// failure, until ctx ends. What only a person can correct is an error.
func (c *Consumer) keepConsuming(ctx context.Context) error {
	defer c.setUnavailable(errStopped) // whatever it was before
	conn, err := open(c.cfg)
	if err != nil {
		return err
	}
	defer conn.close()
	go c.readErrors(conn.group.Errors())
	delays := connectPolicy.Backoff()
	for {
		began := time.Now()
		err := c.consumeSession(ctx, conn)
		switch {
		case ctx.Err() != nil:
			return nil
		case message.OutcomeOf(err) == message.OutcomePermanent:
			return err
		case errors.Is(err, sarama.ErrFencedInstancedId):
			return fmt.Errorf("another member of group %q uses KAFKA_GROUP_INSTANCE_ID %q: give each its own: %w", c.cfg.GroupID, c.cfg.InstanceID, err)
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
			c.setUnavailable(err)
			c.log.Warn("not consuming, retrying", "brokers", c.cfg.Brokers, "group", c.cfg.GroupID, "error", err, "delay", delay.Round(time.Millisecond))
		}
		sleep(ctx, delay)
	}
}

// consumeSession makes sure of the topics, which may be gone since the last
// session, and is a member of the group until the session ends.
func (c *Consumer) consumeSession(ctx context.Context, conn *connection) error {
	wanted := topics{subscribed: c.registry.Topics(), published: c.registry.PublishedTopics(), deadLetters: c.cfg.ErrorPolicy == "dead-letter"}
	if err := wanted.ensure(ctx, conn.admin, c.log); err != nil {
		return err
	}
	c.setState(fmt.Errorf("joining the group: another member's session may have to end first, at most %v", c.cfg.SessionTimeout))
	s := &session{consumer: c, connection: conn, commits: semaphore.NewWeighted(1)}
	return s.consume(ctx)
}

// readErrors reads the group's errors until it closes: unread, they would be
// dropped. While a broker is unavailable there are several a second, all alike, so
// the first and the end are logged.
func (c *Consumer) readErrors(errs <-chan error) {
	var began, until time.Time
	over := time.NewTimer(0)
	for {
		select {
		case err, ok := <-errs:
			if !ok {
				return
			}
			if t := time.Now().Add(c.nextErrorWithin(err)); t.After(until) {
				until = t
			}
			c.mu.Lock()
			c.trouble = trouble{err, until}
			c.mu.Unlock()
			over.Reset(time.Until(until))
			if began.IsZero() {
				began = time.Now()
				c.log.Warn("consuming has trouble, retrying", "group", c.cfg.GroupID, "error", err)
			}
		case <-over.C:
			if !began.IsZero() && c.Ready() == nil {
				c.log.Info("consuming again", "group", c.cfg.GroupID, "after", time.Since(began).Round(time.Millisecond))
			}
			began = time.Time{}
		}
	}
}

// nextErrorWithin returns within what time another error follows err unless the
// trouble is over. A fetch that failed is tried again every fetchBackoff; a broker
// that does not answer fails it only after as long as it is waited for.
func (c *Consumer) nextErrorWithin(err error) time.Duration {
	within := 3 * fetchBackoff
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		within += max(c.cfg.ReadTimeout, dialTimeout)
	}
	return within
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
