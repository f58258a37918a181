package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

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
	end       error     // why it was given up, under the lock
	cancelled atomic.Bool
	crowd     *crowd

	event     message.Event // nil for a raw message
	key       string        // of the event
	delivered func(message.Delivery, error)
	met       chan fate // who waits for it; nil when delivered is called
}

// fate is what became of a message.
type fate struct {
	partition int32 // -1 when it was not published
	offset    int64 // -1 when it was not published, or the offset is not known
	err       error
}

// patience is how often, and for how long, a message is tried.
type patience struct {
	attempts int // 0 is as many as there is time for
	timeout  time.Duration
}

func newOutgoing(m *message.Message, p patience) *outgoing {
	const overhead = 36 // of a record at most
	now := time.Now()
	o := &outgoing{message: m, time: m.Time, patience: p, deadline: now.Add(p.timeout), size: overhead + int64(len(m.Key)+len(m.Value))}
	for _, h := range m.Headers {
		o.size += int64(len(h.Key)+len(h.Value)) + 10
	}
	if o.time.IsZero() {
		o.time = now
	}
	return o
}

// meet tells who gave o what became of it.
func (q *queues) meet(o *outgoing, f fate) {
	if o.met != nil {
		o.met <- f // there is room for one, and nobody may be waiting any more
		return
	}
	if f.err != nil {
		q.call(o.delivered, delivery(o.message, o.key, -1, -1), publishError(o.event, o.message, mayPass(f.err)))
		return
	}
	q.call(o.delivered, delivery(o.message, o.key, f.partition, f.offset), nil)
}

// call calls delivered. Its panic would end the service, because nobody whom
// it belongs to could recover it here.
func (q *queues) call(delivered func(message.Delivery, error), d message.Delivery, err error) {
	defer func() {
		if v := recover(); v != nil {
			q.log.Error("a delivery callback panicked", "topic", d.Topic, "key", d.Key, "message_id", d.MessageID, "panic", v, "stack", string(debug.Stack()))
		}
	}()
	delivered(d, err)
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
	log    *slog.Logger
	policy publishPolicy
	link   *link
	size   int64

	closing chan struct{} // closed when nothing more is accepted
	abandon chan struct{} // closed when nobody waits for the broker any more

	mu     sync.Mutex
	closed bool
	held   int64         // bytes on their way
	roomy  chan struct{} // closed when there is room again; nil while there is
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

func newQueues(cfg config.Kafka, log *slog.Logger) *queues {
	return &queues{
		log: log, policy: policyOf(cfg), link: newLink(cfg),
		size:    cfg.PublishBufferBytes,
		closing: make(chan struct{}), abandon: make(chan struct{}),
		topics: make(map[string]*topic), crowd: &crowd{landed: make(chan struct{})},
	}
}

// add puts o at the end of its queue, once there is room.
func (q *queues) add(ctx context.Context, o *outgoing) error {
	if o.size > soloBytes {
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, o.size)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.enter(ctx, q.weight(o)); err != nil {
		return err
	}
	o.crowd = q.crowd
	o.crowd.left++
	t := q.topics[o.message.Topic]
	if t == nil {
		t = &topic{queues: q, name: o.message.Topic}
		q.topics[t.name] = t
	}
	t.add(o)
	return nil
}

// bookkeeping is about what a message takes in memory beside its bytes.
const bookkeeping = 512

// weight is what o takes of the room. One that is larger than all of it has to
// be alone.
func (q *queues) weight(o *outgoing) int64 { return min(o.size+bookkeeping, q.size) }

// enter waits for room for n bytes. Once there is none, all wait until there is
// some to speak of: letting each in alone would cost more than publishing it.
// It is called with the lock, and lets go of it while it waits.
func (q *queues) enter(ctx context.Context, n int64) error {
	if !q.closed && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for !q.closed && (q.roomy != nil || q.held > 0 && q.held+n > q.size) {
		if q.roomy == nil {
			q.roomy = make(chan struct{})
		}
		roomy := q.roomy
		q.mu.Unlock()
		var err error
		select {
		case <-roomy:
		case <-q.closing:
		case <-ctx.Done():
			err = fmt.Errorf("no room among the %d bytes on their way (KAFKA_PUBLISH_BUFFER_BYTES): %w", q.size, context.Cause(ctx))
		}
		q.mu.Lock()
		if err != nil {
			return err
		}
	}
	if q.closed {
		return ErrClosed
	}
	q.held += n
	return nil
}

// leave gives back room for n bytes. It is called with the lock.
func (q *queues) leave(n int64) {
	q.held -= n
	if q.roomy != nil && q.held <= q.size/4*3 {
		close(q.roomy)
		q.roomy = nil
	}
}

// finish tells those who gave the messages what became of them: they are at
// offset and after, or not published because of err. It is called without the
// lock, and after they left their queue.
func (q *queues) finish(all []*outgoing, partition int32, offset int64, err error) {
	var bytes int64
	for _, o := range all {
		bytes += q.weight(o)
	}
	q.mu.Lock()
	q.leave(bytes)
	q.mu.Unlock()
	for i, o := range all {
		f := fate{partition, offset, err}
		if offset >= 0 {
			f.offset += int64(i)
		}
		q.meet(o, f)
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
