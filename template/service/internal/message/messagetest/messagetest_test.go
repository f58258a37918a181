package messagetest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/message/messagetest"
)

type opened struct {
	ID string `json:"id" validate:"required"`
}

func (opened) MessageType() string { return "AccountOpened" }
func (opened) Topic() string       { return "accounts" }
func (o opened) Key() string       { return o.ID }

type closed struct{ opened }

func (closed) MessageType() string { return "AccountClosed" }

// welcome publishes what it gets.
type welcome struct {
	publisher message.Publisher
	got       []message.Of[opened]
}

func (w *welcome) Handle(ctx context.Context, m message.Of[opened]) error {
	w.got = append(w.got, m)
	return w.publisher.Publish(ctx, m.Body)
}

func TestHandleGoesThroughEnvelopeRulesAndHandler(t *testing.T) {
	r, p := messagetest.NewRegistry(), new(messagetest.Publisher)
	h := &welcome{publisher: p}
	message.Register(r, "accounts", h)
	if err := messagetest.Handle(t, r, "accounts", `{"id":"a-1"}`, messagetest.Key("k"), messagetest.ID("m-1")); err != nil {
		t.Fatal(err)
	}
	got := h.got[0]
	if got.Body.ID != "a-1" || string(got.Key) != "k" || got.Header.MessageType != "AccountOpened" || got.Header.SchemaName != "AccountOpened" || got.Header.MessageID != "m-1" || got.Attempt != 1 {
		t.Errorf("%+v %+v", got.Message, got.Body)
	}
	if events := p.Events(); len(events) != 1 || events[0] != (opened{"a-1"}) {
		t.Errorf("published %v", events)
	}
	if m := p.Messages()[0]; m.Header.MessageID == "m-1" || m.Header.CorrelationID != got.Header.CorrelationID {
		t.Errorf("published with the header %+v", m.Header)
	}
	for body, want := range map[string]message.Class{`{}`: message.ClassInvalid, `{"id":}`: message.ClassDecode, `null`: message.ClassInvalid} {
		if err := messagetest.Handle(t, r, "accounts", body); message.ClassOf(err) != want {
			t.Errorf("%s: %v, want it to be of class %s", body, err, want)
		}
	}
	if err := messagetest.Handle(t, r, "accounts", `{"id":"a-1"}`, messagetest.Type("Other")); message.ClassOf(err) != message.ClassUnhandled {
		t.Errorf("another type: %v", err)
	}
}

// An option can take away what is there without it, so that a rule for headers can
// be tested.
func TestHeaderRulesCanBeTested(t *testing.T) {
	r := messagetest.NewRegistry()
	correlated := func(h message.Header) error { return message.Required("correlationId", h.CorrelationID) }
	message.Register(r, "accounts", &welcome{publisher: new(messagetest.Publisher)}, message.WithHeaderRule(correlated))
	without := func(m *message.Message) { m.Header.CorrelationID = "" }
	if err := messagetest.Handle(t, r, "accounts", `{"id":"a-1"}`, without); message.ClassOf(err) != message.ClassInvalid {
		t.Errorf("without: %v", err)
	}
	if err := messagetest.Handle(t, r, "accounts", `{"id":"a-1"}`); err != nil {
		t.Errorf("with: %v", err)
	}
}

// fatal is a test that notes how it ends.
type fatal struct {
	testing.TB
	said string
}

func (f *fatal) Fatalf(format string, _ ...any) {
	f.said = format
	panic(f)
}

func TestHandleAsksForTheTypeWhereThereAreSeveral(t *testing.T) {
	r := messagetest.NewRegistry()
	message.Register(r, "accounts", &welcome{publisher: new(messagetest.Publisher)})
	message.Register(r, "accounts", message.TypedHandlerFunc[closed](func(context.Context, message.Of[closed]) error { return nil }))
	f := &fatal{TB: t}
	func() {
		defer func() { _ = recover() }()
		_ = messagetest.Handle(f, r, "accounts", `{"id":"a-1"}`)
	}()
	if f.said == "" {
		t.Error("it chose one by itself")
	}
	if err := messagetest.Handle(t, r, "accounts", `{"id":"a-1"}`, messagetest.Type("AccountClosed")); err != nil {
		t.Error(err)
	}
}

func TestHandleNeedsNoTypeForAHandlerOfAll(t *testing.T) {
	r := messagetest.NewRegistry()
	message.Register(r, "notes", message.TypedHandlerFunc[string](func(_ context.Context, m message.Of[string]) error {
		return errors.New(m.Body)
	}))
	if err := messagetest.Handle(t, r, "notes", `"text"`); err == nil || err.Error() != "text" {
		t.Error(err)
	}
}

func TestThePublisherRefusesAsTheServicesDoes(t *testing.T) {
	var p messagetest.Publisher
	err := p.Publish(t.Context(), opened{})
	if e, ok := errors.AsType[*message.PublishError](err); !ok || message.ClassOf(err) != message.ClassHandler || e.Topic != "accounts" {
		t.Errorf("an invalid event: %v", err)
	}
	if err := p.Publish(t.Context(), nil); err == nil {
		t.Error("nil is published")
	}
	p.Err = message.Retry(errors.New("broker away"))
	called := 0
	p.PublishAsync(t.Context(), opened{"a-1"}, func(d message.Delivery, err error) {
		called++
		if !errors.Is(err, p.Err) || message.OutcomeOf(err) != message.OutcomeRetry || d.Partition != -1 || d.Key != "a-1" {
			t.Errorf("%+v %v", d, err)
		}
	})
	p.PublishAsync(t.Context(), opened{"a-1"}, nil)
	p.Err = nil
	p.PublishAsync(t.Context(), opened{"a-1"}, func(d message.Delivery, err error) {
		called++
		if err != nil || d.Offset != 0 {
			t.Errorf("%+v %v", d, err)
		}
	})
	if called != 2 || len(p.Events()) != 1 || p.Flush(t.Context()) != nil {
		t.Errorf("called %d times, published %v", called, p.Events())
	}
}
