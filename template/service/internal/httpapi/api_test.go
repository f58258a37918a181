package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

type payment struct {
	ID     string  `json:"id" validate:"required"`
	Amount float64 `json:"amount" validate:"gt=0"`
}

// newAPI returns an API that takes payments.
func newAPI(e EndpointFunc[payment]) *API {
	var cfg config.Config
	cfg.HTTP = config.HTTP{RequestTimeout: time.Minute, MaxBodyBytes: 200, MaxRequests: 4}
	cfg.Source.DrainTimeout = time.Minute
	a := New(cfg, slog.New(slog.DiscardHandler))
	Post(a, "/payments", e)
	return a
}

func takes(context.Context, Request[payment]) error { return nil }

const valid = `{"id": "p-1", "amount": 9.5}`

// send sends a request with headers, given as name and value in turn.
func send(t *testing.T, h http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Del(headers[i])
		if headers[i+1] != "" {
			r.Header.Add(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// refused fails unless the answer is a problem with the status, and returns it.
func refused(t *testing.T, answer *httptest.ResponseRecorder, status int) problem {
	t.Helper()
	if got := answer.Header().Get("Content-Type"); answer.Code != status || got != "application/problem+json" {
		t.Fatalf("%d %s, want %d application/problem+json: %s", answer.Code, got, status, answer.Body)
	}
	var p problem
	if err := json.Unmarshal(answer.Body.Bytes(), &p); err != nil {
		t.Fatalf("%v in %s", err, answer.Body)
	}
	if p.Status != status || p.Title != http.StatusText(status) {
		t.Errorf("the problem is said to be %d %q", p.Status, p.Title)
	}
	return p
}

func TestWhatIsPostedReachesItsEndpoint(t *testing.T) {
	var got Request[payment]
	a := newAPI(func(_ context.Context, r Request[payment]) error { got = r; return nil })
	response := send(t, a, http.MethodPost, "/payments?dry=yes", valid)
	if response.Code != http.StatusAccepted || response.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("answered with %d", response.Code)
	}
	var answer accepted
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if got.Body != (payment{"p-1", 9.5}) || got.URL.Query().Get("dry") != "yes" {
		t.Errorf("the endpoint got %+v of %s", got.Body, got.URL)
	}
	if got.MessageID == "" || answer.MessageID != got.MessageID || answer.CorrelationID != got.MessageID {
		t.Errorf("answered %+v for the message %q", answer, got.MessageID)
	}
}

func TestEachThingThatIsWrongHasItsStatus(t *testing.T) {
	a := newAPI(takes)
	a.Handle("GET /ready", http.NotFoundHandler())
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		detail                   string
	}{
		{"no JSON", "POST", "/payments", `{"id"`, nil, 400, "body.id: not JSON: it ends too early at byte 5"},
		{"nothing", "POST", "/payments", ``, nil, 400, "body: not JSON: it ends too early at byte 0"},
		{"given twice", "POST", "/payments", `{"id": "a", "id": "b"}`, nil, 400, "body.id: is given twice"},
		{"two values", "POST", "/payments", valid + valid, nil, 400, "body: not JSON: invalid character '{' after top-level value at byte 28"},
		{"no type", "POST", "/payments", valid, []string{"Content-Type", ""}, 415, "Content-Type is missing, must be application/json"},
		{"a form", "POST", "/payments", "id=1", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "Content-Type must be application/json"},
		{"latin-1", "POST", "/payments", valid, []string{"Content-Type", "application/json; charset=latin1"}, 415, "Content-Type: the charset must be utf-8"},
		{"compressed", "POST", "/payments", valid, []string{"Content-Encoding", "gzip"}, 415, "Content-Encoding must be identity, or not be there"},
		{"too large", "POST", "/payments", `{"id": "` + strings.Repeat("x", 200) + `"}`, nil, 413, "the body has more than 200 bytes"},
		{"no such path", "POST", "/payment", valid, nil, 404, ""},
		{"no such method", "GET", "/payments", "", nil, 405, ""},
		{"a 404 of an endpoint", "GET", "/ready", "", nil, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			response := send(t, a, c.method, c.path, c.body, c.headers...)
			if c.status == 0 {
				if text := response.Body.String(); text != "404 page not found\n" {
					t.Errorf("what the endpoint said became %q", text)
				}
				return
			}
			if p := refused(t, response, c.status); p.Detail != c.detail {
				t.Errorf("detail %q, want %q", p.Detail, c.detail)
			}
			if allow := response.Header().Get("Allow"); c.status == 405 && allow != "POST" {
				t.Errorf("Allow: %q", allow)
			}
		})
	}
}

