package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
)

// usualWhat is the width at which the column of types and ids begins.
const usualWhat = 21

// report prints a line for each thing that happens to a message and remembers
// the last of them. It is safe for use by the service's workers.
type report struct {
	mu      sync.Mutex
	w       io.Writer
	colours bool
	place   int // width of the column, growing
	what    int // width of the column, growing
	first   time.Duration
	fates   map[string]engine.EventKind // by place: topic/partition@offset
	changed chan struct{}               // closed at the next change of fates
}

func newReport(w io.Writer, colours bool) *report {
	return &report{
		w: w, colours: colours, what: usualWhat,
		fates: map[string]engine.EventKind{}, changed: make(chan struct{}),
	}
}

// event prints what happened to a message.
func (r *report) event(e engine.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Kind == engine.Handled && r.first == 0 {
		r.first = time.Since(started)
	}
	m := e.Message
	place := fmt.Sprintf("%s/%d@%d", m.Topic, m.Partition, m.Offset)
	what := "-"
	if m.Header != nil {
		what = fmt.Sprintf("%s %.8s", m.Header.MessageType, m.Header.MessageID)
	}
	r.place, r.what = max(r.place, len(place)), max(r.what, len(what))
	fate := e.Kind.String()
	if e.Kind == engine.Retrying {
		fate = fmt.Sprintf("retry %d/%d", e.Attempt, e.MaxAttempts)
	}
	fmt.Fprintf(r.w, "%s  %-*s  %s  %-*s  %s\n", r.paint(dim, time.Now().Format(time.TimeOnly)), r.place, place,
		r.paint(colourOf[e.Kind], fmt.Sprintf("%-11s", fate)), r.what, what, detail(e))
	r.fates[place] = e.Kind
	close(r.changed)
	r.changed = make(chan struct{})
}

// detail is the end of a message's line: how long it took, or why it failed
// and what comes next.
func detail(e engine.Event) string {
	switch e.Kind {
	case engine.Handled:
		return short(e.Elapsed)
	case engine.Retrying, engine.Waiting, engine.DeadLetterRefused:
		return fmt.Sprintf("%s, in %s", oneLine(e.Err), short(e.Delay))
	case engine.DeadLettered:
		return fmt.Sprintf("%s → %s.dlq", oneLine(e.Err), e.Message.Topic)
	default:
		return oneLine(e.Err)
	}
}
