package message

import (
	"fmt"
	"slices"
	"time"

	"github.com/sethvargo/go-retry"
)

// RetryKind says how the delays between attempts grow.
type RetryKind string

// The kinds of retry.
const (
	RetryExponential RetryKind = "exponential" // 1, 2, 4, 8 … times Delay, each with up to 20 % of jitter
	RetryFibonacci   RetryKind = "fibonacci"   // 1, 2, 3, 5 … times Delay
	RetryFixed       RetryKind = "fixed"       // Delay each time
)

// RetryPolicy says when, and how often, a failed message is tried again before
// the error policy decides.
type RetryPolicy struct {
	Kind        RetryKind
	MaxAttempts int           // all attempts, the first included
	Delay       time.Duration // before the second attempt
	MaxDelay    time.Duration // no delay grows beyond this
}

// Validate returns an error when p cannot be followed.
func (p RetryPolicy) Validate() error {
	kinds := []RetryKind{RetryExponential, RetryFibonacci, RetryFixed}
	if !slices.Contains(kinds, p.Kind) || p.MaxAttempts < 1 || p.Delay <= 0 || p.MaxDelay < p.Delay {
		return fmt.Errorf("retry policy is %+v: Kind must be one of %v, MaxAttempts at least 1, Delay more than 0 and at most MaxDelay", p, kinds)
	}
	return nil
}

// Backoff starts the sequence of delays for one message, which has no end. p
// must be valid. The jitter spreads messages that failed together.
func (p RetryPolicy) Backoff() retry.Backoff {
	b := retry.WithJitterPercent(20, retry.NewExponential(p.Delay))
	switch p.Kind {
	case RetryFixed:
		b = retry.NewConstant(p.Delay)
	case RetryFibonacci:
		b = retry.NewFibonacci(p.Delay)
	}
	return retry.WithCappedDuration(p.MaxDelay, b)
}
