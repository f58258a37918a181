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

	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
)

const (
	askInterval    = 10 * time.Second       // between two questions for what the service is to publish to,
	soonInterval   = time.Second            // and while something is wrong
	answerLasts    = 500 * time.Millisecond // of one question, for all that wait to publish there
	refusalLasts   = 10 * time.Second       // which asking does not refute: the pause before the next attempt is shorter
	forgottenAfter = time.Minute            // after which nobody publishes there any more
)

var (
	errUnasked = errors.New("RabbitMQ was not asked yet whether it is there")
	errIsThere = errors.New("it is there") // so a message can be published
)

// destination is where messages of a topic go. What is wrong with it is of nobody else.
type destination struct {
	topic, exchange, queue string // the default exchange leads to the queue
	wanted                 time.Time

	asking sync.Mutex // held by who asks for it

	mu      sync.Mutex
	isThere bool
	asked   time.Time
	err     error     // why nothing can be published there at present
	refused time.Time // when the broker said so of a message, and asking does not tell
	outage  ops.Outage
}

// destination returns where messages of a topic go by exchange and routing key.
func (t *transport) destination(topic, exchange, key string) *destination {
	at := [2]string{exchange, key}
	if exchange != "" {
		at[1] = ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	d := t.destinations[at]
	if d == nil {
		d = &destination{topic: topic, exchange: at[0], queue: at[1], outage: ops.Outage{Log: t.log.With("topic", topic)}}
		t.destinations[at] = d
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
			exchange, key := route(t.cfg, &message.Message{Topic: topic})
			all = append(all, t.destination(topic, exchange, key))
		}
	}
	return all
}

// check has the declared destinations asked for from now on. Until that is done they are
// not ready.
func (t *transport) check() {
	for _, d := range t.declared() {
		d.mu.Lock()
		if d.asked.IsZero() && d.err == nil {
			d.err = fmt.Errorf("topic %q: %w", d.topic, errUnasked)
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
			if _ = d.ask(conn); d.why() != nil {
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
	maps.DeleteFunc(t.destinations, func(_ [2]string, d *destination) bool { return time.Since(d.wanted) > forgottenAfter })
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

// ask asks the broker for d, and returns errIsThere or why nothing can be published there.
func (d *destination) ask(conn *amqp.Connection) error {
	d.asking.Lock()
	defer d.asking.Unlock()
	if !d.isAnswered() {
		ch, err := conn.Channel() // which ends with the answer that there is none
		if err != nil {
			return err
		}
		defer func() { _ = ch.Close() }()
		if d.exchange == "" {
			_, err = ch.QueueDeclarePassive(d.queue, true, false, false, false, nil)
		} else {
			err = ch.ExchangeDeclarePassive(d.exchange, hashExchange, true, false, false, false, nil)
		}
		switch code := codeOf(err); {
		case code == amqp.NotFound:
			_ = d.note(false, d.missing("it does not exist"))
		case err != nil && code == 0:
			return err // of the connection
		default: // what else the broker says does not keep it from taking messages
			_ = d.note(true, nil)
		}
	}
	if d.mayTake() {
		return errIsThere
	}
	return d.why()
}

// isAnswered reports whether the broker was asked just now. If not, it is from now on.
func (d *destination) isAnswered() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.asked) < answerLasts {
		return true
	}
	d.asked = time.Now()
	return false
}

// note notes whether d is there, and why it takes nothing all the same. It returns that.
func (d *destination) note(isThere bool, err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.isThere = isThere
	switch {
	case err != nil:
		if d.err = err; isThere {
			d.refused = time.Now()
		}
		d.outage.Failed("cannot be published to, retrying", err)
	case time.Since(d.refused) > refusalLasts:
		d.err = nil
		d.outage.End("can be published to again")
	}
	return err
}

// mayTake reports whether a message can be published.
func (d *destination) mayTake() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.isThere
}

// why returns why nothing can be published to d at present, nil if it can.
func (d *destination) why() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

func (d *destination) place() string {
	if d.exchange != "" {
		return fmt.Sprintf("exchange %q", d.exchange)
	}
	return fmt.Sprintf("queue %q", d.queue)
}

// missing returns that no queue takes what is published to d.
func (d *destination) missing(why string) error {
	return message.Unavailable(fmt.Errorf("topic %q: no queue takes it at %s (%s): the service that consumes the topic makes its queues when it starts, with the same RABBITMQ_PARTITIONS and RABBITMQ_QUEUE_PREFIX", d.topic, d.place(), why))
}
