package kafka

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// outgoing is a message on its way to the broker.
type outgoing struct {
	message   *message.Message
	time      time.Time // of the record
	size      int64     // on the wire, at most
	patience  patience
	deadline  time.Time // when it is given up
	attempts  int       // that failed, under the lock
	cancelled atomic.Bool
	done      func(partition int32, offset int64, err error) // called once
	crowd     *crowd
}

// patience is how often, and for how long, a message is tried.
type patience struct {
	attempts int // 0 is as many as there is time for
	timeout  time.Duration
}

func newOutgoing(m *message.Message, p patience, done func(int32, int64, error)) *outgoing {
	const overhead = 36 // of a record at most
	o := &outgoing{message: m, time: m.Time, patience: p, done: done, size: overhead + int64(len(m.Key)+len(m.Value))}
	for _, h := range m.Headers {
		o.size += int64(len(h.Key)+len(h.Value)) + 10
	}
	if o.time.IsZero() {
		o.time = time.Now()
	}
	return o
}

// over reports whether o has no time, or no attempts, left. It is called with
// the lock.
func (o *outgoing) over(now time.Time) bool { return o.exhausted() || !now.Before(o.deadline) }

func (o *outgoing) exhausted() bool {
	return o.patience.attempts > 0 && o.attempts >= o.patience.attempts
}

// queues are the messages on their way: those of a topic whose partitions are
// not known yet, and those of each partition. Each is emptied in its order, by a
// goroutine that is there while there is something to do.
type queues struct {
	policy publishPolicy
	link   *link
	size   int64
	room   *semaphore.Weighted // for size bytes

	closing chan struct{} // closed when nothing more is accepted
	abandon chan struct{} // closed when nobody waits for the broker any more

	mu     sync.Mutex
	closed bool
	topics map[string]*topic
	crowd  *crowd   // those that were accepted since the last flush
	flying []*crowd // earlier ones that are not all done
	lost   []*message.Message
}

// crowd is some messages of which somebody may want to know when all are done.
type crowd struct {
	left   int
	landed chan struct{} // closed when none is left and none can come
}

func newQueues(cfg config.Kafka) *queues {
	return &queues{
		policy: policyOf(cfg), link: newLink(cfg),
		size: cfg.PublishBufferBytes, room: semaphore.NewWeighted(cfg.PublishBufferBytes),
		closing: make(chan struct{}), abandon: make(chan struct{}),
		topics: make(map[string]*topic), crowd: &crowd{landed: make(chan struct{})},
	}
}

// add puts o at the end of its queue, once there is room.
func (q *queues) add(ctx context.Context, o *outgoing) error {
	if o.size > soloBytes {
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, o.size)
	}
	select {
	case <-q.closing:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	default:
	}
	if err := q.acquire(ctx, q.weight(o)); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		q.room.Release(q.weight(o))
		return ErrClosed
	}
	now := time.Now()
	o.deadline = now.Add(o.patience.timeout)
	o.crowd = q.crowd
	o.crowd.left++
	t := q.topics[o.message.Topic]
	if t == nil {
		t = &topic{queues: q, name: o.message.Topic}
		q.topics[t.name] = t
	}
	t.add(o, now)
	return nil
}

// bookkeeping is about what a message takes in memory beside its bytes.
const bookkeeping = 512

// weight is what o takes of the room. One that is larger than all of it has to
// be alone.
func (q *queues) weight(o *outgoing) int64 { return min(o.size+bookkeeping, q.size) }

// acquire waits for room.
func (q *queues) acquire(ctx context.Context, n int64) error {
	if q.room.TryAcquire(n) {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-q.closing:
			cancel(ErrClosed)
		case <-ctx.Done():
		}
	}()
	if err := q.room.Acquire(ctx, n); err != nil {
		return fmt.Errorf("no room among the %d bytes on their way (KAFKA_PUBLISH_BUFFER_BYTES): %w", q.size, context.Cause(ctx))
	}
	return nil
}

// finish tells those who gave the messages what became of them: they are at
// offset and after, or not published because of err. It is called without the
// lock, and after they left their queue.
func (q *queues) finish(all []*outgoing, partition int32, offset int64, err error) {
	var room int64
	for _, o := range all {
		room += q.weight(o)
	}
	q.room.Release(room)
	for i, o := range all {
		at := offset
		if offset >= 0 {
			at += int64(i)
		}
		o.done(partition, at, err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, o := range all {
		o.crowd.left--
		if o.crowd.left == 0 && o.crowd != q.crowd {
			q.land(o.crowd)
		}
	}
}

// cancel gives o up, whose sender waits no longer, and returns why as an error
// with what kept it.
func (q *queues) cancel(o *outgoing, why error) error {
	o.cancelled.Store(true)
	q.mu.Lock()
	defer q.mu.Unlock()
	if trouble := q.topics[o.message.Topic].trouble; trouble != nil {
		return fmt.Errorf("%w; the last attempt failed: %w", why, trouble)
	}
	return why
}
