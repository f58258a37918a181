//go:build rabbitmq

package dlq

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/rabbitmq"
)

// How many letters one consumer of a queue is brought. As many are sent again, at most, when
// the command is killed.
const (
	window     = 500
	slowWindow = 16 // at least, where --rate allows fewer in a second
)

// isSameBroker reports whether two consumers read the same dead letters.
func isSameBroker(a, b config.RabbitMQ) bool {
	return a.URL == b.URL && a.QueuePrefix == b.QueuePrefix
}

// broker has the queues of dead letters, as they were when it was opened. What was read of
// a queue and not removed is given back at the end.
type broker struct {
	consumers []Consumer
	cfg       config.RabbitMQ // for topics that none of them consumes
	conn      *amqp.Connection
	queues    map[string]*queue // those that are there, by topic
	window    int
}

type queue struct {
	*amqp.Channel // on which the n-th letter has the tag n

	name   string
	count  int // of letters
	rounds int
	closed chan *amqp.Error

	mu      sync.Mutex
	held    map[uint64]struct{} // what was read and not removed, by tag
	last    uint64              // tag
	over    uint64              // the last tag of a consumer that ended
	later   []uint64            // what is removed when its consumer has ended
	removed bool                // something was
}

func openBroker(ctx context.Context, consumers []Consumer, o options, topics []string) (*broker, error) {
	b := &broker{consumers: consumers, cfg: consumers[0].Source, queues: make(map[string]*queue), window: window}
	if o.rate > 0 {
		b.window = min(max(int(o.rate), slowWindow), window)
	}
	conn, err := rabbitmq.Connect(ctx, b.cfg, b.cfg.GroupID+" dlq")
	if err != nil {
		return nil, err
	}
	b.conn = conn
	for _, topic := range topics {
		if err := rabbitmq.Within(ctx, func() error { return b.look(topic) }); err != nil {
			b.close()
			return nil, err
		}
	}
	return b, nil
}

// look notes what a queue has now.
func (b *broker) look(topic string) error {
	ch, err := b.conn.Channel()
	if err != nil {
		return err
	}
	q := &queue{Channel: ch, name: b.cfg.QueuePrefix + topic, closed: ch.NotifyClose(make(chan *amqp.Error, 1)), held: make(map[uint64]struct{})}
	n, isThere, err := rabbitmq.Count(ch, q.name)
	if q.count = n; isThere {
		b.queues[topic] = q
	}
	return err
}

func (b *broker) close() {
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	_ = b.settle(ctx) // what is not given back is back with the end of the connection, perhaps not in its place
	rabbitmq.Disconnect(b.conn)
}

// has reports whether a topic is there.
func (b *broker) has(topic string) bool { return b.queues[topic] != nil }

// ownTopics returns all that the consumers have.
func (b *broker) ownTopics() (all []string) {
	for _, c := range b.consumers {
		all = append(all, c.Topics...)
	}
	return all
}

// read calls f with each letter of a topic, in their order. Their offsets count from 1.
//
// One consumer comes after the other, each for so many letters, because those that stay are
// held until the end. What is removed is acknowledged when its consumer has ended: the broker
// would bring one more for it, which is behind others if it comes too late. With those that
// are held there are more for each, so the consumers stay few: the broker gives back in
// order what some dozen hold.
func (b *broker) read(ctx context.Context, topic string, _ int64, f func(message.Message) error) error {
	q := b.queues[topic]
	if q == nil {
		return nil
	}
	topics := b.ownTopics()
	take := func(d *amqp.Delivery) error {
		m := rabbitmq.DeadLetter(d, b.cfg, topics)
		m.Topic, m.Offset = topic, int64(d.DeliveryTag)
		return f(m)
	}
	for left := q.count; left > 0; {
		n, err := q.round(ctx, min(left, max(b.window, q.holds()/3), math.MaxUint16), take)
		if errors.Is(err, errEmpty) {
			return nil
		}
		if err != nil {
			return err
		}
		left -= n
	}
	return nil
}

// errEmpty ends the reading of a queue of which others have taken letters.
var errEmpty = errors.New("there is nothing left")

