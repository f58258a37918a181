package rabbitmq

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/sethvargo/go-retry"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// outgoing is a message on its way to the broker.
type outgoing struct {
	message       *message.Message
	publishing    amqp.Publishing
	exchange, key string
	timeout       time.Duration
	deadline      time.Time
	event         bool         // which takes room
	run           func(func()) // runs what follows the broker's answer
	done          func(error)
	release       func() // gives its room back

	over     bool  // it is published or given up
	returned error // no queue takes it, as the broker said before its confirmation
	last     error // why the last attempt failed
	attempts int
	tries    retry.Backoff
	timer    *time.Timer // of its deadline
	leave    func()      // those that Flush waits for
}

func (o *outgoing) size() int64 {
	n := messageOverhead + len(o.message.Key) + len(o.message.Value)
	for _, h := range o.message.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return int64(n)
}

// place names what o must keep its order in, "" if it need not.
func (o *outgoing) place() string {
	if o.message.Key == nil {
		return ""
	}
	return o.message.Topic + "\x00" + string(o.message.Key)
}

// accept takes o, to be sent after what was accepted before it in its key.
func (p *Publisher) accept(o *outgoing) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing.Err() != nil {
		return ErrClosed
	}
	p.begin()
	p.accepted.Add(1)
	o.leave = p.accepted.Done
	o.tries = message.RetryPolicy{Kind: message.RetryKind(p.cfg.PublishRetryPolicy), Delay: p.cfg.PublishRetryDelay, MaxDelay: p.cfg.PublishRetryMaxDelay}.Backoff()
	o.timer = time.AfterFunc(time.Until(o.deadline), func() { p.expire(o) })
	place := o.place()
	if p.keys[place] = append(p.keys[place], o); place == "" || len(p.keys[place]) == 1 {
		p.makeReady(o)
	}
	return nil
}

// makeReady has o sent. It is called with p.mu held, as all that follows.
func (p *Publisher) makeReady(o *outgoing) {
	p.ready = append(p.ready, o)
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// next returns the next message, which is then sent with the tag, nil if there is none.
func (p *Publisher) next(tag uint64) *outgoing {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.ready) > 0 {
		o := p.ready[0]
		p.ready[0] = nil
		if p.ready = p.ready[1:]; !o.over {
			o.attempts++
			p.sent[tag] = o
			return o
		}
	}
	return nil
}

// retry has o sent again when the policy says so.
func (p *Publisher) retry(o *outgoing, err error) {
	if o.over {
		return
	}
	o.last, o.returned = err, nil
	if limit := p.cfg.PublishRetryMaxAttempts; limit > 0 && o.attempts >= limit {
		p.finish(o, message.Retry(fmt.Errorf("given up after %d attempts: %w", o.attempts, err)))
		return
	}
	delay, _ := o.tries.Next()
	time.AfterFunc(delay, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if !o.over {
			p.makeReady(o)
		}
	})
}

// expire gives o up.
func (p *Publisher) expire(o *outgoing) {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := fmt.Errorf("given up after %v; the last attempt: %w", o.timeout, cmp.Or(o.last, p.state, errors.New("no answer from the broker")))
	if o.last != nil && p.state == nil { // the broker is there
		p.finish(o, message.Retry(err))
	} else {
		p.finish(o, message.Unavailable(err))
	}
}

// finish ends o: published if err is nil, else given up with all that wait behind it.
func (p *Publisher) finish(o *outgoing, err error) {
	if o.over {
		return
	}
	place := o.place()
	waiting := p.keys[place]
	at := slices.Index(waiting, o)
	gone := []*outgoing{o}
	if err != nil && place != "" {
		gone = slices.Clone(waiting[at:])
	}
	waiting = slices.Delete(waiting, at, at+len(gone))
	if p.keys[place] = waiting; len(waiting) == 0 {
		delete(p.keys, place)
	}
	for i, o := range gone {
		if i == 1 {
			err = message.Retry(fmt.Errorf("an event before it in its key was not published: %w", err))
		}
		p.leave(o, err)
	}
	if at == 0 && place != "" && len(waiting) > 0 {
		p.makeReady(waiting[0])
	}
}

