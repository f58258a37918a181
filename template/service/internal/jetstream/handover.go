package jetstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// To set a durable consumer back is to have the server forget what was acknowledged behind
// a message that was not. So it is done only where there is no other way, and then what this
// instance knows as done is acknowledged again and not handled; who has a partition after an
// orderly end of another's lane sets nothing back.

// memory is what this instance knows of a partition over the ends of its lanes: up to last,
// what is not open is done.
type memory struct {
	created time.Time // when the durable consumer was: one that is made anew has messages of its own
	floor   uint64    // where it began
	last    int64
	until   time.Time // when the last was written
	open    map[int64]bool
}

// isDone reports whether a message is known as done. One that is younger than all that are
// known shows that the server lost some, as when its disk is set back, and gives their numbers
// out again: then nothing is known any more.
func (m *memory) isDone(of *jetstream.MsgMetadata) bool {
	offset := int64(of.Sequence.Stream)
	if offset <= m.last && of.Timestamp.After(m.until) {
		m.last, m.open = 0, nil
	}
	return offset <= m.last && !m.open[offset]
}

// of forgets all if it is of another durable consumer, or if somebody has set this one back
// to have messages once more.
func (m *memory) of(created time.Time, floor uint64) {
	if !m.created.Equal(created) || floor < m.floor {
		*m = memory{}
	}
	m.created, m.floor = created, floor
}

// remember notes what a lane that has ended leaves. What a lane before it had further on is
// as it was.
func (p *subscription) remember(c *claim) {
	open := map[int64]bool{}
	for _, h := range c.holds() {
		open[h.offset] = true
	}
	for offset := range p.memory.open {
		if offset > p.last {
			open[offset] = true
		}
	}
	p.memory.last, p.memory.open = max(p.memory.last, p.last), open
	if p.lastAt.After(p.memory.until) {
		p.memory.until = p.lastAt
	}
}

// begin begins a lane with the first message that is not acknowledged. The server has just
// begun to serve this instance with the message first, or serves it still, if that is nil.
func (p *subscription) begin(ctx context.Context, first jetstream.Msg) error {
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout) // else the server would go on serving who has no lane to drain
	defer cancel()
	p.current() // what was before it is remembered
	began := time.Now()
	if all := p.gather(asking, first); len(all) > 0 {
		l := p.assign()
		l.renew(began, p.config.AckWait)
		p.deliver(l, all)
		return nil
	}
	if err := p.reset(asking); err != nil {
		return err
	}
	p.assign().renew(began, p.config.AckWait)
	return nil
}

// delivery is a message, and the server's numbers of it.
type delivery struct {
	jetstream.Msg
	meta *jetstream.MsgMetadata
}

// gather returns all that was delivered and is not acknowledged, in its order, if the server
// delivers just that from first on: so it does when who was served before has given it back,
// though not always in order.
func (p *subscription) gather(ctx context.Context, first jetstream.Msg) (all []delivery) {
	if first == nil {
		return nil
	}
	info, err := p.durable.Info(ctx)
	if err != nil {
		return nil
	}
	meta, err := first.Metadata()
	if err != nil || info.Delivered.Consumer != meta.Sequence.Consumer {
		return nil
	}
	all, p.next = []delivery{{first, meta}}, meta.Sequence.Consumer+1
	for len(all) < info.NumAckPending {
		before := len(all)
		for m := range p.rest(info.NumAckPending - before) {
			meta, err := m.Metadata()
			if err != nil || m.Headers().Get("Nats-Pin-Id") != p.pin || meta.Sequence.Consumer != p.next || meta.Sequence.Stream > info.Delivered.Stream {
				return nil
			}
			all, p.next = append(all, delivery{m, meta}), p.next+1
		}
		if len(all) == before {
			return nil
		}
	}
	slices.SortFunc(all, func(a, b delivery) int { return cmp.Compare(a.meta.Sequence.Stream, b.meta.Sequence.Stream) })
	for i := range all[1:] {
		if all[i].meta.Sequence.Stream == all[i+1].meta.Sequence.Stream {
			return nil // then one is missing
		}
	}
	p.memory.of(info.Created, info.AckFloor.Stream+1)
	return all
}

