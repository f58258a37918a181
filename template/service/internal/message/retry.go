package message

import (
	"errors"
	"fmt"
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

// Validate reports everything that is wrong with p.
func (p RetryPolicy) Validate() error {
	var errs []error
	if p.Kind != RetryExponential && p.Kind != RetryFibonacci && p.Kind != RetryFixed {
		errs = append(errs, fmt.Errorf("retry kind is %q, must be exponential, fibonacci or fixed", p.Kind))
	}
	if p.MaxAttempts < 1 {
		errs = append(errs, fmt.Errorf("retry attempts are %d, must be at least 1", p.MaxAttempts))
	}
	if p.Delay <= 0 || p.MaxDelay < p.Delay {
		errs = append(errs, fmt.Errorf("retry delay is %v and its maximum %v, must be positive and not decreasing", p.Delay, p.MaxDelay))
	}
	return errors.Join(errs...)
}

// jitterPercent spreads the retries of messages that failed together, so that
// they do not come back together.
const jitterPercent = 20

// Backoff starts the sequence of delays for one message. It has no end:
// counting attempts is the caller's part. p must be valid.
func (p RetryPolicy) Backoff() retry.Backoff {
	var b retry.Backoff
	switch p.Kind {
	case RetryFixed:
		return retry.NewConstant(p.Delay)
	case RetryFibonacci:
		b = retry.NewFibonacci(p.Delay)
	default:
		b = retry.WithJitterPercent(jitterPercent, retry.NewExponential(p.Delay))
	}
	return retry.WithCappedDuration(p.MaxDelay, b)
}
