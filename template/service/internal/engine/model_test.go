package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// settle lets everything happen that happens without outside help, checks that
// nothing is stuck and that everything is done. Invariants 4, 9, 13 and 14.
func (w *world) settle(m *member) {
	w.mu.Lock()
	w.commitsOK, w.deadOK, w.healed = true, true, true
	w.mu.Unlock()
	for _, p := range w.partitions {
		if p.lane == nil {
			w.assign(m, p)
		}
	}
	for range 10_000 {
		open := false
		for _, p := range w.partitions {
			if !p.lane.isPaused() {
				p.lane.deliver(7)
			}
			w.mu.Lock()
			open = open || p.committed < len(p.log)
			w.mu.Unlock()
		}
		if !open {
			break
		}
		time.Sleep(w.cfg.CommitInterval)
		synctest.Wait()
	}
	if s := m.Stats(); s.Waiting != 0 || s.Records != 0 || s.Bytes != 0 {
		w.violate("14: %d messages wait, %d with %d bytes are held at rest", s.Waiting, s.Records, s.Bytes)
	}
	w.counted(m)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.partitions {
		if p.committed != len(p.log) {
			w.violate("4: partition %d rests at %d of %d (paused %v)", p.id, p.committed, len(p.log), p.lane.paused)
		}
		if p.lane.paused {
			w.violate("13: partition %d is paused with nothing to do", p.id)
		}
		for i, e := range p.log {
			if e.done == 0 {
				w.violate("9: %d/%d was never done", p.id, i)
			}
		}
	}
}

// counted checks that nothing is counted as held or running at rest. Invariant 6.
func (w *world) counted(m *member) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.retrying < 0 || m.held < 0 || len(m.workers) == 0 && (m.retrying != 0 || m.held != 0) {
		w.violate("6: %d retries run and %d bytes are held at rest", m.retrying, m.held)
	}
}

func (w *world) check(t *rapid.T) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.broken) > 0 {
		t.Fatalf("broken: %q", w.broken)
	}
}

func drawConfig(t *rapid.T) Config {
	records := rapid.IntRange(1, 20).Draw(t, "MaxPollRecords")
	return Config{
		Engine: config.Engine{
			Ordering:    rapid.SampledFrom([]string{OrderKey, OrderKey, OrderPartition, OrderNone}).Draw(t, "Ordering"),
			MaxWorkers:  rapid.IntRange(1, 6).Draw(t, "MaxWorkers"),
			ErrorPolicy: PolicyDeadLetter, MaxPollRecords: records,
			MaxBufferBytes: rapid.SampledFrom([]int64{1 << 30, 10 * overhead}).Draw(t, "MaxBufferBytes"),
			CommitInterval: 50 * time.Millisecond, DrainTimeout: 500 * time.Millisecond,
			HandlerTimeout: rapid.SampledFrom([]time.Duration{0, 200 * time.Millisecond}).Draw(t, "HandlerTimeout"), StuckAfter: time.Hour,
		},
		Retry: drawRetry(t), MaxUncommitted: 3 * records, CommitRecords: 8,
	}
}

func drawRetry(t *rapid.T) message.RetryPolicy {
	return message.RetryPolicy{
		Kind:        rapid.SampledFrom([]message.RetryKind{message.RetryExponential, message.RetryFibonacci, message.RetryFixed}).Draw(t, "Kind"),
		MaxAttempts: rapid.IntRange(1, 4).Draw(t, "MaxAttempts"),
		Delay:       10 * time.Millisecond, MaxDelay: 80 * time.Millisecond,
	}
}

// largest is how many bytes a message has at most.
const largest = 100

func drawPartition(t *rapid.T, id int32) *partition {
	step := rapid.Custom(func(t *rapid.T) act {
		return act{
			takes:  rapid.SampledFrom([]time.Duration{0, 0, 0, time.Millisecond, 20 * time.Millisecond, 2 * time.Second}).Draw(t, "takes"),
			away:   rapid.SampledFrom([]int{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 1_000_000}).Draw(t, "away"),
			result: rapid.SampledFrom([]string{"ok", "ok", "ok", "ok", "ok", "other group", "retry", "permanent", "plain", "panic", "exit"}).Draw(t, "result"),
			deaf:   rapid.IntRange(0, 9).Draw(t, "deaf") == 0,
		}
	})
	p := &partition{id: id}
	offset := int64(0)
	for range rapid.IntRange(0, 40).Draw(t, "messages") {
		offset += int64(rapid.SampledFrom([]int{1, 1, 1, 5}).Draw(t, "gap"))
		e := entry{offset: offset, plan: rapid.SliceOfN(step, 1, 3).Draw(t, "plan")}
		e.key = rapid.SampledFrom([][]byte{nil, {}, []byte("a"), []byte("b"), []byte("c")}).Draw(t, "key")
		e.value = make([]byte, rapid.SampledFrom([]int{0, 1, largest}).Draw(t, "value"))
		if rapid.IntRange(0, 4).Draw(t, "own retry") == 0 {
			own := drawRetry(t)
			e.retry = &own
		}
		p.log = append(p.log, e)
	}
	return p
}

