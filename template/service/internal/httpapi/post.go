package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Request is a request whose body was decoded and found valid.
type Request[T any] struct {
	*http.Request
	Body T
	// MessageID is the id of what is published: the request's Idempotency-Key,
	// or a fresh one.
	MessageID string
}

// Endpoint takes what is posted to a path. When Post returns nil the answer is
// 202 with the message's id; an error is answered as Error says.
//
// What is published with ctx gets the request's message id, correlation id and
// trace headers. The context ends when the request's time is up. Post may be
// called from several goroutines at once.
type Endpoint[T any] interface {
	Post(ctx context.Context, r Request[T]) error
}

// EndpointFunc lets a function be an Endpoint.
type EndpointFunc[T any] func(ctx context.Context, r Request[T]) error

// Post calls f.
func (f EndpointFunc[T]) Post(ctx context.Context, r Request[T]) error { return f(ctx, r) }

// Post makes e the endpoint of what is posted to path, with a JSON body that is
// a T. Bodies are decoded and checked as a message's body is. Like
// http.ServeMux it panics on a mistake in the wiring: an endpoint that is nil,
// a path that is taken or is none, a model with a wrong tag.
func Post[T any](a *API, path string, e Endpoint[T]) {
	filler := a.filler(reflect.TypeFor[T]())
	body, err := envelope.NewBody[T](filler)
	switch {
	case err != nil:
		panic(fmt.Errorf("httpapi: POST %s: %w", path, err))
	case e == nil:
		panic(fmt.Errorf("httpapi: POST %s: the endpoint is nil", path))
	case !strings.HasPrefix(path, "/"):
		panic(fmt.Errorf("httpapi: POST %q: a path begins with /", path))
	}
	a.mux.Handle("POST "+path, &post[T]{a, body, e})
	op := Operation{Path: path, Body: reflect.TypeFor[T]()}
	if event, ok := any(new(T)).(message.Event); ok {
		op.Topic = event.Topic()
	}
	if filler != nil {
		op.Needs = filler.Needs
	}
	a.posts = append(a.posts, op)
}

type post[T any] struct {
	api      *API
	body     *envelope.Body[T]
	endpoint Endpoint[T]
}

// accepted is the answer when a message was published.
type accepted struct {
	MessageID     string `json:"messageId"`
	CorrelationID string `json:"correlationId"`
}

func (p *post[T]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := p.handle(w, r)
	if err != nil {
		p.api.refuseMessage(w, r, err, answer.MessageID)
		return
	}
	p.api.write(w, r, http.StatusAccepted, "application/json", answer)
}

func (p *post[T]) handle(w http.ResponseWriter, r *http.Request) (answer accepted, err error) {
	defer func() {
		if v := recover(); v == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
			panic(v)
		} else if v != nil {
			err = message.NewPanicError(v)
		}
	}()
	if err := checkType(r.Header); err != nil {
		return answer, err
	}
	from, headerErr := readOrigin(r.Header)
	data, err := p.api.read(w, r)
	if err != nil {
		return answer, err
	}
	body, err := p.body.Read(data)
	if err := errors.Join(headerErr, err); err != nil {
		return answer, &Error{Status: http.StatusBadRequest, Detail: strings.ReplaceAll(err.Error(), "\n", "; "), Err: err}
	}
	if err := p.api.sit(); err != nil { // not before: whoever sends slowly keeps no seat from others
		return answer, err
	}
	defer p.api.leave()
	ctx := from.context(r.Context())
	answer = accepted{from.messageID, from.correlationID}
	return answer, p.endpoint.Post(ctx, Request[T]{Request: r.WithContext(ctx), Body: body, MessageID: from.messageID})
}
