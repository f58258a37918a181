package engine

import (
	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// The orderings say which messages wait for each other.
const (
	OrderKey       = "key"       // messages of one key run one after the other; those without a key have no order
	OrderPartition = "partition" // messages of one lane run one after the other
	OrderNone      = "none"      // no message waits for another
)

// The error policies say what becomes of a message that failed for good.
const (
	PolicyDeadLetter = "dead-letter" // written to the dead letters, then done
	PolicyRetry      = "retry"       // tried again without limit; its key waits
	PolicySkip       = "skip"        // logged, counted and done
	PolicyStop       = "stop"        // the engine stops with an error; the message is not done
)

// Config holds the engine's settings. Validated by the caller.
type Config struct {
	config.Engine
	Retry          message.RetryPolicy // of messages whose registration has none
	MaxUncommitted int                 // messages of one lane delivered above its low-water mark before the lane is paused
	CommitRecords  int                 // done messages that bring the next commit forward
}

const (
	maxUncommitted = 4      // times MAX_POLL_RECORDS may be done beyond a message that is not: what comes twice after a crash
	commitRecords  = 50_000 // bring a commit forward before its interval has passed
)

// NewConfig returns what the settings say.
func NewConfig(c config.Engine) Config {
	retry := message.RetryPolicy{Kind: message.RetryKind(c.RetryPolicy), MaxAttempts: c.RetryMaxAttempts, Delay: c.RetryDelay, MaxDelay: c.RetryMaxDelay}
	return Config{c, retry, maxUncommitted * c.MaxPollRecords, commitRecords}
}
