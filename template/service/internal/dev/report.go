package dev

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/samples"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
)

// usualPort is where clients look for Kafka by default.
const usualPort = 9092

// started is as near to the start of the process as a program can see.
var started = time.Now()

// report prints a line for each thing that happens to a message. It is safe for
// use by the service's workers.
type report struct {
	journal *samples.Journal
	colours bool

	mu    sync.Mutex
	w     io.Writer
	place int           // width of the column, growing
	what  int           // width of the column, growing
	first time.Duration // from the start of the process to the first message that was handled
}

func newReport(w io.Writer, colours bool) *report {
	return &report{journal: samples.NewJournal(), colours: colours, w: w, what: 21}
}

// event prints what happened to a message.
func (r *report) event(e engine.Event) {
	defer r.journal.Observe(e)
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Kind == engine.Handled && r.first == 0 {
		r.first = time.Since(started)
	}
	m := e.Message
	place := fmt.Sprintf("%s/%d@%d", m.Topic, m.Partition, m.Offset)
	what := "-"
	if m.Header.MessageType != "" {
		what = fmt.Sprintf("%s %.8s", m.Header.MessageType, m.Header.MessageID)
	}
	r.place, r.what = max(r.place, len(place)), max(r.what, len(what))
	kind := samples.NameOf(e.Kind)
	if e.Kind == engine.Retrying {
		kind = fmt.Sprintf("retry %d/%d", e.Attempt, e.MaxAttempts)
	}
	fmt.Fprintf(r.w, "%s  %-*s  %s  %-*s  %s\n", r.paint(dim, time.Now().Format(time.TimeOnly)), r.place, place,
		r.paint(colourOf(e.Kind), fmt.Sprintf("%-11s", kind)), r.what, what, detail(e))
}

// detail is the end of a message's line: how long it took, or why it failed and
// what comes next.
func detail(e engine.Event) string {
	switch {
	case e.Kind == engine.Handled:
		return short(e.Elapsed)
	case e.Kind == engine.DeadLettered:
		return fmt.Sprintf("%s → %s.dlq", oneLine(e.Err), e.Message.Topic)
	case e.Delay > 0:
		return fmt.Sprintf("%s, in %s", oneLine(e.Err), short(e.Delay))
	default:
		return oneLine(e.Err)
	}
}

// begin prints where everything is.
func (r *report) begin(broker string, s *service.Service) {
	for _, topic := range s.Topics() {
		r.place = max(r.place, len(topic)+len("/0@0"))
	}
	topics := fmt.Sprintf("%s (%d partitions, each topic with its .dlq)", strings.Join(s.Topics(), ", "), embedded.Partitions)
	if published := s.Published(); len(published) > 0 {
		topics += " → " + strings.Join(published, ", ")
	}
	instead := ""
	if !isUsual(broker) {
		instead = fmt.Sprintf(", because %d is taken", usualPort)
	}
	r.say("kafka  embedded on %s%s · %s\n", broker, instead, topics)
	r.say("schema %s\n", s.RegistryURL())                //forge:if avro
	r.say("web    %s\n", paths(s.HTTPAddr(), s.Posts())) //forge:if http
	r.say("ops    http://%s/readyz · /livez · /metrics\n\n", s.OpsAddr())
}

// met prints that every sample became what it expects.
func (r *report) met(all []samples.Sample) {
	dead := 0
	for _, s := range all {
		if s.Expect != samples.NameOf(engine.Handled) {
			dead++
		}
	}
	r.say("\n%d samples met what they expect: %d handled, %d dead letters\n", len(all), len(all)-dead, dead)
	if dead < len(all) {
		r.say("%s\n", r.paint(dim, "first message handled "+short(r.first)+" after the start"))
	}
}

// conclude prints, unless ctx has ended, what is not as expected, or else where to
// look next.
func (r *report) conclude(ctx context.Context, err error, broker string, s *service.Service) {
	switch {
	case ctx.Err() != nil: // stopped before they were done
		return
	case err != nil:
		r.say("\n%s\n\nwhat each sample expects is in dev/samples/\n\n", r.paint(red, err.Error()))
		return
	}
	send := "make send"
	if !isUsual(broker) {
		send = "go run ./dev -send -broker " + broker
	}
	r.say(`
what to do with a message   handlers/, then Ctrl-C and make dev
what a message looks like   models/
what handlers need          app/app.go
send more                   edit dev/samples/, then in another terminal: %s
                            or any Kafka client on %s
look inside                 curl http://%s/metrics
read on                     README.md

`, send, broker, s.OpsAddr())
}

func (r *report) say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.w, format, args...)
}

// isUsual reports whether a client with default settings finds the broker.
func isUsual(broker string) bool { return strings.HasSuffix(broker, fmt.Sprintf(":%d", usualPort)) }

// isTerminal reports whether f shows colours and the user wants them.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// short is a duration with the digits that one reads.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	default:
		return fmt.Sprintf("%d µs", d.Microseconds())
	}
}

// oneLine is the error's first line, without what would disturb a terminal.
func oneLine(err error) string {
	if err == nil {
		return ""
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, fmt.Sprintf("%.160s", line))
}

// What a terminal takes to change its colour.
const (
	dim    = "\x1b[2m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	red    = "\x1b[31m"
)

func colourOf(kind engine.EventKind) string {
	switch kind {
	case engine.Handled:
		return green
	case engine.Retrying, engine.Unavailable, engine.DeadLettered:
		return yellow
	default:
		return red
	}
}

// paint colours text on a terminal and leaves it alone elsewhere.
func (r *report) paint(colour, text string) string {
	if !r.colours {
		return text
	}
	return colour + text + "\x1b[0m"
}
