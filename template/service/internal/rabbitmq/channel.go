package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// begin connects, once. It is called with p.mu held.
func (p *Publisher) begin() {
	if !p.begun {
		p.begun = true
		p.ended.Go(p.keepSending)
	}
}

// keepSending sends what is ready, on one channel after another, until the publisher ends.
func (p *Publisher) keepSending() {
	for backoff := reopenPolicy.Backoff(); p.life.Err() == nil; {
		opened, err := p.sendOnChannel()
		if p.life.Err() != nil {
			return
		}
		p.fail(err)
		if opened {
			backoff = reopenPolicy.Backoff()
		}
		delay, _ := backoff.Next()
		sleep(p.life, delay)
	}
}

// sendOnChannel connects and sends what is ready until the connection or its channel
// ends. It returns why, and whether it could connect.
func (p *Publisher) sendOnChannel() (opened bool, err error) {
	conn, err := open(p.life, p.cfg, p.service+" publisher")
	if err != nil {
		return false, err
	}
	defer leave(conn)
	ch, err := conn.Channel()
	if err == nil {
		err = ch.Confirm(false)
	}
	if err != nil {
		return false, err
	}
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	returns, confirmations, blocked := ch.NotifyReturn(make(chan amqp.Return)), ch.NotifyPublish(make(chan amqp.Confirmation)), conn.NotifyBlocked(make(chan amqp.Blocking)) // before the first is sent
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		p.takeAnswers(returns, confirmations, blocked)
	}()
	p.resume()
	for {
		select {
		case <-p.wake:
			if err := p.sendReady(ch); err != nil {
				leave(conn)
				<-answered
				return true, err
			}
		case err := <-closed:
			<-answered
			if err == nil { // a nil *amqp.Error would be an error
				return true, errors.New("the connection ended")
			}
			return true, fmt.Errorf("RabbitMQ at %s ended the channel: %w", p.cfg.Address(), err)
		case <-p.life.Done():
			return true, nil
		}
	}
}

// resume notes that messages can be sent, from tag 1 on.
func (p *Publisher) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state, p.sent = nil, map[uint64]*outgoing{}
	p.outage.End("publishing resumed")
	select {
	case p.wake <- struct{}{}: // for what became ready meanwhile
	default:
	}
}

// sender is what sending needs of an amqp.Channel.
type sender interface {
	GetNextPublishSeqNo() uint64
	PublishWithContext(ctx context.Context, exchange, key string, mandatory, immediate bool, msg amqp.Publishing) error
}

func (p *Publisher) sendReady(ch sender) error {
	for {
		o := p.next(ch.GetNextPublishSeqNo())
		if o == nil {
			return nil
		}
		if err := ch.PublishWithContext(p.life, o.exchange, o.key, true, false, o.publishing); err != nil {
			return err
		}
	}
}

// takeAnswers notes what the broker says until the channel ends. One goroutine takes all:
// a message that comes back does so before its confirmation.
func (p *Publisher) takeAnswers(returns <-chan amqp.Return, confirmations <-chan amqp.Confirmation, blocked <-chan amqp.Blocking) {
	for confirmations != nil {
		select {
		case r, ok := <-returns:
			if !ok {
				returns = nil
				continue
			}
			p.noteReturn(r)
		case c, ok := <-confirmations:
			if !ok {
				return
			}
			p.confirm(c)
		case b, ok := <-blocked:
			if !ok {
				blocked = nil
				continue
			}
			p.noteBlocked(b)
		}
	}
}

// noteBlocked notes that the broker takes nothing, or does again.
func (p *Publisher) noteBlocked(b amqp.Blocking) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !b.Active {
		p.state = nil
		p.outage.End("publishing resumed")
		return
	}
	p.state = fmt.Errorf("RabbitMQ at %s takes no messages: %s", p.cfg.Address(), b.Reason)
	p.outage.Failed("publishing is interrupted", p.state)
}

// Ready returns why nothing can be published at present, nil when the broker takes it.
func (p *Publisher) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout/2)
	defer cancel()
	for {
		p.mu.Lock()
		if p.closing.Err() == nil {
			p.begin()
		}
		err := p.state
		p.mu.Unlock()
		if !errors.Is(err, errConnecting) || ctx.Err() != nil {
			return err
		}
		sleep(ctx, 10*time.Millisecond)
	}
}
