package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// world is a broker and everything that a test knows of what happened. The real
// engine runs against it, in fake time.
type world struct {
	mu         sync.Mutex
	cfg        Config
	partitions []*partition
	commitsOK  bool // whether commits reach the broker
	deadOK     bool // whether dead letters are acknowledged
	members    []*member
	healed     bool // whether handlers stop asking to be tried again
	broken     []string
}

// partition is a log, and what the group has committed of it.
type partition struct {
	id        int32
	log       []entry
	committed int   // index into log of the next message to deliver after a crash
	lane      *life // the present owner, nil for none
}

// GoString keeps what rapid prints of a failure short.
func (p *partition) GoString() string { return fmt.Sprintf("partition %d", p.id) }

// place names a key of the partition.
func (p *partition) place(key string) string { return fmt.Sprintf("%d %s", p.id, key) }

// entry is one message and what its handler is going to do.
type entry struct {
	offset int64
	key    []byte
	value  []byte
	plan   []act // one an attempt; the last one repeats
	retry  *message.RetryPolicy
	done   int // how often it became terminal, over all lives
}

// act is what a handler does once.
type act struct {
	takes  time.Duration
	away   int    // how often what it needs is away before that
	result string // ok, other group, retry, permanent, plain, panic, exit
	deaf   bool   // it does not listen to its context
}

// life is one claim of a partition.
type life struct {
	w         *world
	p         *partition
	owner     *member
	lane      *Lane
	from      int // index of the first delivered
	next      int // index of the next to deliver
	terminal  map[int]bool
	aborted   map[int]bool   // handlers told to give up because of a shutdown
	last      map[string]int // by key, the index of what started last
	failures  map[int]int    // attempts that failed and count
	waited    map[int]int    // times that what the present attempt needs was away
	marked    int            // index after the last marked
	paused    bool
	fetched   bool // a batch was delivered in spite of the pause
	over      bool
	drainFrom time.Time
}

func (w *world) violate(format string, args ...any) {
	w.broken = append(w.broken, fmt.Sprintf(format, args...))
}

func (l *life) index(offset int64) int {
	return slices.IndexFunc(l.p.log, func(e entry) bool { return e.offset == offset })
}

// Mark implements Claim. Invariants 1, 2, 7 and 8.
func (l *life) Mark(offset int64) {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	end := l.index(offset) + 1
	if l.over {
		l.w.violate("7: partition %d marked up to %d in a dead epoch", l.p.id, offset)
	}
	if end < l.marked {
		l.w.violate("2: partition %d marked back from %d to %d", l.p.id, l.marked, end)
	}
	for i := l.from; i < end; i++ {
		if !l.terminal[i] {
			l.w.violate("1: partition %d marked up to %d, but %d is not terminal", l.p.id, offset, l.p.log[i].offset)
		}
	}
	l.marked = end
}

// Commit implements Claim.
func (l *life) Commit(context.Context) error {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	if !l.w.commitsOK {
		return errors.New("commit lost")
	}
	l.p.committed = max(l.p.committed, l.marked)
	return nil
}

func (l *life) Pause()  { l.w.mu.Lock(); l.paused = true; l.w.mu.Unlock() }
func (l *life) Resume() { l.w.mu.Lock(); l.paused = false; l.w.mu.Unlock() }

// member is one engine of the group.
type member struct {
	*Engine
	w       *world
	stop    context.CancelFunc
	dead    bool
	running int                // handlers
	active  map[string]running // by partition and key
}

// running is a handler that has not returned.
type running struct {
	l *life
	i int
}