// unsized hides the length of a body.
type unsized struct{ io.Reader }

func TestBodiesOfUnknownLengthAreLimitedToo(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/payments", unsized{strings.NewReader(strings.Repeat(" ", 201))})
	r.Header.Set("Content-Type", "application/json; charset=UTF-8")
	w := httptest.NewRecorder()
	newAPI(takes).ServeHTTP(w, r)
	refused(t, w, http.StatusRequestEntityTooLarge)
}

func TestEveryFieldAtFaultIsNamed(t *testing.T) {
	a := newAPI(func(context.Context, Request[payment]) error { t.Error("it reached the endpoint"); return nil })
	p := refused(t, send(t, a, http.MethodPost, "/payments", `{"amount": -1}`, "Idempotency-Key", "a b"), http.StatusBadRequest)
	want := []fault{
		{Header: "Idempotency-Key", Detail: `must be given once, with 1 to 128 visible ASCII characters other than " and \`},
		{Field: "id", Detail: "is required"},
		{Field: "amount", Detail: "must be greater than 0"},
	}
	if fmt.Sprint(p.Errors) != fmt.Sprint(want) {
		t.Errorf("errors %q, want %q", p.Errors, want)
	}
	for _, part := range []string{"Idempotency-Key", "body.id: is required", "body.amount: must be greater than 0"} {
		if !strings.Contains(p.Detail, part) {
			t.Errorf("detail %q lacks %q", p.Detail, part)
		}
	}
}

func TestWhatAnEndpointReturnsDecidesTheAnswer(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		status int
		want   problem
	}{
		{"a status", fmt.Errorf("denied: %w", &Error{Status: 403, Detail: "not your account"}), 403, problem{Detail: "not your account"}},
		{"a field", message.Invalid("amount", "must be whole"), 400, problem{Errors: []fault{{Field: "amount", Detail: "must be whole"}}}},
		{"fields", errors.Join(message.Invalid("a", "b"), message.Invalid("c", "d")), 400, problem{Errors: []fault{{Field: "a", Detail: "b"}, {Field: "c", Detail: "d"}}}},
		{"the broker is away", message.Retry(errors.New("no broker at 10.0.0.1")), 503, problem{Detail: "it could not be published in time; it is safe to try again with this messageId as Idempotency-Key"}},
		{"the time is up", fmt.Errorf("publish: %w", context.DeadlineExceeded), 503, problem{Detail: "it could not be published in time; it is safe to try again with this messageId as Idempotency-Key"}},
		{"too large for the topic", message.Permanent(fmt.Errorf("publish: %w", message.ErrTooLarge)), 413, problem{Detail: "it is larger than a message may be"}},
		{"refused for a right that is missing", message.Retry(fmt.Errorf("%w: not authorized", message.ErrRefused)), 500, problem{}},
		{"a mistake", errors.New("password is hunter2"), 500, problem{}},
		{"no status of an error", &Error{Status: 200, Err: errors.New("hunter2")}, 500, problem{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			response := send(t, newAPI(func(context.Context, Request[payment]) error { return c.err }), http.MethodPost, "/payments", valid)
			p := refused(t, response, c.status)
			if p.Detail != c.want.Detail || fmt.Sprint(p.Errors) != fmt.Sprint(c.want.Errors) {
				t.Errorf("detail %q and errors %q, want %q and %q", p.Detail, p.Errors, c.want.Detail, c.want.Errors)
			}
			if wait := response.Header().Get("Retry-After"); (wait == "5") != (c.status == 503) {
				t.Errorf("Retry-After: %q with %d", wait, c.status)
			}
		})
	}
}

func TestAPanicIsAnAnswer(t *testing.T) {
	var log strings.Builder
	a := newAPI(func(context.Context, Request[payment]) error { panic("hunter2") })
	a.log = slog.New(slog.NewTextHandler(&log, nil))
	if p := refused(t, send(t, a, http.MethodPost, "/payments", valid), http.StatusInternalServerError); p.Detail != "" {
		t.Errorf("it tells %q", p.Detail)
	}
	if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "panic") {
		t.Errorf("the log says %q", log.String())
	}
}

func TestARequestsTimeEnds(t *testing.T) {
	a := newAPI(func(ctx context.Context, _ Request[payment]) error { <-ctx.Done(); return ctx.Err() })
	a.cfg.RequestTimeout = time.Millisecond
	refused(t, send(t, a, http.MethodPost, "/payments", valid), http.StatusServiceUnavailable)
}

func TestMoreRequestsThanMayBeAreRefusedAtOnce(t *testing.T) {
	inside, leave := make(chan struct{}), make(chan struct{})
	a := newAPI(func(context.Context, Request[payment]) error { inside <- struct{}{}; <-leave; return nil })
	codes := make(chan int)
	for range cap(a.seats) {
		go func() { codes <- send(t, a, http.MethodPost, "/payments", valid).Code }()
		<-inside
	}
	response := send(t, a, http.MethodPost, "/payments", valid)
	refused(t, response, http.StatusServiceUnavailable)
	if response.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	a.Handle("GET /other", http.NotFoundHandler())
	refused(t, send(t, a, http.MethodGet, "/other", ""), http.StatusServiceUnavailable)
	close(leave)
	for range cap(a.seats) {
		if code := <-codes; code != http.StatusAccepted {
			t.Errorf("one that was inside got %d", code)
		}
	}
	go func() { <-inside }()
	if code := send(t, a, http.MethodPost, "/payments", valid).Code; code != http.StatusAccepted {
		t.Errorf("with seats free again: %d", code)
	}
}

func TestBodiesThatComeSlowlyKeepNoSeatFromOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(takes)
		connect, end := servePipes(t, a)
		for range 2 * cap(a.seats) {
			begun(t, connect())
		}
		connection := connect()
		write(t, connection, valid)
		if got := next(t, connection, "HTTP/1.1 202"); got != "" {
			t.Errorf("answered %q, want 202", got)
		}
		if err := end(); err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
}

func TestAnAnswerThatAsksToTryAgainSaysWithWhichID(t *testing.T) {
	unavailable := newAPI(func(context.Context, Request[payment]) error { return message.Retry(errors.New("away")) })
	p := refused(t, send(t, unavailable, http.MethodPost, "/payments", valid, "Idempotency-Key", "k-1"), http.StatusServiceUnavailable)
	if p.MessageID != "k-1" {
		t.Errorf("message id %q, want the key", p.MessageID)
	}
	if p = refused(t, send(t, unavailable, http.MethodPost, "/payments", valid), http.StatusServiceUnavailable); len(p.MessageID) != 36 {
		t.Errorf("message id %q, want a fresh one", p.MessageID)
	}
	if p = refused(t, send(t, newAPI(takes), http.MethodPost, "/payments", "{}"), http.StatusBadRequest); p.MessageID != "" {
		t.Errorf("message id %q of what cannot be tried again", p.MessageID)
	}
}

func TestWiringMistakesPanicWithAClearWord(t *testing.T) {
	type wrong struct {
		ID string `json:"id" validate:"requird"`
	}
	for want, wire := range map[string]func(*API){
		"the endpoint is nil":  func(a *API) { Post[payment](a, "/x", nil) },
		"a path begins with /": func(a *API) { Post(a, "x", EndpointFunc[payment](takes)) },
		"requird": func(a *API) {
			Post(a, "/x", EndpointFunc[wrong](func(context.Context, Request[wrong]) error { return nil }))
		},
		"/payments": func(a *API) { Post(a, "/payments", EndpointFunc[payment](takes)) },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
					t.Errorf("it says %q, want %q", got, want)
				}
			}()
			wire(newAPI(takes))
		}()
	}
}

func TestDeepBodiesAreRefused(t *testing.T) {
	a := newAPI(takes)
	a.cfg.MaxBodyBytes = 1 << 20
	for depth, status := range map[int]int{9_000: http.StatusAccepted, 11_000: http.StatusBadRequest} {
		body := fmt.Sprintf(`{"id": "p", "amount": 1, "more": %s%s}`, strings.Repeat("[", depth), strings.Repeat("]", depth))
		if got := send(t, a, http.MethodPost, "/payments", body); got.Code != status {
			t.Errorf("%d deep: %d, want %d: %s", depth, got.Code, status, got.Body)
		}
	}
}
