package engine

import (
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Ordering says which messages wait for each other.
type Ordering string

// The orderings.
const (
	OrderKey       Ordering = "key"       // messages of one key run one after the other; those without a key have no order
	OrderPartition Ordering = "partition" // messages of one lane run one after the other
	OrderNone      Ordering = "none"      // no message waits for another
)

// ErrorPolicy says what becomes of a message that failed for good.
type ErrorPolicy string

// The error policies.
const (
	PolicyDeadLetter ErrorPolicy = "dead-letter" // written to the dead letters, then done
	PolicyRetry      ErrorPolicy = "retry"       // tried again without limit; its key waits
	PolicySkip       ErrorPolicy = "skip"        // logged, counted and done
	PolicyStop       ErrorPolicy = "stop"        // the engine stops with an error; the message is not done
)

// Config holds the engine's settings. Validated by the caller.
type Config struct {
	Ordering    Ordering
	MaxWorkers  int // handlers running at once, over all lanes
	ErrorPolicy ErrorPolicy
	Retry       message.RetryPolicy // of messages whose registration has none

	MaxPollRecords int   // messages of one lane held in memory before the lane is paused
	MaxBytes       int64 // bytes of all lanes held in memory; a lane above its share is paused
	MaxUncommitted int   // messages of one lane delivered above its low-water mark before the lane is paused

	CommitInterval time.Duration // between two commits
	CommitRecords  int           // done messages that bring the next commit forward
	DrainTimeout   time.Duration // what a lane's end may take
	HandlerTimeout time.Duration // when a handler's context ends; 0 is never
	StuckAfter     time.Duration // when a running handler fails liveness; 0 is never
}

const (
	// maxUncommitted is how many times MAX_POLL_RECORDS may be done beyond a message
	// that is not. It bounds what is handled twice after a crash.
	maxUncommitted = 4
	// commitRecords brings a commit forward before its interval has passed.
	commitRecords = 50_000
)

// NewConfig returns what the settings say.
func NewConfig(c config.Engine) Config {
	return Config{
		Ordering: Ordering(c.Ordering), MaxWorkers: c.MaxWorkers, ErrorPolicy: ErrorPolicy(c.ErrorPolicy),
		Retry:          message.RetryPolicy{Kind: message.RetryKind(c.RetryPolicy), MaxAttempts: c.RetryMaxAttempts, Delay: c.RetryDelay, MaxDelay: c.RetryMaxDelay},
		MaxPollRecords: c.MaxPollRecords, MaxBytes: c.MaxBufferBytes, MaxUncommitted: maxUncommitted * c.MaxPollRecords,
		CommitInterval: c.CommitInterval, CommitRecords: commitRecords,
		DrainTimeout: c.DrainTimeout, HandlerTimeout: c.HandlerTimeout, StuckAfter: c.StuckAfter,
	}
}
