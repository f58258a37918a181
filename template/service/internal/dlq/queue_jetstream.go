//go:build jetstream

package dlq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	nats "github.com/nats-io/nats.go/jetstream"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/jetstream"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// isSameBroker reports whether two consumers read the same dead letters with the same rights.
func isSameBroker(a, b config.JetStream) bool {
	return slices.Equal(a.URLs, b.URLs) && a.User == b.User && a.Token == b.Token && a.Credentials == b.Credentials
}

// broker has the streams of dead letters, as they were when it was opened.
type broker struct {
	cfg     config.JetStream
	js      nats.JetStream
	streams map[string]*stream // those that are there, by topic

	mu      sync.Mutex
	layouts map[string]jetstream.Layout // of topics that letters go to
}

type stream struct {
	nats.Stream
	layout jetstream.Layout
	count  uint64 // of letters
	last   uint64 // sequence
}

func openBroker(ctx context.Context, consumers []Consumer, _ options, topics []string) (*broker, error) {
	b := &broker{cfg: consumers[0].Source, streams: make(map[string]*stream), layouts: make(map[string]jetstream.Layout)}
	js, err := jetstream.Connect(ctx, b.cfg)
	if err != nil {
		return nil, err
	}
	b.js = js
	for _, topic := range topics {
		s, layout, err := jetstream.EnsureStream(ctx, js, b.cfg, topic, false)
		if errors.Is(err, nats.ErrStreamNotFound) {
			continue
		}
		if err != nil {
			b.close()
			return nil, err
		}
		state := s.CachedInfo().State
		b.streams[topic] = &stream{s, layout, state.Msgs, state.LastSeq}
	}
	return b, nil
}

func (b *broker) close() { b.js.Conn().Close() }

// has reports whether a topic is there.
func (b *broker) has(topic string) bool { return b.streams[topic] != nil }

// read calls f with each letter of a topic from a sequence on, in their order.
func (b *broker) read(ctx context.Context, topic string, from int64, f func(message.Message) error) error {
	s := b.streams[topic]
	next := uint64(max(from, 1))
	if s == nil || s.count == 0 || next > s.last {
		return nil
	}
	reader, err := s.OrderedConsumer(ctx, nats.OrderedConsumerConfig{DeliverPolicy: nats.DeliverByStartSequencePolicy, OptStartSeq: next})
	if err != nil {
		return fmt.Errorf("read %s: %w", topic, err)
	}
	letters, err := reader.Messages()
	if err != nil {
		return fmt.Errorf("read %s: %w", topic, err)
	}
	defer letters.Stop()
	for heard := time.Now(); ; {
		m, meta, err := await(ctx, letters)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, context.DeadlineExceeded):
			if isOver, err := s.isOver(ctx, next); isOver {
				return nil
			} else if time.Since(heard) > answerTimeout {
				return fmt.Errorf("no answer for %s: nothing of %s was read: %w", answerTimeout, topic, err)
			}
			continue
		case err != nil:
			return fmt.Errorf("read %s: %w", topic, err)
		case meta.Sequence.Stream > s.last:
			return nil
		}
		if err := f(jetstream.NewMessage(s.layout, m, meta)); err != nil {
			return err
		}
		if heard, next = time.Now(), meta.Sequence.Stream+1; next > s.last || meta.NumPending == 0 {
			return nil
		}
	}
}

// await waits some time for the next letter.
func await(ctx context.Context, letters nats.MessagesContext) (nats.Msg, *nats.MsgMetadata, error) {
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	m, err := letters.Next(nats.NextContext(ctx))
	if err != nil {
		return nil, nil, err
	}
	meta, err := m.Metadata()
	return m, meta, err
}

// isOver reports whether nothing of what there was is left from a sequence on: others
// delete too.
func (s *stream) isOver(ctx context.Context, next uint64) (bool, error) {
	asking, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	m, err := s.GetMsg(asking, next, nats.WithGetMsgSubject(">"))
	if errors.Is(err, nats.ErrMsgNotFound) {
		return true, nil
	}
	return err == nil && m.Sequence > s.last, err
}

// sender writes letters one by one.
type sender struct{ *broker }

func (b *broker) newSender() sender { return sender{b} }

// send writes what a letter becomes, and returns once its stream has it. The server knows
// it by the letter: who was killed before that was removed writes nothing twice, if it does
// not take minutes.
func (s sender) send(ctx context.Context, l *Letter, m *message.Message) error {
	layout, err := s.layoutOf(ctx, m.Topic)
	if err != nil {
		return err
	}
	return jetstream.Write(ctx, s.js, layout, m, fmt.Sprintf("redrive/%s/%d/%d", l.Topic, l.Offset, l.Time.UnixNano()))
}

func (b *broker) layoutOf(ctx context.Context, topic string) (jetstream.Layout, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l, ok := b.layouts[topic]; ok {
		return l, nil
	}
	_, l, err := jetstream.EnsureStream(ctx, b.js, b.cfg, topic, false)
	if err == nil {
		b.layouts[topic] = l
	}
	return l, err
}

// createParked creates the stream for what is parked, unless it is there.
func (b *broker) createParked(ctx context.Context, topic string) error {
	single := b.cfg
	single.Partitions = 1
	_, _, err := jetstream.EnsureStream(ctx, b.js, single, topic, true)
	return err
}

// remove removes a letter, unless somebody else did.
func (b *broker) remove(ctx context.Context, l *Letter) error {
	s := b.streams[l.Topic]
	err := s.DeleteMsg(ctx, uint64(l.Offset))
	if err != nil {
		if _, there := s.GetMsg(ctx, uint64(l.Offset)); errors.Is(there, nats.ErrMsgNotFound) {
			return nil
		}
	}
	return err
}

// settle has nothing to wait for: the server has answered to each removal.
func (*broker) settle(context.Context) error { return nil }
