//go:build !rabbitmq

package service_test

import (
	"context"
	"errors"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
	"github.com/ouroboros-forge/forge/template/service/internal/service/servicetest"
)

// What is handled here is read again from its topic, as no queue can.

// Two consumers of one topic make different things of a message: an outcome is
// that of the consumer asked for, or else of the first.
func TestTwoConsumersOfOneTopic(t *testing.T) {
	refused := make(chan struct{})
	s := servicetest.Start(t, func(_ context.Context, _ none, b *service.Builder) error {
		b.Registry.SetCodec(envelope.JSON{})
		handle(b.Registry, "accounts", func(context.Context, message.Of[opened]) error { <-refused; return nil })
		handle(b.Consumer("audit"), "accounts", func(context.Context, message.Of[opened]) error { return message.Permanent(errors.New("no")) })
		return nil
	}, nil)
	r := record("accounts", "a-1")
	s.Send(r)
	if e := s.OutcomeAt("audit", r); e.Kind != engine.DeadLettered {
		t.Errorf("audit: %v %v", e.Kind, e.Err)
	}
	if e, done := s.Last(r); done {
		t.Errorf("it is done before the first consumer is: %v %v", e.Kind, e.Err)
	}
	close(refused)
	if e := s.Outcome(r); e.Kind != engine.Handled {
		t.Errorf("the first: %v %v", e.Kind, e.Err)
	}
	if all := s.DeadLetters(); len(all) != 1 {
		t.Errorf("%d dead letters, want that of audit", len(all))
	}
}

// What the service publishes to is created in tests, and arrives.
func TestPublishes(t *testing.T) {
	s := servicetest.Start(t, func(_ context.Context, _ none, b *service.Builder) error {
		b.Registry.SetCodec(envelope.JSON{})
		b.Publishes(opened{})
		handle(b.Registry, "accounts", func(ctx context.Context, m message.Of[opened]) error { return b.Publisher.Publish(ctx, m.Body) })
		handle(b.Registry, "opened", succeed)
		return nil
	}, nil)
	s.Send(record("accounts", "a-1"))
	if e := s.Outcome(&message.Message{Topic: "opened", Partition: partitionOf(t, "a-1"), Offset: firstOffset}); e.Kind != engine.Handled || e.Message.Header.Producer != "test" {
		t.Errorf("%v %v, %+v", e.Kind, e.Err, e.Message.Header)
	}
	if all := s.Published("opened", 1); string(all[0].Key) != "a-1" {
		t.Errorf("published with the key %s", all[0].Key)
	}
}
