package dev

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/samples"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
)

// report prints a line for each thing that happens to a message. It is safe for
// use by the service's workers.
type report struct {
	colours bool
	width   int      // of the place's column
	last    sync.Map // the last event of each message, without the message, by consumer and place

	mu sync.Mutex
	w  io.Writer
}

func newReport(w io.Writer, colours bool) *report { return &report{colours: colours, w: w} }

// event prints what happened to a message: how long it took, or why it failed and
// what comes next.
func (r *report) event(consumer string, e engine.Event) {
	m := e.Message
	place := placeOf(m)
	kind, detail := samples.NameOf(e.Kind), e.Elapsed.Round(time.Microsecond).String()
	if e.Err != nil { // on one line, without what would disturb a terminal
		detail = strings.Join(strings.FieldsFunc(fmt.Sprintf("%.300s", e.Err.Error()), unicode.IsControl), " ")
	}
	switch e.Kind {
	case engine.Retrying:
		kind = fmt.Sprintf("retry %d/%d", m.Attempt, m.Retry.MaxAttempts)
	case engine.DeadLettered:
		detail += " → " + m.Topic + ".dlq"
	}
	if e.Delay > 0 {
		detail += ", in " + e.Delay.Round(time.Millisecond).String()
	}
	kind = fmt.Sprintf("%-11s", kind)
	if r.colours {
		kind = fmt.Sprintf("\x1b[%dm%s\x1b[0m", cmp.Or(colours[e.Kind], 31), kind)
	}
	line := fmt.Sprintf("%s  %-*s  %s  %s  %s  %s  %s", time.Now().Format(time.TimeOnly), r.width, place, kind,
		cmp.Or(m.Header.MessageType, "-"), detail, m.Header.MessageID, consumer)
	r.say("%s\n", strings.TrimRight(line, " "))
	e.Message = nil // which is valid during the call only
	r.last.Store(consumer+place, e)
}

// outcome waits until the message at a place is done, and returns its last event.
func (r *report) outcome(ctx context.Context, consumer, place string) (engine.Event, error) {
	for {
		last, _ := r.last.Load(consumer + place)
		if e, ok := last.(engine.Event); ok && e.Delay == 0 {
			return e, nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return engine.Event{}, context.Cause(ctx)
		}
	}
}

// summary says how many messages became what.
func (r *report) summary() string {
	counts, parts := map[string]int{}, []string{}
	for _, last := range r.last.Range {
		if e := last.(engine.Event); e.Delay > 0 { //nolint:forcetypeassert // nothing else is in it
			counts["not done"]++
		} else {
			counts[samples.NameOf(e.Kind)]++
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", kind, counts[kind]))
	}
	return cmp.Or(strings.Join(parts, ", "), "no message came")
}

func placeOf(m *message.Message) string {
	return fmt.Sprintf("%s/%d@%d", m.Topic, m.Partition, m.Offset)
}

// begin prints where everything is.
func (r *report) begin(broker string, s *service.Service) {
	topics := slices.Compact(slices.Sorted(slices.Values(slices.Concat(s.Topics(), s.Published()))))
	for _, topic := range topics {
		r.width = max(r.width, len(topic)+len("/0@0"))
	}
	r.say("broker %s · %s (%d partitions each)\n", broker, strings.Join(topics, ", "), embedded.Partitions)
	r.say("schema %s\n", s.RegistryURL())                //forge:if avro
	r.say("web    %s\n", paths(s.HTTPAddr(), s.Posts())) //forge:if http
	r.say("ops    http://%s/readyz · /livez · /status · /metrics\n\n", s.OpsAddr())
}

// conclude prints what is not as expected, or else what to do next; nothing when
// ctx has ended before the samples were done.
func (r *report) conclude(ctx context.Context, err error, broker string, s *service.Service) {
	send := "go run ./dev -send -broker " + broker
	send += fmt.Sprintf(" -registry '%s'", s.RegistryURL()) //forge:if avro
	switch {
	case ctx.Err() != nil:
	case err != nil:
		r.say("\n%v\n\nwhat each sample expects is in dev/samples/; http://%s/readyz says what the service waits for\n\n", err, s.OpsAddr())
	default:
		r.say("\nchange it      handlers/, models/, app/app.go; then Ctrl-C and make dev\n"+
			"send more      edit dev/samples/; then in another terminal: %s\n"+
			"look inside    curl http://%s/metrics\n\n", send, s.OpsAddr())
	}
}

func (r *report) say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.w, format, args...)
}

// isTerminal reports whether f shows colours and the user wants them.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// colours of the kinds of events, green and yellow; the others are red.
var colours = map[engine.EventKind]int{engine.Handled: 32, engine.Ignored: 32, engine.Retrying: 33, engine.Unavailable: 33, engine.DeadLettered: 33}
