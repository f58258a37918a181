package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Error lets an endpoint choose what is answered:
//
//	return &httpapi.Error{Status: http.StatusForbidden, Detail: "not your account"}
//
// Of other errors, message.Invalid is answered with 400 and its field, and
// what Publish returns with 503 when it may pass and with 413 when the message
// is too large. Whatever else is 500, and told to the log only; so is a message that the
// broker refuses until a person has corrected something (message.ErrRefused).
type Error struct {
	Status int    // 4xx or 5xx
	Detail string // for whoever sent the request; may be empty
	Err    error  // the cause, for the log; the fields it finds fault with are answered
}

// Error tells the detail, or else the cause.
func (e *Error) Error() string {
	switch {
	case e.Detail != "":
		return e.Detail
	case e.Err != nil:
		return e.Err.Error()
	}
	return http.StatusText(e.Status)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// problem is an answer that is no success, as RFC 9457 has it.
type problem struct {
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail,omitempty"`
	Errors []fault `json:"errors,omitempty"`
	// MessageID is that of a message that may have been published all the same:
	// the Idempotency-Key to try again with.
	MessageID string `json:"messageId,omitempty"`
}

// fault is one thing that is wrong with a request.
type fault struct {
	Field  string `json:"field,omitempty"`  // of the body, by its path
	Header string `json:"header,omitempty"` // of the request
	Detail string `json:"detail"`
}

// retryAfter is how many seconds who got a 503 should wait.
const retryAfter = "5"

// refuse answers a request with what went wrong.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	a.refuseMessage(w, r, err, "")
}

// refuseMessage does so for a request that has got as far as to have a message.
func (a *API) refuseMessage(w http.ResponseWriter, r *http.Request, err error, messageID string) {
	p := problemOf(err)
	a.log.Log(r.Context(), levelOf(r, p.Status), "request refused", "method", r.Method, "path", r.URL.Path, "status", p.Status, "error", err)
	switch p.Status {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", retryAfter)
		p.MessageID = messageID
	case http.StatusUnsupportedMediaType:
		w.Header().Set("Accept-Post", "application/json")
	}
	a.write(w, r, p.Status, "application/problem+json", p)
}

// levelOf is how loud the log gets: what senders do wrong is their affair, and so
// is that they go away.
func levelOf(r *http.Request, status int) slog.Level {
	switch {
	case status == http.StatusInternalServerError:
		return slog.LevelError
	case status < http.StatusInternalServerError, errors.Is(r.Context().Err(), context.Canceled):
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// problemOf says what err is to whoever sent the request.
func problemOf(err error) problem {
	p := problem{Status: statusOf(err)}
	p.Title = http.StatusText(p.Status)
	if e, ok := errors.AsType[*Error](err); ok {
		p.Detail = e.Detail
	}
	if p.Status == http.StatusBadRequest {
		p.Errors = faults(err)
	}
	switch {
	case p.Detail != "":
	case p.Status == http.StatusServiceUnavailable:
		p.Detail = "it could not be published in time; it is safe to try again with this messageId as " + headerIdempotencyKey
	case p.Status == http.StatusRequestEntityTooLarge:
		p.Detail = "it is larger than a message may be"
	}
	return p
}

func statusOf(err error) int {
	e, ok := errors.AsType[*Error](err)
	switch {
	case ok && e.Status >= http.StatusBadRequest && e.Status <= 599:
		return e.Status
	case errors.Is(err, message.ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, message.ErrRefused):
		return http.StatusInternalServerError
	case mayPass(err), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return http.StatusServiceUnavailable
	case len(message.Fields(err)) > 0:
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

// mayPass reports whether the same request can be accepted later.
func mayPass(err error) bool {
	outcome := message.OutcomeOf(err)
	return outcome == message.OutcomeRetry || outcome == message.OutcomeUnavailable
}

// faults lists the headers and fields that err finds fault with.
func faults(err error) []fault {
	switch e := err.(type) { //nolint:errorlint // this walks the tree itself
	case *headerError:
		return []fault{{Header: e.name, Detail: e.problem}}
	case *message.FieldError:
		return []fault{{Field: e.Field, Detail: e.Problem}}
	case interface{ Unwrap() []error }:
		var all []fault
		for _, err := range e.Unwrap() {
			all = append(all, faults(err)...)
		}
		return all
	case interface{ Unwrap() error }:
		return faults(e.Unwrap())
	}
	return nil
}

// write answers with a value in JSON.
func (a *API) write(w http.ResponseWriter, r *http.Request, status int, kind string, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // only for a value that is not one of this package's
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Del("Content-Length") // of an answer that this one replaces
	w.WriteHeader(status)
	if _, err := w.Write(append(text, '\n')); err != nil {
		a.log.DebugContext(r.Context(), "nobody waits for the answer", "path", r.URL.Path, "error", err)
	}
}