// deliver gives a lane that begins what was gathered for it.
func (p *subscription) deliver(l *assignment, all []delivery) {
	var batch []message.Message
	for _, d := range all {
		p.last, p.lastAt = int64(d.meta.Sequence.Stream), d.meta.Timestamp
		if p.memory.isDone(d.meta) {
			l.settle(d.Reply())
			continue
		}
		l.hold(p.last, d.Reply())
		batch = append(batch, NewMessage(p.layout, d.Msg, d.meta))
	}
	l.lane.Deliver(batch)
}

// restWait is how long a request waits for what should be there at once.
const restWait = 200 * time.Millisecond

// rest returns up to n messages that the server has at once. The server ends the request, so
// none is on its way afterwards.
func (p *subscription) rest(n int) <-chan jetstream.Msg {
	batch, err := p.durable.Fetch(min(n, maxFetch), jetstream.FetchMaxWait(restWait), jetstream.FetchPriorityGroup(group))
	if err != nil {
		none := make(chan jetstream.Msg)
		close(none)
		return none
	}
	return batch.Messages()
}

// reset sets the durable consumer back to the first message that is not acknowledged.
func (p *subscription) reset(ctx context.Context) error {
	made, err := p.stream.ResetConsumer(ctx, p.config.Durable)
	if err != nil {
		return fmt.Errorf("reset: %w: a server before 2.14 cannot: ORDERING=none does without", err)
	}
	p.memory.of(made.Created, made.ResetSeq)
	p.next, p.last = 1, 0
	return nil
}

// handOver has the server give another instance what the lane had and is not done, in its
// order, and nothing else of it. If it cannot, what was done behind the first of those comes
// again.
func (p *subscription) handOver(ctx context.Context, l *assignment) error {
	err := l.Commit(ctx)
	var back []string
	if err == nil {
		back, err = p.notDone(ctx, l)
	}
	for i, reply := range back {
		if i < len(back)-1 {
			err = cmp.Or(err, l.conn.Publish(reply, nak))
		} else if err == nil { // the server takes them in their order, and before it serves another
			_, err = l.conn.RequestWithContext(ctx, reply, nak)
		}
	}
	if err != nil {
		_, _ = p.stream.ResetConsumer(ctx, p.config.Durable) // else the rest comes after AckWait
	}
	_ = p.stream.UnpinConsumer(ctx, p.config.Durable, group) // after AckWait
	p.pin = ""
	return err
}

// notDone returns where to answer what is not done, in its order. What the server delivered
// and did not arrive has to be delivered again for that, and with it all behind the first
// message that is not done.
func (p *subscription) notDone(ctx context.Context, l *assignment) (replies []string, err error) {
	info, err := p.durable.Info(ctx)
	if err != nil {
		return nil, err
	}
	if info.Delivered.Consumer == p.next-1 {
		for _, h := range l.holds() {
			replies = append(replies, h.reply)
		}
		return replies, nil
	}
	last := p.last
	p.remember(l.claim)
	if err = p.reset(ctx); err != nil {
		return nil, err
	}
	for offset := int64(p.memory.floor) - 1; offset < last; {
		before := offset
		for m := range p.rest(maxFetch) {
			meta, err := m.Metadata()
			if err != nil || meta.Sequence.Consumer != p.next {
				return nil, errors.New("deliveries are missing")
			}
			p.next++
			if offset = int64(meta.Sequence.Stream); p.memory.isDone(meta) {
				err = l.conn.Publish(m.Reply(), ack)
			} else {
				replies = append(replies, m.Reply())
			}
			if err != nil {
				return nil, err
			}
		}
		if offset == before {
			break // what was there to the last is acknowledged, or gone
		}
	}
	return replies, nil
}

// held is a message that a claim holds.
type held struct {
	offset int64
	reply  string
}

// holds returns what is held, in its order.
func (c *claim) holds() (all []held) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for offset, d := range c.held {
		all = append(all, held{offset, d.reply})
	}
	slices.SortFunc(all, func(a, b held) int { return cmp.Compare(a.offset, b.offset) })
	return all
}

// served returns the pin of who is served, "" if nobody is.
func served(info *jetstream.ConsumerInfo) string {
	if len(info.PriorityGroups) == 0 {
		return ""
	}
	return info.PriorityGroups[0].PinnedClientID
}
