package dev

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope/envelopetest"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/samples"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
)

type none struct{}

type opened struct {
	ID string `json:"id" validate:"required"`
}

func (opened) MessageType() string { return "AccountOpened" }

// build has a handler on each of two consumers.
func build(_ context.Context, _ none, b *service.Builder) error {
	succeed := message.TypedHandlerFunc[opened](func(context.Context, message.Of[opened]) error { return nil })
	b.Registry.SetCodec(envelope.JSON{}) // whatever the codec of the service is
	message.Register(b.Registry, "accounts", succeed)
	message.Register(b.Consumer("audit"), "audits", succeed)
	return nil
}

// file is a file of samples for a topic: one that is valid, one that is not.
func file(topic string) *fstest.MapFile {
	return &fstest.MapFile{Data: fmt.Appendf(nil, `{"topic":%q,"samples":[{"name":"valid","key":"a","expect":"handled","value":%s},`+
		`{"name":"no id","key":"b","expect":"dead letter","reason":"id","value":%s}]}`, topic, envelopetest.Envelope("AccountOpened", "m-1", `{"id":"a"}`), envelopetest.Envelope("AccountOpened", "m-2", `{"id":""}`))}
}

func loadSamples(t *testing.T) []samples.Sample {
	t.Helper()
	all, err := samples.Load(fstest.MapFS{"accounts.json": file("accounts"), "audits.json": file("audits")})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func runOnce(t *testing.T, all []samples.Sample) (string, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, value := range ownBroker {
		t.Setenv(name, value)
	}
	var text strings.Builder
	err := run(t.Context(), "books", build, all, true, newReport(&text, false))
	return text.String(), err
}

// The samples of all consumers' topics are sent, and each is seen to become what
// it expects.
func TestOnceEndsWhenAllSamplesAreDone(t *testing.T) {
	text, err := runOnce(t, loadSamples(t))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, topic := range []string{"accounts", "audits"} {
		for _, kind := range []string{"handled", "dead letter"} {
			lines := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d  ` + topic + `/\d@\d+ +` + kind + ` `)
			if got := len(lines.FindAllString(text, -1)); got != 1 {
				t.Errorf("%d lines of %s on %s, want 1:\n%s", got, kind, topic, text)
			}
		}
	}
	for _, want := range []string{"4 samples met what they expect\n", "stopped: dead letter 2, handled 2\n", fmt.Sprintf("accounts, audits (%d partitions", embedded.Partitions)} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

func TestOnceNamesASampleThatEndedOtherwise(t *testing.T) {
	all := loadSamples(t)
	all[0].Expect, all[0].Name = "dead letter", "planted"
	if _, err := runOnce(t, all); err == nil || !strings.Contains(err.Error(), `sample "planted" of accounts: expected dead letter, got handled`) {
		t.Errorf("it says %v", err)
	}
}

// An address of the environment is taken, which a port that is not free shows.
func TestAddressesOfTheEnvironmentAreTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	t.Setenv("OPS_ADDR", taken.Addr().String())
	if _, err := runOnce(t, loadSamples(t)); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("OPS_ADDR=%q", taken.Addr())) {
		t.Errorf("it says %v", err)
	}
}

// With -once nothing is said of /readyz: the process that answers there ends.
func TestOnceNamesTheSamplesThatAreNotDone(t *testing.T) {
	never := func(_ context.Context, _ none, b *service.Builder) error {
		b.Registry.SetCodec(envelope.JSON{})
		message.Register(b.Registry, "accounts", message.TypedHandlerFunc[opened](func(ctx context.Context, _ message.Of[opened]) error {
			<-ctx.Done()
			return ctx.Err()
		}))
		return nil
	}
	t.Chdir(t.TempDir())
	defer func(before time.Duration) { patience = before }(patience)
	patience = 2 * time.Second
	var text strings.Builder
	err := run(t.Context(), "books", never, loadSamples(t)[:1], true, newReport(&text, false))
	if err == nil || !regexp.MustCompile(`^sample "valid", accounts/\d@\d+, is not done: gave up after 2s$`).MatchString(err.Error()) {
		t.Errorf("it says %v\n%s", err, text.String())
	}
}

func TestABrokerWithoutAPortIsRefusedAndNoPasswordShown(t *testing.T) {
	for _, broker := range []string{"foo", "amqp://me:hunter2@foo/", "foo:bar", "nats://foo"} {
		err := sendTo(t.Context(), samples.Target{Broker: broker}, loadSamples(t))
		if err == nil || !strings.HasSuffix(err.Error(), ": it must be host:port, or a URL with both") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("of %q it says %v", broker, err)
		}
	}
}

func TestABrokerIsAnAddressOrAURL(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("taken")) // before it is asked for
	for _, broker := range []string{"127.0.0.1:1", "[::1]:1", "amqp://me:hunter2@127.0.0.1:1/#books.", "nats://127.0.0.1:1"} {
		err := sendTo(ctx, samples.Target{Broker: broker}, loadSamples(t))
		if err == nil || strings.Contains(err.Error(), "must be") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("of %q it says %v", broker, err)
		}
	}
}

func TestRefusesSamplesWithoutAHandler(t *testing.T) {
	_, err := runOnce(t, []samples.Sample{{Topic: "other", Name: "stray"}})
	if err == nil || !strings.Contains(err.Error(), `sample "stray" is for topic "other"`) {
		t.Errorf("it says %v", err)
	}
}

func TestLines(t *testing.T) {
	m := &message.Message{
		Topic: "t", Partition: 2, Offset: 7, Attempt: 1, Retry: &message.RetryPolicy{MaxAttempts: 5},
		Header: message.Header{MessageType: "PaymentMade", MessageID: "0192f0c1-0000-7000-8000-000000000001"},
	}
	bad := errors.New("a.b: must be more\x1b[31m\nand a second line")
	id := m.Header.MessageID
	for want, e := range map[string]engine.Event{
		"t/2@7  handled      PaymentMade  1.234ms  ":                                                    {Kind: engine.Handled, Elapsed: 1234 * time.Microsecond},
		"t/2@7  retry 1/5    PaymentMade  a.b: must be more [31m and a second line, in 2s  ":            {Kind: engine.Retrying, Err: bad, Delay: 2 * time.Second},
		"t/2@7  unavailable  PaymentMade  a.b: must be more [31m and a second line, in 2s  ":            {Kind: engine.Unavailable, Err: bad, Delay: 2 * time.Second},
		"t/2@7  dead letter  PaymentMade  a.b: must be more [31m and a second line → t.dlq  ":           {Kind: engine.DeadLettered, Err: bad},
		"t/2@7  dead letter refused  PaymentMade  a.b: must be more [31m and a second line, in 100ms  ": {Kind: engine.DeadLetterRefused, Err: bad, Delay: 100 * time.Millisecond},
		"t/2@7  stopped      PaymentMade  a.b: must be more [31m and a second line  ":                   {Kind: engine.Stopped, Err: bad},
	} {
		var text strings.Builder
		e.Message = m
		newReport(&text, false).event("", e)
		if _, got, _ := strings.Cut(text.String(), "  "); got != want+id+"\n" {
			t.Errorf("got  %q\nwant %q", got, want+id)
		}
	}
	var long strings.Builder
	newReport(&long, false).event("", engine.Event{Message: m, Kind: engine.Stopped, Err: errors.New(strings.Repeat("a", 299) + "bc")})
	if !strings.Contains(long.String(), "ab  ") {
		t.Errorf("of a long error: %q", long.String())
	}
	var text strings.Builder
	newReport(&text, false).event("audit", engine.Event{Message: &message.Message{Topic: "t"}, Kind: engine.DeadLettered, Err: bad})
	if !strings.Contains(text.String(), "  t/0@0  dead letter  -  a.b: must be more [31m and a second line → t.dlq    audit\n") {
		t.Errorf("of a further consumer, and without a header: %q", text.String())
	}
}

func TestColoursOnlyWhereTheyShow(t *testing.T) {
	for colours, want := range map[bool]int{true: 2, false: 0} {
		var text strings.Builder
		newReport(&text, colours).event("", engine.Event{Message: &message.Message{Topic: "t"}})
		if got := strings.Count(text.String(), "\x1b["); got != want {
			t.Errorf("with colours %v: %d of them in %q", colours, got, text.String())
		}
	}
}

// What is said at the end is what happened, whatever that is.
func TestTheEndSaysWhatBecameOfTheMessages(t *testing.T) {
	var text strings.Builder
	r := newReport(&text, false)
	if got := r.summary(); got != "no message came" {
		t.Errorf("before the first message: %s", got)
	}
	happens := func(offset int64, kind engine.EventKind, delay time.Duration) {
		r.event("books", engine.Event{Kind: kind, Delay: delay, Message: &message.Message{Topic: "t", Offset: offset, Retry: &message.RetryPolicy{MaxAttempts: 3}}})
	}
	happens(0, engine.Retrying, time.Second)
	happens(0, engine.Handled, 0)
	happens(1, engine.Unavailable, time.Second)
	happens(2, engine.DeadLetterRefused, time.Second)
	happens(3, engine.DeadLettered, 0)
	happens(4, engine.Retrying, time.Second)
	happens(4, engine.Skipped, 0)
	happens(5, engine.Handled, 0)
	r.event("audit", engine.Event{Kind: engine.Handled, Message: &message.Message{Topic: "t", Offset: 5}})
	if got := r.summary(); got != "dead letter 1, handled 3, not done 2, skipped 1" {
		t.Errorf("at the end: %s", got)
	}
}

// stopAt is a text that stops the service once it has the words.
type stopAt struct {
	strings.Builder
	words string
	stop  func()
}

func (s *stopAt) Write(p []byte) (int, error) {
	if strings.Contains(string(p), s.words) {
		s.stop()
	}
	return s.Builder.Write(p)
}

// A service that is stopped while a message waits does not say that it is done.
func TestTheEndSaysThatAMessageIsNotDone(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	waiting := func(_ context.Context, _ none, b *service.Builder) error {
		b.Registry.SetCodec(envelope.JSON{})
		message.Register(b.Registry, "accounts", message.TypedHandlerFunc[opened](func(context.Context, message.Of[opened]) error {
			return message.RetryAfter(time.Hour, errors.New("later"))
		}))
		return nil
	}
	t.Chdir(t.TempDir())
	text := stopAt{words: ", in 1h0m0s", stop: stop}
	if err := run(ctx, "books", waiting, loadSamples(t)[:1], false, newReport(&text, false)); err != nil {
		t.Error(err)
	}
	if !strings.Contains(text.String(), "stopped: not done 1\n") {
		t.Errorf("it says\n%s", text.String())
	}
}
