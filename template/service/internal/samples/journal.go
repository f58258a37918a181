package samples

import (
	"context"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
)

// Journal keeps the last event of each message.
type Journal struct {
	mu      sync.Mutex
	events  map[string]engine.Event // by place
	changed chan struct{}           // closed at the next event
}

// NewJournal returns an empty journal.
func NewJournal() *Journal {
	return &Journal{events: make(map[string]engine.Event), changed: make(chan struct{})}
}

// Observe notes an event.
func (j *Journal) Observe(e engine.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	m := *e.Message
	e.Message = &m
	j.events[placeOf(m.Topic, m.Partition, m.Offset)] = e
	close(j.changed)
	j.changed = make(chan struct{})
}

// DeadLetters returns the events of all messages that became dead letters.
func (j *Journal) DeadLetters() (all []engine.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range j.events {
		if e.Kind == engine.DeadLettered {
			all = append(all, e)
		}
	}
	return all
}

// Last returns the last event of a message that was sent, and whether it is done.
func (j *Journal) Last(sent *kgo.Record) (e engine.Event, done bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e = j.events[placeOf(sent.Topic, sent.Partition, sent.Offset)]
	return e, e.Message != nil && e.Delay == 0
}

// Await waits until a message that was sent is done, and returns its last event.
func (j *Journal) Await(ctx context.Context, sent *kgo.Record) (engine.Event, error) {
	for {
		j.mu.Lock()
		changed := j.changed
		j.mu.Unlock()
		e, done := j.Last(sent)
		if done {
			return e, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			last := "nothing happened to it"
			if e.Message != nil {
				last = fmt.Sprintf("%v: %v", e.Kind, e.Err)
			}
			return e, fmt.Errorf("%s is not done: %s: %w", placeOf(sent.Topic, sent.Partition, sent.Offset), last, context.Cause(ctx))
		}
	}
}

func placeOf(topic string, partition int32, offset int64) string {
	return fmt.Sprintf("%s/%d@%d", topic, partition, offset)
}
