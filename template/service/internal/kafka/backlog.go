package kafka

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sethvargo/go-retry"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
)

var errNoAnswer = errors.New("no answer from the broker")

// noticeDelay is how long an event waits before the log says so.
const noticeDelay = time.Second

// outgoing is a message on its way to the broker.
type outgoing struct {
	publisher.Outgoing

	since   time.Time     // when it was accepted
	place   *list.Element // in the backlog
	isAlone atomic.Bool   // nothing else waited at any time
}

// backlog is what waits for the broker, in the order in which it was accepted. It
// paces the attempts: a batch that the broker refused is retried by the client
// with the next metadata, and the backlog asks for that when the retry policy says
// so. It is the client's logger too, which is where the client says why it retries.
type backlog struct {
	policy  message.RetryPolicy
	log     *slog.Logger
	overdue atomic.Bool // the oldest has waited for at least one attempt

	mu      sync.Mutex
	waiting list.List // of *outgoing
	watched *outgoing // the oldest at the last check
	tries   retry.Backoff
	timer   *time.Timer // until the next check
	delayed time.Time   // since when events wait, as the log says; zero when they do not
	reason  error       // of the client for the last retry
}

func newBacklog(cfg config.Kafka, log *slog.Logger) *backlog {
	return &backlog{log: log, policy: message.RetryPolicy{
		Kind: message.RetryKind(cfg.PublishRetryPolicy), Delay: cfg.PublishRetryDelay, MaxDelay: cfg.PublishRetryMaxDelay,
	}}
}

// add puts o at the end.
func (b *backlog) add(o *outgoing, client *kgo.Client) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o.since = time.Now()
	o.place = b.waiting.PushBack(o)
	if b.timer == nil {
		b.timer = time.AfterFunc(time.Hour, func() { b.checkOldest(client) })
	}
	if b.waiting.Len() == 1 {
		o.isAlone.Store(true)
		b.checkLater(o)
	} else {
		b.waiting.Front().Value.(*outgoing).isAlone.Store(false) //nolint:forcetypeassert // nothing else is in it
	}
}

// checkLater sets the timer to the policy's next delay for the oldest message, or to
// when that is given up. It is called with b.mu held.
func (b *backlog) checkLater(oldest *outgoing) {
	if oldest != b.watched {
		b.watched, b.tries = oldest, b.policy.Backoff()
	}
	d, _ := b.tries.Next()
	if left := time.Until(oldest.Deadline); left > 0 {
		d = min(d, left+time.Millisecond)
	}
	b.timer.Reset(d)
}

// checkOldest makes the client try again if the oldest message has waited since the
// last check.
func (b *backlog) checkOldest(client *kgo.Client) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting.Len() == 0 {
		return
	}
	oldest := b.waiting.Front().Value.(*outgoing) //nolint:forcetypeassert // nothing else is in it
	b.overdue.Store(oldest == b.watched)
	if oldest == b.watched {
		client.ForceMetadataRefresh()
		if b.delayed.IsZero() && time.Since(oldest.since) >= noticeDelay {
			b.delayed = oldest.since
			b.log.Warn("publishing delayed, retrying", "topic", oldest.Topic, "waiting", b.waiting.Len(), "error", cmp.Or(b.reason, errNoAnswer))
		}
	}
	b.checkLater(oldest)
}

// remove takes o away, which was published if err is nil.
func (b *backlog) remove(o *outgoing, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting.Remove(o.place)
	front := b.waiting.Front()
	if front == nil {
		b.timer.Stop()
		b.reason = nil // it is none of the next event's
		if err != nil {
			b.delayed = time.Time{} // all was given up
		}
	}
	if err == nil || front == nil {
		b.overdue.Store(false)
	}
	if err == nil && !b.delayed.IsZero() && (front == nil || time.Since(front.Value.(*outgoing).since) < noticeDelay) {
		b.log.Info("publishing resumed", "after", time.Since(b.delayed).Round(time.Millisecond), "waiting", b.waiting.Len())
		b.delayed, b.reason = time.Time{}, nil
	}
}

// withReason adds to err why the last attempt failed.
func (b *backlog) withReason(err, last error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if last == nil || errors.Is(last, context.DeadlineExceeded) {
		last = cmp.Or(b.reason, errNoAnswer)
	}
	return fmt.Errorf("%w; the last attempt: %w", err, last)
}

// Level implements kgo.Logger. The answers that make the client retry are for its
// debug level, so that is listened to while something waits.
func (b *backlog) Level() kgo.LogLevel {
	if b.overdue.Load() || b.log.Enabled(context.Background(), slog.LevelDebug) {
		return kgo.LogLevelDebug
	}
	return kgo.LogLevelInfo
}

// Log implements kgo.Logger. It keeps why the client retries, and passes all on at
// debug level: what matters comes back as errors too.
func (b *backlog) Log(_ kgo.LogLevel, text string, attributes ...any) {
	for i := 0; i+1 < len(attributes); i += 2 {
		switch value := attributes[i+1].(type) {
		case error:
			b.noteReason(value)
		case string:
			if _, why, ok := strings.Cut(value, "retrying@"); ok {
				b.noteReason(errors.New(why))
			}
		}
	}
	b.log.Debug(text, append(attributes, "from", "franz-go")...)
}

func (b *backlog) noteReason(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(err.Error(), "producer id") { // which follow from the cause
		b.reason = err
	}
}
