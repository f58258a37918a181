package rabbitmq

import (
	"context"
	"errors"
	"fmt"
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
	wake     chan struct{} // something is done
	full     chan struct{} // so much is that the broker would soon deliver no more
	asking   sync.Mutex    // the client gives an answer to whoever waits first
	sending  sync.Mutex    // guards the order of what is sent

	mu     sync.Mutex
	tags   map[int64]uint64 // of what is delivered and not done, by offset
	prefix uint64           // all tags up to it are acknowledged
	after  []state          // of those that were delivered after it
	unsent []uint64         // tags of what is done and not acknowledged
}

// state is that of a delivery.
type state byte

const (
	delivered state = iota
	done
	acknowledged
)

func newClaim(ch channel, prefetch int) *claim {
	return &claim{channel: ch, prefetch: prefetch, tags: map[int64]uint64{}, wake: make(chan struct{}, 1), full: make(chan struct{}, 1)}
}

// note notes a delivery, and returns its offset: another one if its sender gave it that of
// a message that is not done.
func (c *claim) note(offset int64, tag uint64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.tags[offset] != 0 {
		offset++
	}
	c.tags[offset] = tag
	c.after = append(c.after, make([]state, tag-c.prefix-uint64(len(c.after)))...)
	return offset
}

// count returns how many messages were delivered, and how many of them are done.
func (c *claim) count() (given, ended int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	given = int64(c.prefix) + int64(len(c.after))
	return given, given - int64(len(c.tags))
}

// Ack implements engine.Acker.
func (c *claim) Ack(offset int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	tag, ok := c.tags[offset]
	if !ok {
		return
	}
	delete(c.tags, offset)
	c.after[tag-c.prefix-1] = done
	signal(c.wake)
	if c.unsent = append(c.unsent, tag); len(c.unsent) > c.prefetch/4 {
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
	err := Within(ctx, func() error {
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

// settle returns once the queue has in its log what was said, after which the channel may go.
func (c *claim) settle(queue string) error {
	if err := c.send(true); err != nil {
		return err
	}
	c.asking.Lock()
	defer c.asking.Unlock()
	return Settle(c.channel, queue)
}

// Settle returns once the queue has in its log what was acknowledged on the channel. A quorum
// queue has 32 words of a channel under way at most, and what waits behind them is forgotten
// with the channel. A further consumer that comes and goes is written into the same log, and
// the broker waits for that: by its coming there is room for what waited, and its going stands
// behind that. To cancel the channel's own consumer instead would give the queue to another
// instance before what was not started is back in its place. By its priority the last is never
// a queue's single active consumer; of another queue it may be given messages, which go back
// with the channel.
func Settle(ch channel, queue string) error {
	const consumer = "last"
	if _, err := ch.Consume(queue, consumer, false, false, false, false, amqp.Table{"x-priority": int32(-1)}); err != nil {
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
	upTo, each := c.due(all)
	if upTo > 0 {
		if err := c.channel.Ack(upTo, true); err != nil {
			return err
		}
	}
	for _, tag := range each {
		if err := c.channel.Ack(tag, false); err != nil {
			return err
		}
	}
	return nil
}

// due returns up to which tag, if that is not 0, and which of those after it are to be
// acknowledged, and notes that they are.
func (c *claim) due(all bool) (upTo uint64, each []uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.after) > 0 && c.after[0] != delivered {
		c.prefix++
		if c.after[0] == done { // a tag that was acknowledged is none to the broker
			upTo = c.prefix
		}
		c.after = c.after[1:]
	}
	c.unsent = slices.DeleteFunc(c.unsent, func(tag uint64) bool { return tag <= c.prefix })
	if !all && len(c.unsent) <= c.prefetch/4 {
		return upTo, nil
	}
	slices.Sort(c.unsent)
	each, c.unsent = c.unsent, nil
	for _, tag := range each {
		c.after[tag-c.prefix-1] = acknowledged
	}
	return upTo, each
}
