package jetstream

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The server delivers a partition in order only from the first message on that is not
// acknowledged: to set a durable consumer back to that is how each lane begins. The server
// forgets by it what was acknowledged behind that message, so this is remembered: by this
// instance for its next lane, and with the durable consumer for another instance.

// memory is what is known of a partition over the ends of its lanes: up to Last, what is not
// open is done.
type memory struct {
	created time.Time // when the durable consumer was: one that is made anew has messages of its own
	Floor   uint64    // where that began
	Last    int64
	Open    []int64 // in their order
}

// metadata is where a durable consumer has what is known of it.
const metadata = "forge.done"

// isDone reports whether a message is known as done.
func (m memory) isDone(offset int64) bool {
	_, isOpen := slices.BinarySearch(m.Open, offset)
	return offset <= m.Last && !isOpen
}

// with returns what one of both knows as done.
func (m memory) with(other memory) memory {
	open := slices.DeleteFunc(slices.Concat(m.Open, other.Open), func(offset int64) bool { return m.isDone(offset) || other.isDone(offset) })
	slices.Sort(open)
	m.Floor, m.Last, m.Open = max(m.Floor, other.Floor), max(m.Last, other.Last), slices.Compact(open)
	return m
}

// begin awaits that the server serves this instance, and begins a lane then.
//
// Who is not served yet asks for one message, which says so, and awaits the answer even
// when ctx ends: the server may take a request that was given up for one to serve, and would
// go on serving who has no lane to drain.
func (p *subscription) begin(ctx context.Context) error {
	if err := p.recall(ctx); err != nil {
		return err
	}
	began, all := time.Now(), context.WithoutCancel(ctx)
	err := p.ask(all, 1, min(p.wait(), time.Second), func(m jetstream.Msg, _ bool) bool {
		p.pin = m.Headers().Get("Nats-Pin-Id")
		return false
	})
	if p.pin == "" {
		return p.check(ctx, nil, began, false, err)
	}
	if _, err := p.reset(all); err != nil {
		return err
	}
	p.assign(began)
	return nil
}

// recall has the server deliver again what a lane had that was lost, else that comes after
// AckWait, unless another instance is served.
func (p *subscription) recall(ctx context.Context) error {
	if p.pin == "" {
		return nil
	}
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	info, err := p.durable.Info(asking)
	if err != nil {
		return err
	}
	if pin := served(info); pin == p.pin || pin == "" { // a server that was started again serves nobody
		_, err = p.reset(asking)
	}
	p.pin = ""
	return err
}

// served returns the pin of who is served, "" if nobody is.
func served(info *jetstream.ConsumerInfo) string {
	if len(info.PriorityGroups) == 0 {
		return ""
	}
	return info.PriorityGroups[0].PinnedClientID
}

// reset sets the durable consumer back to the first message that is not acknowledged, and
// notes what is known as done behind that. It returns what the server has of it.
func (p *subscription) reset(ctx context.Context) (jetstream.ConsumerConfig, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	made, err := p.stream.ResetConsumer(ctx, p.config.Durable)
	if err != nil {
		return jetstream.ConsumerConfig{}, fmt.Errorf("reset: %w: a server before 2.14 cannot: ORDERING=none does without", err)
	}
	var known memory
	if json.Unmarshal([]byte(made.Config.Metadata[metadata]), &known) != nil { // nothing is noted yet
		known = memory{}
	}
	if made.Created.Equal(p.memory.created) {
		known = known.with(p.memory)
	}
	if made.ResetSeq < known.Floor { // somebody has set it back, to have messages once more
		known = memory{}
	}
	p.memory, p.memory.created, p.memory.Floor = known, made.Created, made.ResetSeq
	return made.Config, nil
}

// handOver has the server deliver to another instance what the lane had and is not done, and
// notes for that instance what is.
func (p *subscription) handOver(ctx context.Context) error {
	config, err := p.reset(ctx)
	known, failed := json.Marshal(p.memory)
	if err = cmp.Or(err, failed); err == nil {
		config.Metadata = maps.Collect(maps.All(config.Metadata)) // none may be nil
		config.Metadata[metadata] = string(known)
		_, err = p.stream.UpdateConsumer(ctx, config)
	}
	_ = p.stream.UnpinConsumer(ctx, p.config.Durable, group) // after AckWait
	p.pin = ""
	return err
}