// Commit commits what was marked.
func (m *member) Commit(ctx context.Context) error {
	for _, p := range m.w.partitions {
		if l := m.w.ownedBy(m, p); l != nil {
			if err := l.Commit(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *world) ownedBy(m *member, p *partition) *life {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.lane == nil || p.lane.owner != m || m.dead {
		return nil
	}
	return p.lane
}

// DeadLetter implements DeadLetters.
func (m *member) DeadLetter(_ context.Context, msg *message.Message, f Failure) error {
	time.Sleep(3 * time.Millisecond)
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	l := lifeOf(msg)
	i := l.index(msg.Offset)
	l.came(msg)
	if l.aborted[i] {
		m.w.violate("8: %d/%d was dead-lettered because of a shutdown", msg.Partition, msg.Offset)
	}
	if isUnavailable(f.Err) || f.Attempts != l.failures[i] {
		m.w.violate("14: %d/%d was dead-lettered after %d attempts, of which %d failed: %v", msg.Partition, msg.Offset, f.Attempts, l.failures[i], f.Err)
	}
	if !m.w.deadOK {
		return errors.New("refused")
	}
	m.w.becomes(msg)
	return nil
}

// came checks that a message is as it was delivered. Invariant 15.
func (l *life) came(m *message.Message) {
	i := l.index(m.Offset)
	if i < 0 || text(m) != text(l.message(i)) || (m.Key == nil) != (l.p.log[i].key == nil) || len(m.Headers) != 1 {
		l.w.violate("15: %s of partition %d is not as it was delivered", text(m), l.p.id)
	}
}

// message returns the message at index i as it is delivered.
func (l *life) message(i int) *message.Message {
	e := l.p.log[i]
	return &message.Message{
		Topic: "t", Partition: l.p.id, Offset: e.offset, Key: slices.Clone(e.key), Value: slices.Clone(e.value), Time: time.Unix(e.offset, 0),
		Headers: []message.Field{{Key: "life", Value: fmt.Appendf(nil, "%p", l)}},
	}
}

// scribble writes into a message whatever a handler may.
func scribble(m *message.Message) {
	for _, b := range [][]byte{m.Key, m.Value, m.Headers[0].Value} {
		for i := range b {
			b[i] = '?'
		}
	}
	m.Headers[0].Key, m.Headers = "?", append(m.Headers, message.Field{Key: "more"})
	m.Topic, m.Partition, m.Offset, m.Time = "?", 99, -1, time.Time{}
	m.Key, m.Value, m.Attempt = []byte("?"), nil, 99
	m.Header.MessageType, m.Decoded = "?", m
}

// becomes notes a message as terminal. Invariant 3.
func (w *world) becomes(m *message.Message) {
	l := lifeOf(m)
	i := l.index(m.Offset)
	if l.terminal[i] {
		w.violate("3: %d/%d became terminal twice", m.Partition, m.Offset)
	}
	l.terminal[i] = true
	l.p.log[i].done++
}

// lives finds a message's life by the header that it was delivered with.
var lives sync.Map

func lifeOf(m *message.Message) *life {
	id, _ := m.Get("life")
	l, _ := lives.Load(string(id))
	return l.(*life)
}

// handle is the handler. Invariants 5, 6, 11, 14 and 15.
func (w *world) handle(ctx context.Context, m *message.Message) error {
	w.mu.Lock()
	l := lifeOf(m)
	i := l.index(m.Offset)
	if m.Attempt != l.failures[i]+1 {
		w.violate("14: attempt %d of %d/%d after %d that count", m.Attempt, m.Partition, m.Offset, l.failures[i])
	}
	if l.came(m); m.Header != (message.Header{}) || m.Decoded != nil {
		w.violate("15: attempt %d of %d/%d sees what another one made", m.Attempt, m.Partition, m.Offset)
	}
	m.Retry = l.p.log[i].retry // as the Registry does
	defer scribble(m)
	s := l.p.log[i].plan[min(m.Attempt, len(l.p.log[i].plan))-1]
	if w.healed { // while dead-lettering is paused, they would ask to be tried again without end
		s.takes, s.away = min(s.takes, 20*time.Millisecond), 0
		if s.result == "retry" || s.result == "plain" {
			s.result = "ok"
		}
	}
	if l.waited[i] < s.away {
		s.result = "away"
	}
	key := w.order(m)
	w.starts(l, i, key)
	w.mu.Unlock()

	err := s.run(ctx)

	w.mu.Lock()
	defer w.mu.Unlock()
	l.owner.running--
	delete(l.owner.active, l.p.place(key))
	if err == nil || errors.Is(err, message.ErrOtherGroup) {
		w.becomes(m)
		return err
	}
	if l.aborted[i] = errors.Is(context.Cause(ctx), errDraining); l.aborted[i] {
		return err
	}
	l.count(i, err)
	switch s.result {
	case "panic":
		panic("planned")
	case "exit":
		runtime.Goexit()
	}
	return err
}

// count notes what an outcome counts as.
func (l *life) count(i int, err error) {
	switch {
	case isUnavailable(err):
		l.waited[i]++
	case err != nil:
		l.failures[i]++
		l.waited[i] = 0
	}
}

func (w *world) starts(l *life, i int, key string) {
	if !l.drainFrom.IsZero() && time.Now().After(l.drainFrom) {
		w.violate("11: handler of %d/%d started after the drain began", l.p.id, l.p.log[i].offset)
	}
	if l.owner.running++; l.owner.running > w.cfg.MaxWorkers {
		w.violate("6: %d handlers run", l.owner.running)
	}
	if key != "" {
		if other, ok := l.owner.active[l.p.place(key)]; ok {
			w.violate("5: %d and %d of key %q overlap, in one life: %v", other.i, i, key, other.l == l)
		}
		if last, ok := l.last[key]; ok && (i < last || i > last && !l.terminal[last]) {
			w.violate("5: key %q: %d started after %d", key, i, last)
		}
		l.owner.active[l.p.place(key)], l.last[key] = running{l, i}, i
	}
}

// order returns what a message waits behind, empty for nothing.
func (w *world) order(m *message.Message) string {
	switch {
	case w.cfg.Ordering == OrderPartition:
		return "all"
	case w.cfg.Ordering == OrderNone, m.Key == nil:
		return ""
	}
	return "key " + string(m.Key)
}

// spend lets the time d pass, or less when ctx ends before. It makes no timer for no
// time: where goroutines of one synctest bubble receive from timers that are due, each
// fires its own in the race detector's one context for the bubble, and the detector
// crashes (golang/go#78156).
func spend(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s act) run(ctx context.Context) error {
	if s.deaf {
		ctx = context.WithoutCancel(ctx)
	}
	if err := spend(ctx, s.takes); err != nil {
		return err
	}
	switch s.result {
	case "other group":
		return message.ErrOtherGroup
	case "retry":
		return message.Retry(errors.New("again"))
	case "permanent":
		return message.Permanent(errors.New("never"))
	case "plain":
		return errors.New("plain")
	case "panic", "exit":
		return errors.New("about to end without a return")
	case "away":
		return message.Unavailable(errors.New("away"))
	}
	return nil
}

func isUnavailable(err error) bool { return message.OutcomeOf(err) == message.OutcomeUnavailable }
