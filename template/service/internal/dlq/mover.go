//go:build jetstream || rabbitmq

package dlq

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// lanes are how many letters are on their way at once.
const lanes = 128

// mover takes letters out of a box: each is written where it is to go, which the broker
// acknowledges, and then removed. Whoever is killed in between sends it once more.
//
// Letters of one key go one after the other, as they lie. What is behind one that cannot
// be written stays too: if that is too large, what has its key, and else what goes where it
// was to go.
type mover struct {
	*box
	report *report

	lanes   [lanes]chan *move
	turn    uint32          // of letters without a key
	tried   map[string]bool // topics of dead letters of which one was moved
	told    time.Time       // of the progress
	stop    context.CancelCauseFunc
	running sync.WaitGroup

	mu     sync.Mutex
	err    error           // of the first letter that could not be moved
	full   map[string]bool // topics that take nothing
	behind map[way]bool    // keys of which a letter was too large
	parks  map[string]bool // topics for what is parked, that are there
}

// move is a letter on its way. Without a place to go it is only removed.
type move struct {
	letter *Letter
	row    row
	to     *message.Message
	done   chan struct{} // closed when it is over, unless it is nil
}

// way is what has to keep its order.
type way struct{ topic, key string }

func newMover(b *box, report *report) *mover {
	return &mover{box: b, report: report, tried: make(map[string]bool), full: make(map[string]bool), behind: make(map[way]bool), parks: make(map[string]bool)}
}

// run calls f with each letter, and returns when all that it handed over are where they
// are to be.
func (m *mover) run(ctx context.Context, f func(context.Context, *Letter, row) error) error {
	ctx, m.stop = context.WithCancelCause(ctx)
	defer m.stop(nil)
	if m.execute {
		for i := range m.lanes {
			m.lanes[i] = make(chan *move, 4)
			m.running.Go(func() { m.serve(context.WithoutCancel(ctx), m.lanes[i]) })
		}
	}
	err := m.each(ctx, func(l *Letter, row row) error { return f(ctx, l, row) })
	if !m.execute {
		return enough(err)
	}
	for i := range m.lanes {
		close(m.lanes[i])
	}
	m.running.Wait()
	settling, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTimeout)
	defer cancel()
	settled := m.settle(settling)
	if m.err != nil && errors.Is(err, m.err) {
		err = nil // it is why it ended
	}
	return errors.Join(enough(err), m.err, settled)
}

// enough is no error if as many letters were sent as were asked for.
func enough(err error) error {
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// hand has a letter moved. The first of a topic is waited for: if it may not be removed, no
// other is sent.
func (m *mover) hand(ctx context.Context, v *move) error {
	lane := m.turn % lanes
	if key := v.letter.Original.Key; key != nil {
		h := fnv.New32a()
		_, _ = h.Write(key)
		lane = h.Sum32() % lanes
	} else {
		m.turn++
	}
	if !m.tried[v.letter.Topic] {
		m.tried[v.letter.Topic], v.done = true, make(chan struct{})
	}
	if now := time.Now(); v.to != nil && now.Sub(m.told) >= time.Second/2 {
		m.told = now
		m.report.progress()
	}
	select {
	case m.lanes[lane] <- v:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if v.done != nil {
		<-v.done // it ends within answerTimeout
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// serve moves the letters of one lane.
func (m *mover) serve(ctx context.Context, lane <-chan *move) {
	s := m.newSender()
	for v := range lane {
		row := v.row
		if err := m.move(ctx, s, v); err != nil {
			row.Outcome = notWritten
		}
		m.report.add(row, v.letter)
		if v.done != nil {
			close(v.done)
		}
	}
}

// errBehind is that of a letter that stays because of one before it.
var errBehind = errors.New("one before it stays")

// move writes a letter where it is to go and then removes it.
func (m *mover) move(ctx context.Context, s sender, v *move) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if v.to != nil {
		if err := m.write(ctx, s, v); err != nil {
			return err
		}
	}
	err := m.remove(ctx, v.letter)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: remove it: %w", v.letter.place(), err)
	if v.to != nil {
		err = fmt.Errorf("%w: it is in %s again, and the next redrive would send it once more", err, cell(v.to.Topic))
	}
	m.note(err)
	m.stop(err)
	if v.to != nil {
		return nil // it was written
	}
	return err
}

// write writes a letter where it is to go, unless what was before it could not.
func (m *mover) write(ctx context.Context, s sender, v *move) error {
	on := way{v.to.Topic, string(v.to.Key)}
	m.mu.Lock()
	waits, isParked := m.full[on.topic] || v.to.Key != nil && m.behind[on], v.row.Outcome == parked && !m.parks[on.topic]
	m.mu.Unlock()
	if waits {
		return errBehind
	}
	var err error
	if isParked {
		err = m.createParked(ctx, on.topic)
	}
	if err == nil {
		err = s.send(ctx, v.letter, v.to)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	const hint = "select others with --class, --reason or --key, or send it elsewhere with --to"
	switch {
	case err == nil:
		m.parks[on.topic] = true
	case message.OutcomeOf(err) == message.OutcomePermanent:
		m.behind[on] = true
		err = fmt.Errorf("%s: write to %s: %w: it and what is behind it with its key stay; %s", v.letter.place(), cell(on.topic), err, hint)
	default:
		m.full[on.topic] = true
		err = fmt.Errorf("%s: write to %s: %w: it and what is behind it for that topic stay; %s", v.letter.place(), cell(on.topic), err, hint)
	}
	m.err = cmp.Or(m.err, err)
	return err
}

// note notes the first error.
func (m *mover) note(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = cmp.Or(m.err, err)
}
