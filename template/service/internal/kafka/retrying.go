package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/IBM/sarama"
	"github.com/sethvargo/go-retry"
)

// newBackoff returns the delays between attempts to reach a broker.
func newBackoff() retry.Backoff {
	return retry.WithCappedDuration(10*time.Second, retry.WithJitterPercent(20, retry.NewExponential(100*time.Millisecond)))
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// fatalError is an error that trying again cannot mend.
type fatalError struct{ err error }

func (e *fatalError) Error() string { return e.err.Error() }
func (e *fatalError) Unwrap() error { return e.err }

func fatal(err error) error { return &fatalError{err} }

func isFatal(err error) bool {
	var f *fatalError
	return errors.As(err, &f)
}

// closed leaves out errors that only say that something was closed before.
func closed(err error) error {
	if errors.Is(err, sarama.ErrClosedClient) || errors.Is(err, sarama.ErrClosedConsumerGroup) {
		return nil
	}
	return err
}
