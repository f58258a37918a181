package engine

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

// jitterPercent keeps the retries of many messages that failed together, say
// when a database went away, from coming back together.
const jitterPercent = 20

// RetryPolicy says when, and how often, a failed message is tried again before
// the error policy takes it.
type RetryPolicy struct {
	Kind        RetryKind
	MaxAttempts int           // all attempts, the first included
	Delay       time.Duration // before the second attempt
	MaxDelay    time.Duration // no delay grows beyond this
	PlainErrors bool          // try again after errors that are neither Retry nor Permanent
}

func (p RetryPolicy) validate() error {
	var errs []error
	if p.Kind != RetryExponential && p.Kind != RetryFibonacci && p.Kind != RetryFixed {
		errs = append(errs, fmt.Errorf("engine: Retry.Kind is %q, must be exponential, fibonacci or fixed", p.Kind))
	}
	if p.MaxAttempts < 1 {
		errs = append(errs, fmt.Errorf("engine: Retry.MaxAttempts is %d, must be at least 1", p.MaxAttempts))
	}
	if p.Delay <= 0 || p.MaxDelay < p.Delay {
		errs = append(errs, fmt.Errorf("engine: Retry.Delay is %v and Retry.MaxDelay %v, must be positive and not decreasing", p.Delay, p.MaxDelay))
	}
	return errors.Join(errs...)
}

// backoff starts the sequence of delays for one message.
func (p RetryPolicy) backoff() retry.Backoff {
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
