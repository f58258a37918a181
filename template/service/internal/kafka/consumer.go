package kafka

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

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
	trouble    atomic.Pointer[trouble] // nil before the first
	unfinished atomic.Int64            // partitions that the last session gave back with work left

	mu        sync.Mutex
	state     error     // why the consumer is not ready, nil when it is
	awaySince time.Time // zero while Kafka is usable
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
// for good go to the dead letters by sender. It connects when it runs.
func NewConsumer(cfg config.Kafka, registry *message.Registry, sender message.Sender, log *slog.Logger) (*Consumer, error) {
	if len(registry.Topics()) == 0 {
		return nil, errors.New("no topic has a handler: register one with message.Register")
	}
	if err := cfg.RequireGroup(); err != nil {
		return nil, err
	}
	saramaLogger.Store(log)
	c := &Consumer{cfg: cfg, registry: registry, log: log, state: errConnecting}
	c.engine = engine.New(engineConfig(cfg), registry, NewDeadLetters(sender, cfg.GroupID), (*source)(c), log)
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
	if c.state != nil {
		return c.state
	}
	if t := c.trouble.Load(); t != nil && time.Since(t.at) < troubleLasts {
		return t.err
	}
	return c.engine.Ready()
}

// setState sets why the consumer is not ready. While Kafka is away, the error that
// said so stays: it says more than the next step.
func (c *Consumer) setState(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.awaySince.IsZero() {
		c.state = err
	}
}

// setAway notes that Kafka is not usable because of err.
func (c *Consumer) setAway(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state = err; c.awaySince.IsZero() {
		c.awaySince = time.Now()
	}
}

// setConsuming notes that a session began, and returns how long Kafka was not
// usable before it.
func (c *Consumer) setConsuming() (away time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.awaySince.IsZero() {
		away = time.Since(c.awaySince).Round(time.Millisecond)
	}
	c.state, c.awaySince = nil, time.Time{}
	return away
}

// Run starts the codecs and the handlers and consumes until ctx ends. Then it
// drains: what runs may finish, what is done is committed, the handlers are shut
// down, and Run returns nil. While Kafka is away it keeps trying, and so it does
// while a start says with message.Unavailable that something else is. It returns
// an error when a handler does not start, when a dead letter topic cannot be had,
// or when the error policy stops the service. A consumer runs once.
func (c *Consumer) Run(ctx context.Context) (err error) {
	if c.ran.Swap(true) {
		return errors.New("consumer was run already: make a new one")
	}
	var end ending
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), end.left(c.cfg.DrainTimeout))
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
	context.AfterFunc(ctx, end.begin)
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

// startup starts the registry, again while what it needs is away.
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

// troubleLasts is for how long an error of the group's says that it has trouble.
// Fetches that fail are tried again, and fail again, more often.
const troubleLasts = 3 * fetchBackoff

// trouble is the last error of the group's.
type trouble struct {
	err error
	at  time.Time
}

// readErrors reads the group's errors until it closes: unread, they would be
// dropped, and with them every word of a failed commit. While a broker is away
// there are several a second, all alike, so the first and the end are logged.
func (c *Consumer) readErrors(group sarama.ConsumerGroup) {
	var began time.Time
	over := time.NewTimer(troubleLasts)
	for {
		select {
		case err, ok := <-group.Errors():
			if !ok {
				return
			}
			c.trouble.Store(&trouble{err, time.Now()})
			over.Reset(troubleLasts)
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

// ending is the end of a service, from the signal to stop. The consumer and the
// publisher share the time of one drain in it.
type ending struct {
	once  sync.Once
	began time.Time
}

func (e *ending) begin() { e.once.Do(func() { e.began = time.Now() }) }

// left returns what is left of a drain, which begins now if it has not yet.
// However late, there is some time to disconnect.
func (e *ending) left(drain time.Duration) time.Duration {
	e.begin()
	return max(drain-time.Since(e.began), min(drain, closingTimeout))
}
