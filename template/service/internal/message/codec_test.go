package message_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// watched is a codec that notes what is asked of it.
type watched struct {
	envelope.JSON
	calls *[]string
	name  string
	bind  error
	start error
}

func (c *watched) note(call string) { *c.calls = append(*c.calls, c.name+" "+call) }

func (c *watched) Bind(topic string, model reflect.Type) error {
	c.note(fmt.Sprintf("bind %s %s", topic, model.Name()))
	return c.bind
}

func (c *watched) Startup(context.Context) error {
	c.note("startup")
	return c.start
}

func (c *watched) Shutdown(context.Context) error {
	c.note("shutdown")
	return nil
}

func TestACodecIsToldItsModelsAndStartedOnceBeforeTheHandlers(t *testing.T) {
	r, w := newRegistry(), newWitness(nil)
	all, own := &watched{calls: w.calls, name: "all"}, &watched{calls: w.calls, name: "own"}
	r.SetCodec(all)
	message.Register(r, "payments", w)
	message.Register(r, "refunds", new(recorder[received]))
	message.Register(r, "refunds", new(recorder[returned]))
	message.Register(r, "notes", new(recorder[payment]), message.WithCodec(own))
	message.RegisterDefault(r, "others", message.HandlerFunc(nothing))
	if err := errors.Join(r.Startup(t.Context()), r.Shutdown(t.Context())); err != nil {
		t.Fatal(err)
	}
	wantCalls(t, *w.calls,
		"all bind payments payment", "all bind refunds received", "all bind refunds returned", "own bind notes payment",
		"all startup", "own startup", "startup", "shutdown", "own shutdown", "all shutdown")
}

func nothing(context.Context, *message.Message) error { return nil }

func TestACodecThatDoesNotStartIsAStartUpError(t *testing.T) {
	r, w := newRegistry(), newWitness(nil)
	r.SetCodec(&watched{calls: w.calls, name: "all", start: message.Unavailable(errTest)})
	message.Register(r, "payments", w)
	err := r.Startup(t.Context())
	wantContains(t, err, "start *message_test.watched: test")
	if !isUnavailable(err) {
		t.Error("who starts the registry cannot tell that it may try again")
	}
	wantCalls(t, *w.calls, "all bind payments payment", "all startup")
}

func TestAModelThatACodecCannotCarryIsAMistakeInTheWiring(t *testing.T) {
	r, calls := newRegistry(), new([]string)
	r.SetCodec(&watched{calls: calls, name: "all", bind: errors.New("field note has no schema")})
	err := panicOf(func() { message.Register(r, "payments", new(recorder[payment])) })
	wantContains(t, err, `register message_test.payment on topic "payments": field note has no schema`)
	if len(r.Topics()) > 0 {
		t.Errorf("topics %v after the mistake", r.Topics())
	}
}

func TestSetCodecReadsTopicsThatNameNone(t *testing.T) {
	r, set, own := newRegistry(), new(recorder[payment]), new(recorder[payment])
	r.SetCodec(upside{})
	message.Register(r, "payments", set)
	message.Register(r, "refunds", own, message.WithCodec(envelope.JSON{}))
	refund := newMessage(inEnvelope("P", validBody))
	refund.Topic = "refunds"
	if err := errors.Join(r.Handle(t.Context(), newMessage("p-7")), r.Handle(t.Context(), refund)); err != nil {
		t.Fatal(err)
	}
	if set.got[0].Body.ID != "p-7" || own.got[0].Body.ID != "p-1" {
		t.Errorf("read %v and %v", set.got[0].Body, own.got[0].Body)
	}
}

func TestDecodeMaySayThatSomethingIsAway(t *testing.T) {
	r := newRegistry()
	message.Register(r, "payments", new(recorder[payment]), message.WithCodec(upside{openErr: message.Unavailable(errTest)}))
	err := r.Handle(t.Context(), newMessage("p-7"))
	if !isUnavailable(err) || message.ClassOf(err) != message.ClassUnavailable {
		t.Errorf("%v of class %q, want it unavailable", err, message.ClassOf(err))
	}
}