// round reads some letters, and returns how many.
func (q *queue) round(ctx context.Context, most int, take func(*amqp.Delivery) error) (n int, err error) {
	q.rounds++
	reader := fmt.Sprintf("dlq-%06d", q.rounds) // they are given back by name
	var letters <-chan amqp.Delivery
	err = rabbitmq.Within(ctx, func() (err error) {
		if err = q.Qos(most, 0, false); err == nil {
			letters, err = q.Consume(q.name, reader, false, false, false, false, nil)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("read queue %q: %w", q.name, err)
	}
	for heard := time.Now(); n < most && err == nil; {
		select {
		case d, ok := <-letters:
			if !ok {
				return n, q.why()
			}
			n, heard, err = n+1, time.Now(), q.hold(&d, take)
		case <-time.After(silence):
			err = q.ask(heard)
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	stopped := rabbitmq.Within(context.WithoutCancel(ctx), func() error { return q.Cancel(reader, false) })
	for d := range letters { // what came before it ended; a connection that is gone ends it too
		_ = q.hold(&d, func(*amqp.Delivery) error { return nil })
	}
	return n, cmp.Or(err, stopped, q.release())
}

// hold notes a letter that is not removed yet, and has it taken.
func (q *queue) hold(d *amqp.Delivery, take func(*amqp.Delivery) error) error {
	q.mu.Lock()
	q.held[d.DeliveryTag] = struct{}{}
	q.last = d.DeliveryTag
	q.mu.Unlock()
	return take(d)
}

// holds returns how many letters are held.
func (q *queue) holds() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.held)
}

// release removes what waited for the end of its consumer.
func (q *queue) release() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	later := q.later
	q.over, q.later = q.last, nil
	for _, tag := range later {
		if err := q.Ack(tag, false); err != nil {
			return err
		}
	}
	return nil
}

// ask asks whether there is anything left, when nothing has come for a while.
func (q *queue) ask(heard time.Time) error {
	waiting, _, err := rabbitmq.Count(q.Channel, q.name)
	switch {
	case err != nil:
		return err
	case waiting == 0:
		return errEmpty
	case time.Since(heard) > answerTimeout:
		return fmt.Errorf("no answer for %s: nothing of queue %q was read", answerTimeout, q.name)
	}
	return nil
}

// why returns why the broker brings no more letters.
func (q *queue) why() error {
	select {
	case err := <-q.closed:
		if err != nil { // a nil *amqp.Error would be an error
			return fmt.Errorf("read queue %q: %w: what was sent is not there any more, and the command goes on from there", q.name, err)
		}
		return fmt.Errorf("read queue %q: the connection ended", q.name)
	case <-time.After(silence):
		return fmt.Errorf("read queue %q: the broker ended it: is the queue gone?", q.name)
	}
}

// sender writes letters one by one.
type sender struct {
	*broker
	*rabbitmq.Sender
}

func (b *broker) newSender() sender { return sender{b, &rabbitmq.Sender{Conn: b.conn}} }

// send writes what a letter becomes, and returns once the broker confirmed that its queue
// has it.
func (s sender) send(ctx context.Context, _ *Letter, m *message.Message) error {
	return s.Send(ctx, s.settingsOf(m.Topic), m)
}

// settingsOf returns those that say where a topic's queues are.
func (b *broker) settingsOf(topic string) config.RabbitMQ {
	for _, c := range b.consumers {
		for _, t := range c.Topics {
			switch topic {
			case t:
				return c.Source
			case t + ParkedSuffix:
				single := c.Source
				single.Partitions = 1
				return single
			}
		}
	}
	return b.cfg
}

// createParked makes the queue for what is parked, unless it is there.
func (b *broker) createParked(ctx context.Context, topic string) error {
	return rabbitmq.Within(ctx, func() error {
		ch, err := b.conn.Channel()
		if err != nil {
			return err
		}
		defer func() { _ = ch.Close() }()
		return rabbitmq.DeclareLetters(ch, b.cfg, topic)
	})
}

// remove removes a letter.
func (b *broker) remove(_ context.Context, l *Letter) error {
	q := b.queues[l.Topic]
	q.mu.Lock()
	defer q.mu.Unlock()
	tag := uint64(l.Offset)
	delete(q.held, tag)
	if q.removed = true; tag > q.over {
		q.later = append(q.later, tag)
		return nil
	}
	return q.Ack(tag, false)
}

// settle gives back what was read and not removed, and returns when the queues have in
// their logs what became of it.
func (b *broker) settle(ctx context.Context) error {
	var errs []error
	for _, q := range b.queues {
		if q.IsClosed() {
			continue // its letters are back
		}
		if err := rabbitmq.Within(ctx, func() error { return b.settleQueue(ctx, q) }); err != nil {
			errs = append(errs, fmt.Errorf("queue %q: what was removed last may be there again: %w", q.name, err))
		}
	}
	return errors.Join(errs...)
}

// settleQueue waits until the log has what was removed, and then gives the rest back: with the
// end of their channel the letters are in the order that they had, as they would not be one
// by one.
func (b *broker) settleQueue(ctx context.Context, q *queue) error {
	q.mu.Lock()
	held, removed := len(q.held), q.removed
	clear(q.held)
	q.removed = false
	q.mu.Unlock()
	if removed {
		if err := rabbitmq.Settle(q.Channel, q.name); err != nil {
			return err
		}
	}
	if held == 0 {
		return nil
	}
	if err := q.Close(); err != nil {
		return err
	}
	ch, err := b.conn.Channel()
	if err != nil {
		return err
	}
	for { // whoever comes next finds them all
		waiting, _, err := rabbitmq.Count(ch, q.name)
		if err != nil || waiting >= held {
			return err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
