package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// The request headers that end up in a message.
const (
	headerIdempotencyKey = "Idempotency-Key"
	headerCorrelationID  = "X-Correlation-ID"
)

// longestID is how long an id of a request may be.
const longestID = 128

// checkType refuses bodies that do not claim to be JSON in UTF-8.
func checkType(h http.Header) error {
	unsupported := func(detail string) error {
		return &Error{Status: http.StatusUnsupportedMediaType, Detail: detail}
	}
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	switch charset, ok := params["charset"]; {
	case h.Get("Content-Type") == "":
		return unsupported("Content-Type is missing, must be application/json")
	case err != nil || kind != "application/json":
		return unsupported("Content-Type must be application/json")
	case ok && !strings.EqualFold(charset, "utf-8"):
		return unsupported("Content-Type: the charset must be utf-8")
	}
	if coding := h.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return unsupported("Content-Encoding must be identity, or not be there")
	}
	return nil
}

// read returns the request's body.
func (a *API) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	limit := a.cfg.MaxBodyBytes
	tooLarge := &Error{
		Status: http.StatusRequestEntityTooLarge,
		Detail: fmt.Sprintf("the body has more than %d bytes", limit),
	}
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	if deadline, ok := r.Context().Deadline(); ok { // a slow body must not outlast its request
		_ = http.NewResponseController(w).SetReadDeadline(deadline) // the server's own timeout is still there
	}
	stop := context.AfterFunc(r.Context(), func() { // at the end of the service, before the deadline
		_ = http.NewResponseController(w).SetReadDeadline(time.Now())
	})
	defer stop()
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge
	}
	switch {
	case err == nil:
		return data, nil
	case errors.Is(context.Cause(r.Context()), errEnding):
		return nil, &Error{Status: http.StatusServiceUnavailable, Detail: "the service ends, and the body had not arrived", Err: err}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &Error{Status: http.StatusRequestTimeout, Detail: "the body did not arrive in time", Err: err}
	default:
		return nil, &Error{Status: http.StatusBadRequest, Detail: "the body was cut off", Err: err}
	}
}

// origin is what a message inherits from its request.
type origin struct {
	messageID     string
	correlationID string
	trace         []message.Field
}

// readOrigin takes what is there and makes up what is not. The error names each
// header that is not as it must be.
func readOrigin(h http.Header) (origin, error) {
	var from origin
	messageID, err := readID(h, headerIdempotencyKey)
	correlationID, err2 := readID(h, headerCorrelationID)
	if err := errors.Join(err, err2); err != nil {
		return from, err
	}
	if from.messageID = messageID; messageID == "" {
		from.messageID = uuid.Must(uuid.NewV7()).String()
	}
	trace := traceID(h)
	if trace != "" {
		from.carry(h, "traceparent", "tracestate")
	}
	from.carry(h, "baggage") // W3C's Baggage needs no trace
	from.correlationID = cmp.Or(correlationID, trace, from.messageID)
	return from, nil
}

// carry takes headers along that are there.
func (o *origin) carry(h http.Header, names ...string) {
	for _, name := range names {
		if values := h.Values(name); len(values) > 0 {
			o.trace = append(o.trace, message.Field{Key: name, Value: []byte(strings.Join(values, ","))})
		}
	}
}

// readID returns the id in a header, without the quotes that it may stand in.
// It is empty when there is none.
func readID(h http.Header, name string) (string, error) {
	values := h.Values(name)
	if len(values) == 0 {
		return "", nil
	}
	id := values[0]
	if n := len(id); n > 1 && id[0] == '"' && id[n-1] == '"' {
		id = id[1 : n-1]
	}
	hidden := func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '\\' }
	if len(values) > 1 || id == "" || len(id) > longestID || strings.ContainsFunc(id, hidden) {
		return "", &headerError{name, fmt.Sprintf(`must be given once, with 1 to %d visible ASCII characters other than " and \`, longestID)}
	}
	return id, nil
}

// headerError says what is wrong with a header of the request.
type headerError struct{ name, problem string }

func (e *headerError) Error() string { return e.name + ": " + e.problem }

var traceparent = regexp.MustCompile(`^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$`)

// traceID returns the trace that the request belongs to. A traceparent that is
// not as W3C's Trace Context has it counts as none, as it says.
func traceID(h http.Header) string {
	values := h.Values("Traceparent")
	if len(values) != 1 {
		return ""
	}
	part := traceparent.FindStringSubmatch(values[0])
	switch {
	case part == nil, part[1] == "ff", part[1] == "00" && part[4] != "",
		strings.Trim(part[2], "0") == "", strings.Trim(part[3], "0") == "":
		return ""
	}
	return part[2]
}

// context returns a context in which what is published inherits from the
// request, as what a handler publishes does from its message.
func (o *origin) context(ctx context.Context) context.Context {
	ctx = message.NewContext(ctx, &message.Message{Headers: o.trace})
	return message.WithMessageID(message.WithCorrelationID(ctx, o.correlationID), o.messageID)
}
