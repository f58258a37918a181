package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// producer is one sarama producer, from its dial to its end.
type producer struct {
	dialled chan struct{}  // closed when the dial ended, one way or the other
	err     error          // why it failed
	users   sync.WaitGroup // those who wait for the dial or for an answer
	gone    chan struct{}  // closed when everything of it has ended

	client sarama.Client
	async  sarama.AsyncProducer
}

// slot is the place of a producer: there is none before it is needed, and a
// broken one makes room for the next.
type slot struct {
	dial  func() (sarama.Client, sarama.AsyncProducer, error)
	drain time.Duration // how long close waits

	mu      sync.Mutex
	current *producer
	closed  bool
	abandon chan struct{} // closed when close waits no longer
}

func newSlot(cfg config.Kafka, bytes, messages int) *slot {
	return &slot{
		drain:   cfg.DrainTimeout,
		abandon: make(chan struct{}),
		dial: func() (sarama.Client, sarama.AsyncProducer, error) {
			c, err := producerConfig(cfg, bytes, messages)
			if err != nil {
				return nil, nil, err
			}
			return dial(cfg.Brokers, c)
		},
	}
}

// dial connects a producer. sarama.NewAsyncProducer would do, but leaves its
// client running when it fails.
func dial(brokers []string, c *sarama.Config) (sarama.Client, sarama.AsyncProducer, error) {
	client, err := sarama.NewClient(brokers, c)
	if err != nil {
		return nil, nil, err
	}
	async, err := sarama.NewAsyncProducerFromClient(client)
	if err != nil {
		return nil, nil, errors.Join(err, client.Close())
	}
	return client, async, nil
}

// send publishes m with the slot's producer and waits for the answer.
func (s *slot) send(ctx context.Context, m *message.Message) error {
	p, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer p.users.Done()

	pm := producerMessage(m)
	answer := make(chan error, 1) // nobody may be waiting any more
	pm.Metadata = answer
	select {
	case p.async.Input() <- pm:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.abandon:
		return ErrClosed
	}
	select {
	case err = <-answer:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.abandon:
		return ErrClosed
	}
	switch {
	case err == nil:
		m.Partition, m.Offset = pm.Partition, pm.Offset
	case tooLarge(err):
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	case broken(err):
		s.replace(p)
	}
	return err
}

// acquire returns the slot's producer, dialled. The caller calls users.Done
// when it needs it no longer.
func (s *slot) acquire(ctx context.Context) (*producer, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, ErrClosed
	}
	p := s.current
	if p == nil {
		p = &producer{dialled: make(chan struct{}), gone: make(chan struct{})}
		s.current = p
		go s.run(p)
	}
	p.users.Add(1)
	s.mu.Unlock()

	var err error
	select {
	case <-p.dialled:
		err = p.err
	case <-ctx.Done():
		err = ctx.Err()
	case <-s.abandon:
		err = ErrClosed
	}
	if err != nil {
		p.users.Done()
		return nil, err
	}
	return p, nil
}

// run dials p and passes its answers on until it has ended.
func (s *slot) run(p *producer) {
	defer close(p.gone)
	p.client, p.async, p.err = s.dial()
	if p.err != nil {
		s.vacate(p) // before anyone hears of it, so that who tries again dials again
		close(p.dialled)
		return
	}
	close(p.dialled)

	var answers sync.WaitGroup
	answers.Go(func() {
		for pm := range p.async.Successes() {
			pm.Metadata.(chan error) <- nil
		}
	})
	answers.Go(func() {
		for e := range p.async.Errors() {
			e.Msg.Metadata.(chan error) <- e.Err
		}
	})
	answers.Wait()
	_ = p.client.Close() // it can only say that it was closed before
}

// vacate takes p out of the slot, unless another one has its place.
func (s *slot) vacate(p *producer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != p {
		return false
	}
	s.current = nil
	return true
}

// replace makes room for a new producer and ends p once its users are done.
func (s *slot) replace(p *producer) {
	if s.vacate(p) {
		go p.end()
	}
}

// end waits for p's users and lets sarama send what is left.
func (p *producer) end() {
	p.users.Wait()
	<-p.dialled
	if p.err == nil {
		p.async.AsyncClose()
	}
	<-p.gone
}

// close ends the slot's producer. After the drain time it waits no longer.
func (s *slot) close() error {
	s.mu.Lock()
	p, first := s.current, !s.closed
	s.closed, s.current = true, nil
	s.mu.Unlock()
	if !first || p == nil {
		return nil
	}
	go p.end()
	timer := time.NewTimer(s.drain)
	defer timer.Stop()
	select {
	case <-p.gone:
		return nil
	case <-timer.C:
		close(s.abandon)
		return fmt.Errorf("publisher closed after %v without the broker's answer to all messages", s.drain)
	}
}
