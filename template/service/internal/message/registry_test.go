package message_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func TestAHeaderRuleOfAllRegistrations(t *testing.T) {
	r, h := newRegistry(), new(recorder[payment])
	r.AddOptions(message.WithHeaderRule(requireCorrelationID), message.WithHeaderRule(func(h message.Header) error {
		if h.SchemaVersion != "1" {
			return errors.New("only version 1 is known")
		}
		return nil
	}))
	message.Register(r, "payments", h)
	valid := inEnvelope("P", validBody)
	if err := r.Handle(t.Context(), newMessage(valid)); err != nil {
		t.Fatal(err)
	}
	err := r.Handle(t.Context(), newMessage(strings.Replace(valid, "c-1", "", 1)))
	wantError(t, err, message.ClassInvalid, `header.correlationId: is required`)
	err = r.Handle(t.Context(), newMessage(strings.Replace(valid, `"schemaVersion":"1"`, `"schemaVersion":"2"`, 1)))
	wantError(t, err, message.ClassInvalid, `header: only version 1 is known`)
	if len(h.got) != 1 {
		t.Errorf("the handler was called %d times", len(h.got))
	}
}

func requireCorrelationID(h message.Header) error {
	if h.CorrelationID == "" {
		return message.Invalid("correlationId", "is required")
	}
	return nil
}

func TestAHeaderRuleOfARegistrationIsNotThatOfOthers(t *testing.T) {
	r, strict, lax := newRegistry(), new(recorder[received]), new(recorder[returned])
	message.Register(r, "payments", strict, message.WithHeaderRule(requireCorrelationID))
	message.Register(r, "payments", lax)
	without := func(messageType string) *message.Message {
		return newMessage(strings.Replace(inEnvelope(messageType, validBody), `"correlationId":"c-1",`, "", 1))
	}
	wantError(t, r.Handle(t.Context(), without("PaymentReceived")), message.ClassInvalid, `header.correlationId: is required`)
	if err := r.Handle(t.Context(), without("PaymentReturned")); err != nil || len(lax.got) != 1 || len(strict.got) != 0 {
		t.Errorf("%v, %d and %d messages", err, len(lax.got), len(strict.got))
	}
}

func TestSiblingsShareWhatIsNotOfATopic(t *testing.T) {
	r := newRegistry()
	r.AddOptions(message.WithHeaderRule(requireCorrelationID))
	sibling := r.NewSibling()
	message.Register(r, "payments", new(recorder[payment]))
	message.Register(sibling, "refunds", new(recorder[payment]), message.WithCodec(upside{}))
	sibling.Publishes(plain{})
	if got := fmt.Sprint(r.Topics(), sibling.Topics(), r.PublishedTopics(), sibling.PublishedTopics()); got != "[payments] [refunds] [notes] [notes]" {
		t.Errorf("topics %s", got)
	}
	refund := &message.Message{Topic: "refunds", Value: []byte("p-7")}
	wantError(t, r.Handle(t.Context(), refund), message.ClassUnhandled, `no handler for topic "refunds"`)
	wantError(t, sibling.Handle(t.Context(), refund), message.ClassInvalid, `header.correlationId: is required`)

	third, h := newRegistry(), new(recorder[payment])
	message.Register(third, "refunds", new(recorder[payment]), message.WithCodec(upside{}))
	fourth := third.NewSibling()
	message.Register(fourth, "refunds", h)
	if err := fourth.Handle(t.Context(), refund); err != nil || h.got[0].Body.ID != "p-7" {
		t.Errorf("a second consumer does not read the topic by its codec: %v", err)
	}
}

func TestEachRegistryStartsTheCodecsThatItUses(t *testing.T) {
	calls := new([]string)
	r := message.NewRegistry(upside{}, nil)
	sibling := r.NewSibling()
	r.SetCodec(&watched{calls: calls, name: "all"})
	message.Register(sibling, "notes", new(recorder[payment]), message.WithCodec(&watched{calls: calls, name: "own"}))
	if err := errors.Join(r.Startup(t.Context()), sibling.Startup(t.Context()), sibling.Shutdown(t.Context()), r.Shutdown(t.Context())); err != nil {
		t.Fatal(err)
	}
	wantCalls(t, *calls, "own bind notes payment", "all startup", "all startup", "own startup", "own shutdown", "all shutdown", "all shutdown")
}

func TestTypesAreThoseOfATopicsHandlers(t *testing.T) {
	r := newRegistry()
	message.Register(r, "payments", new(recorder[returned]))
	message.Register(r, "payments", new(recorder[received]))
	message.Register(r, "refunds", new(recorder[payment]))
	if got := fmt.Sprint(r.Types("payments"), r.Types("refunds"), r.Types("none")); got != "[PaymentReceived PaymentReturned] [] []" {
		t.Error(got)
	}
}

func TestWithoutRulesNothingIsChecked(t *testing.T) {
	r := message.NewRegistry(envelope.JSON{}, nil)
	message.Register(r, "payments", new(recorder[payment]))
	if err := r.Handle(t.Context(), newMessage(inEnvelope("P", `{"amount":-1}`))); err != nil {
		t.Error(err)
	}
}

func TestCheckDepsNamesWhatIsMissing(t *testing.T) {
	type deps struct {
		Log    *testing.T
		Store  fmt.Stringer
		Clock  func()
		Limits map[string]int
		Name   string
		Cache  *int `optional:"true"`
		hidden *int
	}
	_ = deps{}.hidden // used by reflection only
	panicsWith(t, `message: message_test.deps lacks Store, Clock, Limits: set it where`, func() { message.CheckDeps(deps{Log: t}) })
	panicsWith(t, `lacks Store: `, func() { // a nil pointer in an interface
		message.CheckDeps(&deps{Log: t, Store: (*strings.Builder)(nil), Clock: func() {}, Limits: map[string]int{}})
	})
	message.CheckDeps(deps{Log: t, Store: new(strings.Builder), Clock: func() {}, Limits: map[string]int{}})
}

// spoiler changes all that it can of its message, and goes on after it returned.
type spoiler struct{ changed chan struct{} } // closed when it is done

func (s *spoiler) change(m *message.Message) error {
	go func() {
		*m = message.Message{Topic: "other", Partition: 7, Offset: 7, Header: message.Header{MessageType: "PaymentForged"}, Attempt: 7}
		close(s.changed)
	}()
	return nil
}

func (s *spoiler) Handle(_ context.Context, m message.Of[received]) error      { return s.change(m.Message) }
func (s *spoiler) HandleTombstone(_ context.Context, m *message.Message) error { return s.change(m) }

// Who called Handle goes on with what was delivered and what its envelope says,
// also while something that the handler left behind still writes: run with -race.
func TestWhatAHandlerWritesIntoItsMessageStaysWithIt(t *testing.T) {
	for _, value := range [][]byte{[]byte(inEnvelope("PaymentReceived", validBody)), nil} {
		r, h := newRegistry(), &spoiler{changed: make(chan struct{})}
		message.Register(r, "payments", h)
		m := &message.Message{Topic: "payments", Offset: 1, Value: value, Attempt: 1}
		err := r.Handle(t.Context(), m)
		got := *m // while it is changed
		<-h.changed
		if err != nil || got.Topic != "payments" || m.Offset != 1 || m.Attempt != 1 || m.Header.MessageType == "PaymentForged" {
			t.Errorf("%v: the message is %+v", err, m)
		}
	}
}
