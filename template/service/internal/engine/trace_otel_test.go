package engine

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// spanNoter begins spans with an id of their own, and notes how they end.
type spanNoter struct {
	last  []SpanContext // that of each attempt before
	class []message.Class
}

func (n *spanNoter) Attempt(ctx context.Context, _ *message.Message, last SpanContext) (context.Context, func(message.Class)) {
	n.last = append(n.last, last)
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{byte(len(n.last))}})
	return trace.ContextWithSpanContext(ctx, span), func(class message.Class) { n.class = append(n.class, class) }
}

func (n *spanNoter) DeadLetter(ctx context.Context, _ *message.Message, f Failure) (context.Context, func(error)) {
	n.last = append(n.last, f.Span)
	return ctx, func(error) {}
}

// The span of an attempt ends with the class that the engine finds, however the
// attempt ends.
func TestASpanEndsWithTheClassOfTheAttempt(t *testing.T) {
	expired, cancel := context.WithCancelCause(t.Context())
	cancel(errTimeout)
	var broken *message.Error // whose text cannot be asked for
	for _, c := range []struct {
		ctx    context.Context
		handle func() error
		want   message.Class
	}{
		{t.Context(), func() error { return nil }, ""},
		{t.Context(), func() error { return errors.New("no") }, message.ClassHandler},
		{t.Context(), func() error { return message.Fail(message.ClassInvalid, "no") }, message.ClassInvalid},
		{t.Context(), func() error { panic("no") }, message.ClassPanic},
		{t.Context(), func() error { runtime.Goexit(); return nil }, message.ClassPanic},
		{t.Context(), func() error { return broken }, message.ClassPanic},
		{expired, func() error { return message.Unavailable(errors.New("no")) }, message.ClassTimeout},
		{expired, func() error { return nil }, ""},
	} {
		noter, span := new(spanNoter), SpanContext{}
		h := tracedHandler{message.HandlerFunc(func(context.Context, *message.Message) error { return c.handle() }), noter}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			defer func() { _ = recover() }()
			_ = h.Handle(withLast(c.ctx, &span), new(message.Message))
		}()
		<-ended
		if len(noter.class) != 1 || noter.class[0] != c.want || !span.IsValid() {
			t.Errorf("ended with %q, want %q; the span is %v", noter.class, c.want, span)
		}
	}
}
