package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Consumer takes messages from the registry's topics as a member of a consumer
// group and has them handled. It commits a message only when it is done.
type Consumer struct {
	cfg      config.Kafka
	registry *message.Registry
	engine   *engine.Engine
	log      *slog.Logger

	ran        atomic.Bool
	session    atomic.Pointer[session] // the present one, nil between sessions
	unfinished atomic.Int64            // partitions that the last session ended with work left in

	mu        sync.Mutex
	state     error     // why the consumer does not consume, nil when it does
	downSince time.Time // zero while Kafka is available
	trouble   trouble
}

// trouble is the last error of the group's.
type trouble struct {
	err   error
	until time.Time // when it is over, if no other follows
}

// The states before the first session and after the last.
var (
	errConnecting = errors.New("not connected to Kafka yet")
	errStopped    = errors.New("stopped")
)

const (
	// maxUncommitted is how many times KAFKA_MAX_POLL_RECORDS may be done beyond
	// a message that is not. It bounds what is handled twice after a crash.
	maxUncommitted = 4
	// commitRecords brings a commit forward before its interval has passed.
	commitRecords = 50_000
)

// NewConsumer returns a consumer for the registry's topics. Messages that fail
// for good go to the dead letters by publisher. It connects when it runs.
func NewConsumer(cfg config.Kafka, registry *message.Registry, publisher *Publisher, log *slog.Logger) (*Consumer, error) {
	if len(registry.Topics()) == 0 {
		return nil, errors.New("no topic has a handler: register one with message.Register")
	}
	if cfg.GroupID == "" {
		return nil, errors.New("KAFKA_GROUP_ID is not set: a consumer needs a group")
	}
	setUpSarama(log)
	c := &Consumer{cfg: cfg, registry: registry, log: log, state: errConnecting}
	c.engine = engine.New(engineConfig(cfg), registry, NewDeadLetters(publisher.Send, cfg.GroupID), c.commit, log)
	return c, nil
}

func engineConfig(cfg config.Kafka) engine.Config {
	return engine.Config{
		Ordering: engine.Ordering(cfg.Ordering), MaxWorkers: cfg.MaxWorkers, ErrorPolicy: engine.ErrorPolicy(cfg.ErrorPolicy),
		Retry: message.RetryPolicy{
			Kind: message.RetryKind(cfg.RetryPolicy), MaxAttempts: cfg.RetryMaxAttempts, Delay: cfg.RetryDelay, MaxDelay: cfg.RetryMaxDelay,
		},
		MaxPollRecords: cfg.MaxPollRecords, MaxBytes: cfg.MaxBufferBytes, MaxUncommitted: maxUncommitted * cfg.MaxPollRecords,
		CommitInterval: cfg.CommitInterval, CommitRecords: commitRecords,
		DrainTimeout: cfg.DrainTimeout, HandlerTimeout: cfg.HandlerTimeout, StuckAfter: cfg.StuckAfter,
	}
}

// Name returns the consumer's group.
func (c *Consumer) Name() string { return c.cfg.GroupID }

// Observe makes f see what happens to every message. It is called before Run.
func (c *Consumer) Observe(f func(engine.Event)) { c.engine.Observe(f) }

// Stats returns the engine's present figures.
func (c *Consumer) Stats() engine.Stats { return c.engine.Stats() }

// Live returns an error when only a restart can help.
func (c *Consumer) Live() error { return c.engine.Live() }

// Ready returns why the consumer does not consume at present, nil when it does.
func (c *Consumer) Ready() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.state != nil:
		return c.state
	case time.Now().Before(c.trouble.until):
		return c.trouble.err
	}
	return c.engine.Ready()
}

// setState sets why the consumer does not consume. While Kafka is unavailable, the
// error that said so stays: it says more than the next step.
func (c *Consumer) setState(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.downSince.IsZero() {
		c.state = err
	}
}

// setUnavailable notes that Kafka is not available because of err.
func (c *Consumer) setUnavailable(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state = err; c.downSince.IsZero() {
		c.downSince = time.Now()
	}
}

// begin notes that a session began.
func (c *Consumer) begin(s *session) {
	c.session.Store(s)
	c.unfinished.Store(0)
	attrs := []any{"group", c.cfg.GroupID, "member", s.sarama.MemberID(), "generation", s.sarama.GenerationID(), "partitions", s.sarama.Claims()}
	c.mu.Lock()
	defer c.mu.Unlock()
	text := "consuming"
	if !c.downSince.IsZero() {
		text, attrs = "consuming again", append(attrs, "after", time.Since(c.downSince).Round(time.Millisecond))
	}
	c.state, c.downSince = nil, time.Time{}
	c.log.Info(text, attrs...)
}

// end notes that the session ended.
func (c *Consumer) end(cause error) {
	c.session.Store(nil)
	c.setState(errors.New("partitions are being assigned anew"))
	c.log.Info("session ended", "group", c.cfg.GroupID, "cause", cause)
}

// errNoSession is what the engine gets when it commits between sessions. Claims
// have committed when they ended, so this is a skipped commit, not a failure.
var errNoSession = fmt.Errorf("not a member of the group at present: %w", context.Canceled)

// commit commits what the engine has marked.
func (c *Consumer) commit(ctx context.Context) error {
	if current := c.session.Load(); current != nil {
		return current.commit(ctx, nil)
	}
	return errNoSession
}