// happen does one thing that can happen to a consumer.
func (w *world) happen(t *rapid.T, m *member) *member {
	p := rapid.SampledFrom(w.partitions).Draw(t, "partition")
	switch rapid.SampledFrom([]string{
		"deliver", "deliver", "deliver", "deliver", "wait", "wait", "own", "revoke", "lose", "crash", "commits", "dead letters",
	}).Draw(t, "action") {
	case "deliver":
		// What was fetched already comes in spite of a pause, once.
		if p.lane != nil && (!p.lane.isPaused() || !p.lane.fetched) {
			p.lane.fetched = p.lane.isPaused()
			p.lane.deliver(rapid.IntRange(1, 12).Draw(t, "n"))
		}
	case "wait":
		time.Sleep(rapid.SampledFrom([]time.Duration{time.Millisecond, 30 * time.Millisecond, 300 * time.Millisecond}).Draw(t, "d"))
	case "own":
		if p.lane == nil {
			w.assign(m, p)
		}
	case "revoke":
		if p.lane != nil {
			w.end(p, false)
		}
	case "lose":
		if p.lane != nil {
			w.end(p, true)
		}
	case "crash":
		w.crash(m)
		time.Sleep(time.Second) // its handlers are gone before the next one comes
		m = w.join()
	case "commits":
		w.mu.Lock()
		w.commitsOK = !w.commitsOK
		w.mu.Unlock()
	case "dead letters":
		w.mu.Lock()
		w.deadOK = !w.deadOK
		w.mu.Unlock()
	}
	return m
}

// leave ends all that still runs, so that the bubble can end.
func (w *world) leave() {
	for _, p := range w.partitions {
		if p.lane != nil {
			p.lane.lane.Lose()
		}
	}
	for _, m := range w.members {
		m.stop()
	}
	time.Sleep(time.Minute)
}

// inBubble runs f in fake time and passes on how it failed.
func inBubble(t *testing.T, f func()) {
	var failed any
	synctest.Test(t, func(*testing.T) {
		defer func() { failed = recover() }()
		f()
	})
	if failed != nil {
		panic(failed)
	}
}

// TestInvariantsHold runs the engine through random deliveries, failures,
// refusals, revocations, losses, crashes and restarts, and checks the
// invariants at each step and at the end:
//
//	 1  what is committed lies below everything that is not terminal
//	 2  and does not go back in one life of a lane
//	 3  a message becomes terminal at most once in it
//	 4  at rest everything delivered is committed
//	 5  handlers of one key do not overlap, also when one outlives its lane, and keep its order, retries included
//	 6  at most MaxWorkers run, and what is held, and what is beyond the low-water mark, is bounded
//	 7  a lane that ended marks nothing
//	 8  no message is a dead letter because of a shutdown, and each is terminal only once its dead letter is acknowledged
//	 9  every message is done in the end
//	10  what comes again after a crash lies in the window that was told
//	11  a drain ends by its deadline, and no handler starts after it began
//	13  what is paused is resumed, also when its lane ends
//	14  what is away is waited for: no dead letter, and not counted as an attempt
//	15  each attempt, and the dead letter, is of what was delivered
//
// Number 12, that a slow lane takes no more than its share of the workers, is
// TestASlowLaneLeavesWorkersToOthers.
func TestInvariantsHold(t *testing.T) {
	for range 3 { // times the hundred histories that rapid runs by itself
		t.Run("", invariantsHold)
	}
}

func invariantsHold(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{cfg: drawConfig(rt), commitsOK: true, deadOK: true}
		for id := range rapid.IntRange(1, 3).Draw(rt, "partitions") {
			w.partitions = append(w.partitions, drawPartition(rt, int32(id)))
		}
		inBubble(t, func() {
			defer w.leave()
			m := w.join()
			for range rapid.IntRange(0, 40).Draw(rt, "actions") {
				m = w.happen(rt, m)
				synctest.Wait()
				w.check(rt)
			}
			w.settle(m)
			w.check(rt)
		})
	})
}
