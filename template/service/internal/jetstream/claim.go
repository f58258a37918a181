package jetstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

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

// claim is one lane's life, as the engine sees it: what it has of a durable consumer.
type claim struct {
	conn   *nats.Conn
	lost   atomic.Bool
	paused atomic.Bool
	resume chan struct{} // has one when it was resumed
	wake   chan struct{} // has one when there are acks to send

	mu          sync.Mutex
	held        map[int64]*holding // delivered and not done, by offset
	done        []string           // where to acknowledge what is done
	unconfirmed []string           // of what is acknowledged; the server has not said that it knows
	committing  sync.Mutex
	reconnects  uint64 // of the connection, when all before was confirmed; for who commits
}

// holding is a message that is held.
type holding struct {
	reply string
	old   bool // it was there when progress was told last
}

func newClaim(conn *nats.Conn) *claim {
	c := &claim{conn: conn, resume: make(chan struct{}, 1), wake: make(chan struct{}, 1), held: map[int64]*holding{}}
	c.reconnects = conn.Stats().Reconnects
	return c
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
	if d := c.held[offset]; d != nil {
		c.done = append(c.done, d.reply)
		signal(c.wake)
	}
	delete(c.held, offset)
}

// settle acknowledges a message that is done and was delivered again.
func (c *claim) settle(reply string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done = append(c.done, reply)
	signal(c.wake)
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// hold notes a message that goes to the engine. It returns false if that has it already,
// and must not have it twice.
func (c *claim) hold(offset int64, reply string) bool {
	c.mu.Lock()
	d := c.held[offset]
	if d == nil {
		c.held[offset] = &holding{reply: reply}
	} else {
		d.reply = reply
	}
	c.mu.Unlock()
	if d != nil {
		_ = c.conn.Publish(reply, progress) // what is not told now is told by the clock
	}
	return d == nil
}

// isHeld reports whether the engine has a message.
func (c *claim) isHeld(offset int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held[offset] != nil
}

// ackPause is for how long what is done is gathered: many acknowledgements that are written
// at once cost this side and the server less.
const ackPause = 5 * time.Millisecond

// send acknowledges what is done, as it comes, until ctx ends.
func (c *claim) send(ctx context.Context) {
	for {
		select {
		case <-c.wake:
			_ = c.flush() // what could not be sent is sent by the next
			sleep(ctx, ackPause)
		case <-ctx.Done():
			return
		}
	}
}

// flush acknowledges what is done.
func (c *claim) flush() error {
	c.mu.Lock()
	done := c.done
	c.done = nil
	c.mu.Unlock()
	if c.lost.Load() {
		return errLost
	}
	for i, reply := range done {
		if err := c.conn.Publish(reply, ack); err != nil {
			c.mu.Lock()
			c.done = append(done[i:], c.done...)
			c.unconfirmed = append(c.unconfirmed, done[:i]...)
			c.mu.Unlock()
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unconfirmed = append(c.unconfirmed, done...)
	return nil
}

// Commit implements engine.Claim: the server confirms the last acknowledgement, and takes
// those of one connection in their order. After another one was made, all are sent again.
func (c *claim) Commit(ctx context.Context) error {
	c.committing.Lock()
	defer c.committing.Unlock()
	err := c.flush()
	c.mu.Lock()
	sent := c.unconfirmed
	c.mu.Unlock()
	switch {
	case errors.Is(err, errLost):
		return err
	case err == nil && len(sent) == 0:
		return nil
	case !c.conn.IsConnected():
		return fmt.Errorf("%w: there is no connection to NATS", errUnconfirmed)
	case err != nil:
		return fmt.Errorf("%w: %w", errUnconfirmed, err)
	}
	reconnects := c.conn.Stats().Reconnects
	if reconnects != c.reconnects {
		for _, reply := range sent {
			if err := c.conn.Publish(reply, ack); err != nil {
				return fmt.Errorf("%w: %w", errUnconfirmed, err)
			}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if _, err := c.conn.RequestWithContext(ctx, sent[len(sent)-1], ack); err != nil {
		return fmt.Errorf("acknowledge %d messages: %w: %w", len(sent), errUnconfirmed, err)
	}
	if c.conn.Stats().Reconnects != reconnects { // the others may have gone with the connection before
		return fmt.Errorf("connected anew while messages were acknowledged: %w", errUnconfirmed)
	}
	c.reconnects = reconnects
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unconfirmed = c.unconfirmed[len(sent):]
	return nil
}

// tellProgress has the server wait on for what is held, until ctx ends.
func (c *claim) tellProgress(ctx context.Context, ackWait time.Duration) {
	tick := time.NewTicker(ackWait / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			for _, reply := range c.replies() {
				_ = c.conn.Publish(reply, progress) // what is not told is delivered again, and then told
			}
		case <-ctx.Done():
			return
		}
	}
}

// replies returns where to answer what is held, but for what has just come: that is old the
// next time.
func (c *claim) replies() (found []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.held {
		if d.old {
			found = append(found, d.reply)
		}
		d.old = true
	}
	return found
}
