package kafka

import (
	"context"
	"errors"
	"io"
	"sync"
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

// within calls f and returns its error, or that of ctx when that ends first. The
// client's calls know no context, and one to a broker that hangs takes as long
// as KAFKA_READ_TIMEOUT.
func within(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// closingTimeout bounds how long saying goodbye to a broker may take.
const closingTimeout = 3 * time.Second

// closing closes what is connected to a broker. A broker that does not answer,
// and what was closed before, are not errors.
func closing(c io.Closer) error {
	ctx, cancel := context.WithTimeout(context.Background(), closingTimeout)
	defer cancel()
	err := within(ctx, c.Close)
	switch {
	case errors.Is(err, sarama.ErrClosedClient), errors.Is(err, sarama.ErrClosedConsumerGroup), errors.Is(err, context.DeadlineExceeded):
		return nil
	}
	return err
}

// ending is the end of a service, from when it was told to stop. Those who have
// something to do in it share the time of one drain.
type ending struct {
	once  sync.Once
	began time.Time
}

func (e *ending) begin() { e.once.Do(func() { e.began = time.Now() }) }

// left returns what is left of a drain, which begins now if it has not yet.
// However late, there is some time to say goodbye.
func (e *ending) left(drain time.Duration) time.Duration {
	e.begin()
	return max(drain-time.Since(e.began), min(drain, closingTimeout))
}
