package rabbitmq

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"golang.org/x/sync/semaphore"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
)

const (
	askInterval    = 10 * time.Second       // between two questions for what the service is to publish to,
	soonInterval   = time.Second            // and while something is wrong
	missingLasts   = 500 * time.Millisecond // of one answer, for all that wait to publish there: each would cost a channel
	refusalLasts   = 10 * time.Second       // which asking does not refute: the pause before the next attempt is shorter
	forgottenAfter = time.Minute            // after which nobody publishes there any more
	maxUnderWay    = 50                     // messages that wait for the broker's answer, each on a channel of its own
)

// destination is where messages of a topic go. What is wrong with it is of nobody else.
type destination struct {
	address
	wanted time.Time
	room   *semaphore.Weighted // for what is under way

	mu      sync.Mutex
	err     error     // why nothing can be published there at present
	isThere bool      // all the same, so asking does not refute that
	noted   time.Time // when the broker said so, or that all is well
	outage  ops.Outage
}

// destination returns that of an address.
func (t *transport) destination(to address) *destination {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := t.destinations[to.name()]
	if d == nil {
		d = &destination{address: to, room: semaphore.NewWeighted(maxUnderWay), outage: ops.Outage{Log: t.log.With("topic", to.topic)}}
		t.destinations[to.name()] = d
	}
	d.wanted = time.Now()
	return d
}

// declared returns the destinations of what the service says it publishes, but for topics
// whose queues are its own to make.
func (t *transport) declared() (all []*destination) {
	for _, topic := range t.published() {
		if !slices.ContainsFunc(t.consumers, func(c *Consumer) bool {
			return c.cfg.QueuePrefix == t.cfg.QueuePrefix && slices.Contains(c.topics, topic)
		}) {
			all = append(all, t.destination(route(t.cfg, &message.Message{Topic: topic})))
		}
	}
	return all
}

// check has the declared destinations asked for from now on. Until that is done they are
// not ready.
func (t *transport) check() {
	for _, d := range t.declared() {
		d.mu.Lock()
		if d.noted.IsZero() {
			d.err = fmt.Errorf("topic %q: RabbitMQ was not asked yet whether it is there", d.topic)
		}
		d.mu.Unlock()
		t.begin()
	}
}

// watch asks for the declared destinations, and those where something is wrong, until ctx
// ends.
func (t *transport) watch(ctx context.Context, conn *amqp.Connection) {
	for ctx.Err() == nil {
		delay, declared := askInterval, t.declared()
		for _, d := range t.known() {
			if d.why() == nil && !slices.Contains(declared, d) {
				continue
			}
			if d.ask(conn); d.why() != nil {
				delay = soonInterval
			}
		}
		sleep(ctx, delay)
	}
}

// known returns the destinations that somebody wants.
func (t *transport) known() []*destination {
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.DeleteFunc(t.destinations, func(_ string, d *destination) bool { return time.Since(d.wanted) > forgottenAfter })
	return slices.SortedFunc(maps.Values(t.destinations), func(a, b *destination) int { return cmp.Compare(a.topic, b.topic) })
}

// why returns why something cannot be published at present, nil if all can.
func (t *transport) why() error {
	if why := t.health.Why(); !errors.Is(why, ops.ErrConnecting) && why != nil { // it connects when it has to
		return why
	}
	var all []error
	for _, d := range t.known() {
		all = append(all, d.why())
	}
	return errors.Join(all...)
}

// ask notes whether d is there.
func (d *destination) ask(conn *amqp.Connection) {
	ch, err := conn.Channel() // which ends with the answer that there is none
	if err != nil {
		return // of the connection
	}
	defer func() { _ = ch.Close() }()
	err = d.look(ch)
	switch code := codeOf(err); {
	case code == amqp.NotFound:
		d.note(d.missing("it does not exist", false), false)
	case err == nil, code != 0: // what else the broker says does not keep it from taking messages
		d.note(nil, true)
	}
}

// note notes why d takes nothing, and whether it is there all the same, or that all is well.
func (d *destination) note(err error, isThere bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err != nil:
		d.err, d.isThere, d.noted = err, isThere, time.Now()
		d.outage.Failed("cannot be published to, retrying", err)
	case !d.isThere || time.Since(d.noted) > refusalLasts:
		d.err, d.isThere, d.noted = nil, false, time.Now()
		d.outage.End("can be published to again")
	}
}

// missed returns why nothing can be published to d if its exchange was not there just now.
func (d *destination) missed() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.exchange != "" && !d.isThere && time.Since(d.noted) < missingLasts {
		return d.err
	}
	return nil
}

// why returns why nothing can be published to d at present, nil if it can.
func (d *destination) why() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}
