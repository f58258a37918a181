package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// channel is what a claim needs of an amqp.Channel.
type channel interface {
	Ack(tag uint64, multiple bool) error
	Qos(prefetch, size int, global bool) error
	Consume(queue, consumer string, autoAck, exclusive, noLocal, noWait bool, args amqp.Table) (<-chan amqp.Delivery, error)
	Cancel(consumer string, noWait bool) error
	QueueDeclarePassive(name string, durable, autoDelete, exclusive, noWait bool, args amqp.Table) (amqp.Queue, error)
	NotifyClose(c chan *amqp.Error) chan *amqp.Error
	Close() error
}

// errUnconfirmed is of what was acknowledged, and of which the broker has not said that it
// knows.
var errUnconfirmed = errors.New("acknowledgements were not confirmed")

// claim is one queue as long as one channel lives, as the engine sees it. It has no other
// channel, so nothing is acknowledged on one that it did not come on.
type claim struct {
	channel  channel
	prefetch int
	asking   sync.Mutex // the client gives an answer to whoever waits first

	mu    sync.Mutex
	tags  map[int64]uint64 // of what is delivered and not done, by offset
	said  []uint64         // that are done, and not yet sent
	given bool             // something was delivered
	wake  chan struct{}    // something was said
	full  chan struct{}    // so much was said that the broker would soon deliver no more

	sending sync.Mutex          // guards what follows, and the order of sending
	prefix  uint64              // all tags up to it are acknowledged
	held    map[uint64]struct{} // that are done, after it, and not acknowledged
	beyond  map[uint64]struct{} // that are acknowledged, after it
}

func newClaim(ch channel, prefetch int) *claim {
	return &claim{channel: ch, prefetch: prefetch, tags: map[int64]uint64{}, wake: make(chan struct{}, 1), full: make(chan struct{}, 1),
		held: map[uint64]struct{}{}, beyond: map[uint64]struct{}{}}
}

// note notes a delivery. It reports false if its sender gave it the offset of another
// that is not done.
func (c *claim) note(offset int64, tag uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, taken := c.tags[offset]; taken {
		return false
	}
	c.tags[offset], c.given = tag, true
	return true
}

// isGiven reports whether anything was delivered.
func (c *claim) isGiven() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.given
}

// unfinished returns how many messages are delivered and not done.
func (c *claim) unfinished() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int64(len(c.tags))
}

// Ack implements engine.Acker.
func (c *claim) Ack(offset int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if tag, ok := c.tags[offset]; ok {
		delete(c.tags, offset)
		c.said = append(c.said, tag)
	}
	signal(c.wake)
	if len(c.said) >= c.prefetch/4 {
		signal(c.full)
	}
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// Mark implements engine.Claim: a queue takes each message by itself.
func (*claim) Mark(int64) {}

// Pause and Resume implement engine.Claim. The broker delivers no more than the prefetch,
// which is MAX_POLL_RECORDS, and to cancel the consumer would give the queue to another
// instance while messages of it are being handled here.
func (*claim) Pause()  {}
func (*claim) Resume() {}

// Commit implements engine.Claim: it sends what was said, and has the broker answer
// something on the same channel, which it does after that.
func (c *claim) Commit(ctx context.Context) error {
	err := within(ctx, func() error {
		if err := c.send(true); err != nil {
			return err
		}
		c.asking.Lock()
		defer c.asking.Unlock()
		return c.channel.Qos(c.prefetch, 0, false)
	})
	if err != nil {
		err = fmt.Errorf("%w: %w", errUnconfirmed, err)
	}
	if errors.Is(err, amqp.ErrClosed) || codeOf(err) != 0 {
		return message.Permanent(err) // of a channel that is gone
	}
	return err
}

// hasAcknowledged reports whether the broker was told of a message, or is to be.
func (c *claim) hasAcknowledged() bool {
	c.sending.Lock()
	defer c.sending.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.prefix > 0 || len(c.beyond) > 0 || len(c.held) > 0 || len(c.said) > 0
}

// settle returns once the queue has in its log what was said, after which the channel may
// go. A quorum queue has 32 words of a channel under way at most, and what waits behind
// them is forgotten with the channel. A further consumer that comes and goes is written
// into the same log, and the broker waits for that: by its coming there is room for what
// waited, and its going stands behind that. To cancel the claim's own consumer instead would
// give the queue to another instance before what was not started is back in its place.
func (c *claim) settle(queue string) error {
	if err := c.send(true); err != nil {
		return err
	}
	c.asking.Lock()
	defer c.asking.Unlock()
	return settle(c.channel, queue)
}

func settle(ch channel, queue string) error {
	const consumer = "last"
	if _, err := ch.Consume(queue, consumer, false, false, false, false, amqp.Table{"x-priority": int32(-1)}); err != nil { // it never is the active one
		return err
	}
	return ch.Cancel(consumer, false)
}

// ackPause is for how long what is done is gathered. A quorum queue writes each word to its
// log, and one word does for all that is done in the order of its delivery.
const ackPause = 5 * time.Millisecond

// run sends what is said until the channel is gone, and returns why.
func (c *claim) run(gone <-chan *amqp.Error) *amqp.Error {
	for {
		select {
		case <-c.wake:
			_ = c.send(false) // what fails comes again: the channel is gone
		case why := <-gone:
			return why
		}
		select {
		case <-c.full:
		case <-time.After(ackPause):
		case why := <-gone:
			return why
		}
	}
}

// send acknowledges what is done: with one word what is up to the first message that is
// not. What is done after that waits until what is before it is done too, unless all is to
// be sent, as for a commit, or a quarter of what the broker delivers would wait: then each
// has a word of its own, for which the broker searches all that it has delivered before.
func (c *claim) send(all bool) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	c.mu.Lock()
	said := c.said
	c.said = nil
	c.mu.Unlock()
	for _, tag := range said {
		c.held[tag] = struct{}{}
	}
	if last := c.advance(); last > 0 {
		if err := c.channel.Ack(last, true); err != nil {
			return err
		}
	}
	if !all && len(c.held) <= c.prefetch/4 {
		return nil
	}
	for _, tag := range slices.Sorted(maps.Keys(c.held)) {
		if err := c.channel.Ack(tag, false); err != nil {
			return err
		}
		delete(c.held, tag)
		c.beyond[tag] = struct{}{}
	}
	return nil
}

// advance moves the prefix to the first message that is not done, and returns the last
// before that which is to be acknowledged, 0 if none is. c.sending is held.
func (c *claim) advance() (last uint64) {
	for {
		next := c.prefix + 1
		if _, isHeld := c.held[next]; isHeld {
			delete(c.held, next)
			last = next
		} else if _, isAcked := c.beyond[next]; isAcked {
			delete(c.beyond, next)
		} else {
			return last
		}
		c.prefix = next
	}
}
