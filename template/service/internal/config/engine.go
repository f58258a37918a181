package config

import "time"

// Engine holds the settings of the engine, which runs the handlers, whatever the broker.
type Engine struct {
	MaxWorkers     int    `env:"MAX_WORKERS" envDefault:"16" validate:"min=1,max=100000" help:"handlers that run at once, over all partitions; of several partitions none has more than half"`
	Ordering       string `env:"ORDERING" envDefault:"key" validate:"oneof=key partition none" help:"which messages wait for each other: those of one key, of one partition, or none"`
	MaxPollRecords int    `env:"MAX_POLL_RECORDS" also:"max.poll.records" envDefault:"4096" validate:"min=1,max=1000000" help:"messages of one partition held in memory before its fetching pauses"`
	MaxBufferBytes int64  `env:"MAX_BUFFER_BYTES" envDefault:"268435456" validate:"min=1024,max=1099511627776" help:"bytes of all partitions held in memory before fetching pauses; one compressed batch may become as many, or 64 MiB"`

	ErrorPolicy      string        `env:"ERROR_POLICY" envDefault:"dead-letter" validate:"oneof=dead-letter retry skip continue stop" help:"what becomes of a message that failed for good (continue means skip); only dead-letter needs the .dlq topics"`
	RetryPolicy      string        `env:"RETRY_POLICY" envDefault:"exponential" validate:"oneof=exponential fibonacci fixed" help:"how the delays between attempts grow"`
	RetryMaxAttempts int           `env:"RETRY_MAX_ATTEMPTS" envDefault:"5" validate:"min=1,max=1000000" help:"attempts, the first included, before the error policy decides"`
	RetryDelay       time.Duration `env:"RETRY_DELAY" envDefault:"100ms" validate:"min=1ms,max=1h" help:"delay before the second attempt"`
	RetryMaxDelay    time.Duration `env:"RETRY_MAX_DELAY" envDefault:"10s" validate:"min=1ms,max=24h" help:"the longest delay between two attempts"`

	CommitInterval time.Duration `env:"COMMIT_INTERVAL" also:"auto.commit.interval.ms" envDefault:"1s" validate:"min=10ms,max=1m" help:"time between two commits; what was handled since the last comes again after a crash"`
	DrainTimeout   time.Duration `env:"DRAIN_TIMEOUT" envDefault:"15s" validate:"min=10ms,max=10m" help:"time for running handlers to end on shutdown or when a partition moves"`
	HandlerTimeout time.Duration `env:"HANDLER_TIMEOUT" envDefault:"30s" validate:"min=0s,max=24h" help:"when a handler's context ends; 0s is never"`
	StuckAfter     time.Duration `env:"STUCK_AFTER" envDefault:"5m" validate:"min=0s,max=24h" help:"when a handler that does not return fails /livez; 0s is never"`
}

// Publish holds the settings of the publisher, whatever the broker.
type Publish struct {
	PublishRetryPolicy      string        `env:"PUBLISH_RETRY_POLICY" envDefault:"exponential" validate:"oneof=exponential fibonacci fixed" help:"how the delays between attempts to publish grow"`
	PublishRetryMaxAttempts int           `env:"PUBLISH_RETRY_MAX_ATTEMPTS" envDefault:"0" validate:"min=0,max=1000000" help:"attempts to publish, the first included; 0 is as many as PUBLISH_TIMEOUT has time for"`
	PublishRetryDelay       time.Duration `env:"PUBLISH_RETRY_DELAY" also:"retry.backoff.ms" envDefault:"100ms" validate:"min=1ms,max=1h" help:"delay before the second attempt to publish"`
	PublishRetryMaxDelay    time.Duration `env:"PUBLISH_RETRY_MAX_DELAY" also:"retry.backoff.max.ms" envDefault:"5s" validate:"min=1ms,max=24h" help:"the longest delay between two attempts to publish"`
	PublishTimeout          time.Duration `env:"PUBLISH_TIMEOUT" also:"delivery.timeout.ms message.timeout.ms" envDefault:"5m" validate:"min=1ms,max=24h" help:"when an event that cannot be published comes back as an error"`
}

// checkEngine refuses settings that do not fit together.
func (s *scope) checkEngine(e *Engine) {
	if e.ErrorPolicy == "continue" { // the word of other libraries
		e.ErrorPolicy = "skip"
	}
	s.require(e.RetryDelay <= e.RetryMaxDelay, "RETRY_DELAY", "must be at most RETRY_MAX_DELAY (%v)", e.RetryMaxDelay)
	s.require(e.StuckAfter == 0 || e.StuckAfter > e.HandlerTimeout, "STUCK_AFTER", "must be more than HANDLER_TIMEOUT (%v), or 0s", e.HandlerTimeout)
}

// checkPublish refuses settings that do not fit together.
func (s *scope) checkPublish(p Publish) {
	s.require(p.PublishRetryDelay <= p.PublishRetryMaxDelay, "PUBLISH_RETRY_DELAY", "must be at most PUBLISH_RETRY_MAX_DELAY (%v)", p.PublishRetryMaxDelay)
}