// leave tells of a message that is published or given up.
func (p *Publisher) leave(o *outgoing, err error) {
	o.over = true
	o.timer.Stop()
	p.Observe(o.message.Topic, err)
	o.run(func() {
		defer o.leave()
		o.release()
		o.done(err)
	})
}

// abandon gives up all that there is.
func (p *Publisher) abandon() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, waiting := range p.keys {
		for _, o := range slices.Clone(waiting) {
			p.lost.Add(1)
			p.logFailure(delivery(o.message), errAbandoned)
			p.leave(o, message.Retry(errAbandoned))
		}
	}
	clear(p.keys)
}

// confirm notes the broker's word about what was sent with a tag.
func (p *Publisher) confirm(c amqp.Confirmation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.sent[c.DeliveryTag]
	delete(p.sent, c.DeliveryTag)
	switch {
	case o == nil:
	case o.returned != nil:
		p.retry(o, o.returned)
	case !c.Ack:
		p.retry(o, errors.New("the broker did not take it: its queue is full, or has no majority"))
	default:
		p.finish(o, nil)
	}
}

// noteReturn notes that no queue takes r. What is the same as r was sent before it, so the
// first is meant.
func (p *Publisher) noteReturn(r amqp.Return) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, tag := range slices.Sorted(maps.Keys(p.sent)) {
		o := p.sent[tag]
		if o.returned == nil && o.exchange == r.Exchange && o.key == r.RoutingKey && o.publishing.MessageId == r.MessageId && bytes.Equal(o.publishing.Body, r.Body) {
			o.returned = fmt.Errorf("no queue takes it (%s): the service that consumes topic %q makes its queues when it starts, with the same RABBITMQ_PARTITIONS", r.ReplyText, o.message.Topic)
			return
		}
	}
}

// fail notes that nothing can be sent: what is under way is sent again, but for messages
// that ended the channel. They are known by what the broker says of it.
func (p *Publisher) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = err
	p.outage.Failed("publishing is interrupted, retrying", err)
	tags := slices.Sorted(maps.Keys(p.sent))
	for _, tag := range tags {
		o := p.sent[tag]
		if cause := blame(o, err); cause != nil {
			p.finish(o, cause)
		} else {
			p.retry(o, err)
		}
	}
	for _, o := range p.ready {
		if len(tags) == 0 && !o.over { // there was no connection: that was its attempt
			o.attempts++
			p.retry(o, err)
		}
	}
	if clear(p.sent); len(tags) == 0 {
		p.ready = nil
	}
}

var sizeLimit = regexp.MustCompile(`larger than (?:configured )?max(?:imum)? (?:message )?size (\d+)`)

// blame returns why o ended its channel, nil if it did not.
func blame(o *outgoing, err error) error {
	answer, _ := errors.AsType[*amqp.Error](err)
	if answer == nil {
		return nil
	}
	names := strings.Contains(answer.Reason, "'"+cmp.Or(o.exchange, "amq.default")+"'")
	switch limit := sizeLimit.FindStringSubmatch(answer.Reason); {
	case answer.Code == amqp.PreconditionFailed && limit != nil:
		if most, _ := strconv.Atoi(limit[1]); len(o.message.Value) > most {
			return message.Permanent(fmt.Errorf("%w: %w", message.ErrTooLarge, err))
		}
	case answer.Code == amqp.AccessRefused && names:
		return message.Retry(fmt.Errorf("%w: %w", message.ErrRefused, err))
	case answer.Code == amqp.NotFound && names:
		return message.Retry(fmt.Errorf("topic %q does not exist: the service that consumes it makes it when it starts: %w", o.message.Topic, err))
	}
	return nil
}
