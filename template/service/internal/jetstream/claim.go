package jetstream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// What the server is told of a message, at its reply subject.
var (
	ack      = []byte("+ACK")
	progress = []byte("+WPI") // it is still worked on
	nak      = []byte("-NAK") // another may have it
)

// errUnconfirmed is of what was acknowledged, and of which the server has not said that it
// knows.
var errUnconfirmed = errors.New("acknowledgements were not confirmed")

// errLost is why nothing of a lane can be acknowledged any more.
var errLost = message.Permanent(errors.New("its messages are another instance's: they will be delivered again"))

// claim is one lane's life: what it has of a durable consumer, from the first message on
// until it is drained or lost.
type claim struct {
	conn      *nats.Conn
	lane      *engine.Lane
	next      uint64      // the server's number of the next delivery
	delivered int64       // the offset of the last one
	lease     *time.Timer // ends it, when the server may serve another
	end       context.CancelFunc
	lost      atomic.Bool
	paused    atomic.Bool
	resume    chan struct{} // has one when it was resumed
	wake      chan struct{} // has one when there are acks to send

	mu   sync.Mutex
	held map[int64]string // where to answer what is delivered and not done, by offset
	last int64            // the largest offset of what is done
	acks []string         // where to acknowledge what is done, until the server has said that it knows

	sending    sync.Mutex
	sent       int    // of acks, by the connection that there was
	reconnects uint64 // then
}

// Mark implements engine.Claim: a queue's says nothing by it.
func (c *claim) Mark(int64) {}

// Pause implements engine.Claim.
func (c *claim) Pause() { c.paused.Store(true) }

// Resume implements engine.Claim.
func (c *claim) Resume() {
	c.paused.Store(false)
	signal(c.resume)
}

// Ack implements engine.Acker.
func (c *claim) Ack(offset int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost.Load() {
		return
	}
	if reply, isHeld := c.held[offset]; isHeld {
		c.acks, c.last = append(c.acks, reply), max(c.last, offset)
		signal(c.wake)
	}
	delete(c.held, offset)
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// take notes where to answer a message. It returns false if the engine must not have it: it
// has it already, or the message is done and the server does not know.
func (c *claim) take(offset int64, reply string, isDone bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, isHeld := c.held[offset]
	if isDone && !isHeld {
		c.acks = append(c.acks, reply)
		signal(c.wake)
		return false
	}
	c.held[offset] = reply
	return !isHeld
}

// memory returns what the lane's end leaves.
func (c *claim) memory() memory {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := memory{Last: c.last}
	for offset := range c.held {
		if offset < c.last {
			m.Open = append(m.Open, offset)
		}
	}
	slices.Sort(m.Open)
	return m
}

// renew notes that the server serves this instance for a time from at on.
func (c *claim) renew(at time.Time, d time.Duration) {
	c.lease.Reset(time.Until(at.Add(d * 9 / 10)))
}

// lose ends the lane at once.
func (c *claim) lose() {
	c.lost.Store(true)
	c.end()
	c.lane.Lose()
}

// ackPause is for how long what is done is gathered: many acknowledgements that are written
// at once cost this side and the server less.
const ackPause = 5 * time.Millisecond

// send acknowledges what is done, as it comes, until ctx ends.
func (c *claim) send(ctx context.Context) {
	for {
		select {
		case <-c.wake:
			c.sending.Lock()
			_ = c.flush() // what could not be sent is sent by the next
			c.sending.Unlock()
			sleep(ctx, ackPause)
		case <-ctx.Done():
			return
		}
	}
}

// flush acknowledges what is done. After another connection was made, all that is not confirmed
// is sent again. It needs c.sending.
func (c *claim) flush() error {
	if c.lost.Load() {
		return errLost
	}
	if !c.conn.IsConnected() {
		return fmt.Errorf("%w: there is no connection to NATS", errUnconfirmed)
	}
	if now := c.conn.Stats().Reconnects; now != c.reconnects {
		c.sent, c.reconnects = 0, now
	}
	c.mu.Lock()
	waiting := c.acks[c.sent:]
	c.mu.Unlock()
	for _, reply := range waiting {
		if err := c.conn.Publish(reply, ack); err != nil {
			return fmt.Errorf("%w: %w", errUnconfirmed, err)
		}
		c.sent++
	}
	return nil
}

// Commit implements engine.Claim: the server confirms the last acknowledgement, and takes
// those of one connection in their order.
func (c *claim) Commit(ctx context.Context) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	if err := c.flush(); err != nil || c.sent == 0 {
		return err
	}
	c.mu.Lock()
	last := c.acks[c.sent-1]
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if _, err := c.conn.RequestWithContext(ctx, last, ack); err != nil {
		return fmt.Errorf("acknowledge %d messages: %w: %w", c.sent, errUnconfirmed, err)
	}
	if c.conn.Stats().Reconnects != c.reconnects { // the others may have gone with the connection before
		return fmt.Errorf("connected anew while messages were acknowledged: %w", errUnconfirmed)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acks, c.sent = c.acks[c.sent:], 0
	return nil
}

// tellProgress has the server wait on for what is held, until ctx ends.
func (c *claim) tellProgress(ctx context.Context, ackWait time.Duration) {
	tick := time.NewTicker(ackWait / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.tell(progress) // what is not told is delivered again, and then told
		case <-ctx.Done():
			return
		}
	}
}

// tell tells the server the same of all that is held.
func (c *claim) tell(what []byte) {
	c.mu.Lock()
	replies := slices.Collect(maps.Values(c.held))
	c.mu.Unlock()
	for _, reply := range replies {
		_ = c.conn.Publish(reply, what)
	}
}
