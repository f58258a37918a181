package engine

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/trace"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// SpanContext names the span of an attempt.
type SpanContext = trace.SpanContext

// Tracer makes spans of what the engine does with a message.
type Tracer interface {
	// Attempt begins the span of an attempt; last is that of the attempt before, if
	// there was one. end gets the class of its failure, "" for none.
	Attempt(ctx context.Context, m *message.Message, last SpanContext) (_ context.Context, end func(message.Class))
	// DeadLetter begins the span of one try to write a dead letter.
	DeadLetter(ctx context.Context, m *message.Message, f Failure) (_ context.Context, end func(error))
}

// Trace makes t, unless it is nil, see every attempt and every dead letter. It is
// called before Run.
func (e *Engine) Trace(t Tracer) {
	if t == nil {
		return
	}
	e.handler = tracedHandler{e.handler, t}
	e.dead = tracedDeadLetters{e.dead, t}
}

// attempted is the context of an attempt, whose span takes the place of last.
type attempted struct {
	context.Context
	last *SpanContext
}

func withLast(ctx context.Context, last *SpanContext) context.Context { return attempted{ctx, last} }

type tracedHandler struct {
	next   message.Handler
	tracer Tracer
}

func (h tracedHandler) Handle(ctx context.Context, m *message.Message) (err error) {
	of := ctx.(attempted) //nolint:forcetypeassert // the worker made it
	ctx, end := h.tracer.Attempt(of.Context, m, *of.last)
	*of.last = trace.SpanContextFromContext(ctx)
	err = errNoReturn // unless it returns: it may panic
	defer func() { end(classOf(ctx, err)) }()
	return h.next.Handle(ctx, m)
}

// classOf returns the class that decide finds for an attempt with this context.
func classOf(ctx context.Context, err error) message.Class {
	switch {
	case err == nil:
		return ""
	case errors.Is(context.Cause(ctx), errTimeout):
		return message.ClassTimeout
	}
	return message.ClassOf(safeError(err))
}

type tracedDeadLetters struct {
	next   DeadLetters
	tracer Tracer
}

func (d tracedDeadLetters) DeadLetter(ctx context.Context, m *message.Message, f Failure) error {
	ctx, end := d.tracer.DeadLetter(ctx, m, f)
	err := d.next.DeadLetter(ctx, m, f)
	end(err)
	return err
}
