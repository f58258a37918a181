// Package oracle judges a run of the service under faults. It knows neither
// Kafka nor the service: it compares what was sent and acknowledged with what
// the handlers wrote down, what is in the dead letters and what was seen
// committed, and counts what must not be.
package oracle

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Place is where a message lies.
type Place struct {
	Topic     string
	Partition int32
}

// Sent is a message that the broker acknowledged.
type Sent struct {
	ID, Key string
	Seq     int64 // grows with each message of its key
	Place   Place
	Offset  int64
	At      int64  // of the acknowledgement, Unix nanoseconds
	Dead    bool   // it ends in the dead letters, not with the handler
	Gone    bool   // the cluster lost or deleted it: nothing is asked of it
	Sum     string // of its value
	Ask     string // what it asked its handler to do
}

// Call is one run of a handler.
type Call struct {
	ID, Key    string
	Seq        int64
	Place      Place
	Offset     int64
	Life       string // the process it ran in
	Attempt    int
	Start, End int64  // Unix nanoseconds; End is 0 when it never returned
	Outcome    string // Done, or why not
}

// Done is the outcome of a call that handled its message.
const Done = "ok"

// Dead is a dead letter.
type Dead struct {
	ID     string
	Place  Place // of the message, not of the letter
	Offset int64
	At     int64  // when it was written
	Sum    string // of the message's value, restored
}

// Sample is an offset that was seen committed.
type Sample struct {
	Place  Place
	Offset int64
	At     int64 // when the answer was there
}

// End is when a life gave its partitions back, all of them.
type End struct {
	Life string
	At   int64
}

// Rules are what a run is held to.
type Rules struct {
	// Commit is how long a message may be done and not committed: the commit
	// interval, and as long as commits could not be made.
	Commit time.Duration
	// Span is how many messages of a partition may be done beyond one that is
	// not: the service's bound, and what was under way when it paused.
	Span int64
	// Overlap allows a handler that outlived its partition's drain to meet
	// its message's next delivery.
	Overlap bool
}

// Run is everything that is known of a run.
type Run struct {
	Sent    []Sent
	Calls   []Call
	Dead    []Dead
	Samples []Sample
	Ends    []End
	Rules   Rules
}

// Report counts messages. All but the first four fields and Worst must be 0.
type Report struct {
	Produced, Handled, Dead int
	Repeated                int // handled or dead-lettered again

	Lost     int // acknowledged, and neither handled nor a dead letter
	Disorder int // begun before the one before it of its key was done
	Excess   int // repeated although it should have been committed
	Passed   int // commits that passed a message that was not done
	Misled   int // handled instead of dead-lettered, or the other way, or altered

	Worst    time.Duration // the longest time from acknowledgement to done
	Problems []string      // the first few of each kind, in words
}

// OK reports whether nothing was found that must not be.
func (r *Report) OK() bool { return r.Lost+r.Disorder+r.Excess+r.Passed+r.Misled == 0 }

const (
	never    = math.MaxInt64
	maxWords = 5 // problems of a kind that are listed
)

func (r *Report) problem(count *int, format string, args ...any) {
	if *count++; *count <= maxWords {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	}
}

// subject is a message with everything that happened to it.
type subject struct {
	Sent
	acked bool
	calls []Call // by start
	dead  []Dead
	done  int64 // when it was terminal first, or never
}

// judge is the working state of Check.
type judge struct {
	run    Run
	all    map[string]*subject
	places map[Place][]*subject // by offset
	report Report
}

// Check compares the run with its rules.
func Check(run Run) Report {
	j := &judge{run: run, all: map[string]*subject{}, places: map[Place][]*subject{}}
	j.gather()
	j.checkOutcomes()
	j.checkOrder()
	j.checkOverlap()
	j.checkRepeats()
	j.checkCommits()
	return j.report
}

// gather collects what is known of each message.
func (j *judge) gather() {
	of := func(id string) *subject {
		s := j.all[id]
		if s == nil {
			s = &subject{Sent: Sent{ID: id}, done: never}
			j.all[id] = s
		}
		return s
	}
	for _, m := range j.run.Sent {
		s := of(m.ID)
		s.Sent, s.acked = m, true
	}
	for _, c := range j.run.Calls {
		s := of(c.ID)
		s.calls = append(s.calls, c)
		if !s.acked { // the broker has it although the producer had no answer
			s.Key, s.Seq, s.Place, s.Offset = c.Key, c.Seq, c.Place, c.Offset
		}
		if c.Outcome == Done && c.End > 0 {
			s.done = min(s.done, c.End)
		}
	}
	for _, d := range j.run.Dead {
		s := of(d.ID)
		s.dead = append(s.dead, d)
		s.done = min(s.done, d.At)
	}
	for _, s := range j.all {
		slices.SortFunc(s.calls, func(a, b Call) int { return compare(a.Start, b.Start) })
		if s.Place != (Place{}) {
			j.places[s.Place] = append(j.places[s.Place], s)
		}
	}
	for _, list := range j.places {
		slices.SortFunc(list, func(a, b *subject) int { return compare(a.Offset, b.Offset) })
	}
}

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// checkOutcomes finds what was lost, and what ended otherwise than it should.
func (j *judge) checkOutcomes() {
	r := &j.report
	for _, m := range j.run.Sent {
		s := j.all[m.ID]
		r.Produced++
		handled := slices.ContainsFunc(s.calls, func(c Call) bool { return c.Outcome == Done })
		if handled {
			r.Handled++
		}
		if len(s.dead) > 0 {
			r.Dead++
		}
		switch {
		case s.Gone:
			continue
		case s.done == never:
			r.problem(&r.Lost, "lost: %s", s)
			continue
		case m.Dead && handled:
			r.problem(&r.Misled, "handled instead of dead-lettered: %s", s)
		case !m.Dead && len(s.dead) > 0:
			r.problem(&r.Misled, "dead-lettered instead of handled: %s", s)
		}
		for _, d := range s.dead {
			if d.Sum != m.Sum {
				r.problem(&r.Misled, "altered in the dead letters: %s", s)
			}
		}
		r.Worst = max(r.Worst, time.Duration(s.done-m.At))
	}
}

func (s *subject) String() string {
	return fmt.Sprintf("%s/%d@%d key %s seq %d", s.Place.Topic, s.Place.Partition, s.Offset, s.Key, s.Seq)
}
