package servicetest

import (
	"context"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/samples"
)

// Send produces messages in their order, and notes in each where it landed. Outcome
// then waits for each.
func (s *Service) Send(messages ...*message.Message) {
	s.t.Helper()
	if err := embedded.Send(s.t.Context(), s.Broker, messages...); err != nil {
		s.t.Fatal(err)
	}
}

// SendSamples produces sample messages and returns them as they were sent.
func (s *Service) SendSamples(all []samples.Sample) []*message.Message {
	s.t.Helper()
	to := samples.Target{Broker: s.Broker}
	to.Registry = s.Registry //forge:if avro
	sent, err := to.Send(s.t.Context(), all)
	if err != nil {
		s.t.Fatal(err)
	}
	return sent
}

// Published waits for the first n messages of a topic, dead letters or what was
// published, and returns them.
func (s *Service) Published(topic string, n int) []*message.Message {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	all, err := embedded.Read(ctx, s.Broker, topic, n)
	if err != nil || len(all) < n {
		s.t.Fatalf("%d messages in %s after %v, want %d: %v", len(all), topic, patience, n, err)
	}
	return all
}

// Outcome waits until a message that was sent was handled, is a dead letter, or
// was given up in another way, and returns that event. Its error says why. Where
// several consumers read the topic, it is the outcome at the first.
func (s *Service) Outcome(sent *message.Message) engine.Event {
	s.t.Helper()
	return s.OutcomeAt(s.service.FirstConsumer(sent.Topic), sent)
}

// OutcomeAt is Outcome at one consumer: the name that b.Consumer was given.
func (s *Service) OutcomeAt(consumer string, sent *message.Message) engine.Event {
	s.t.Helper()
	late := time.After(patience)
	for {
		e, done, changed := s.last(consumer, sent)
		if done {
			return e
		}
		select {
		case <-changed:
		case <-late:
			s.t.Fatalf("%s/%d@%d is not done after %v; the last attempt: %v", sent.Topic, sent.Partition, sent.Offset, patience, e.Err)
		}
	}
}

// Last returns the last event of a message that was sent, at the first consumer of
// its topic, and whether it is done.
func (s *Service) Last(sent *message.Message) (e engine.Event, done bool) {
	e, done, _ = s.last(s.service.FirstConsumer(sent.Topic), sent)
	return e, done
}

// DeadLetters returns the events of all messages that became dead letters, at
// each consumer.
func (s *Service) DeadLetters() (all []engine.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.Kind == engine.DeadLettered {
			all = append(all, e)
		}
	}
	return all
}

// place is a message in its topic, and the consumer that it was delivered to.
type place struct {
	consumer, topic string
	partition       int32
	offset          int64
}

// observe notes an event of a consumer.
func (s *Service) observe(consumer string, e engine.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := *e.Message // which is valid during the call only
	e.Message = &m
	s.events[place{consumer, m.Topic, m.Partition, m.Offset}] = e
	close(s.changed)
	s.changed = make(chan struct{})
}

// last returns the last event of a message at a consumer, whether it is done, and
// what is closed at the next event.
func (s *Service) last(consumer string, sent *message.Message) (e engine.Event, done bool, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e = s.events[place{consumer, sent.Topic, sent.Partition, sent.Offset}]
	return e, e.Message != nil && e.Delay == 0, s.changed
}
