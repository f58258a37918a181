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
