// Package httpapi is the service's door for HTTP. It reads and checks what is
// posted, by the same rules as messages, gives it to the endpoint of its path,
// and answers in JSON whatever happens. The endpoints are in web/.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"reflect"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/tracing" //forge:if otel
)

// API is the paths that the service serves. Register all of them, then serve.
type API struct {
	cfg   config.HTTP
	drain time.Duration
	log   *slog.Logger
	mux   *http.ServeMux
	posts []Operation
	seats chan struct{} // one for each request that is being served

	filler   func(model reflect.Type) envelope.Filler
	measured http.Handler // what serves, with its figures
	figures  []prometheus.Collector
}

// Operation is what Post registered, for those who describe or call it.
type Operation struct {
	Path  string
	Body  reflect.Type
	Topic string // where the body is published, if it is a message.Event
	// Needs reports whether a field of the body must be there by more than its rules.
	// It is nil where nothing else says so.
	Needs func(f reflect.StructField) bool
}

// New returns an API without paths.
func New(cfg config.Config, log *slog.Logger) *API {
	a := &API{
		cfg:   cfg.HTTP,
		drain: cfg.Source.DrainTimeout,
		log:   log,
		mux:   http.NewServeMux(),
		seats: make(chan struct{}, cfg.HTTP.MaxRequests),

		filler: fillers(cfg),
	}
	a.measured, a.figures = measure(http.HandlerFunc(a.route))
	return a
}

// Handle registers what is not a Post. Patterns are http.ServeMux's.
func (a *API) Handle(pattern string, h http.Handler) {
	a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := a.sit(); err != nil {
			a.refuse(w, r, err)
			return
		}
		defer a.leave()
		h.ServeHTTP(w, r)
	})
}

// Operations returns what was registered with Post, in that order.
func (a *API) Operations() []Operation { return a.posts }

// sit takes one of HTTP_MAX_REQUESTS seats, or returns an error when there is
// none: while the broker is away, requests would gather.
func (a *API) sit() error {
	select {
	case a.seats <- struct{}{}:
		return nil
	default:
		return &Error{Status: http.StatusServiceUnavailable, Detail: "too many requests are being served"}
	}
}

func (a *API) leave() { <-a.seats }

// ServeHTTP answers a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), a.cfg.RequestTimeout)
	defer cancel()
	r = r.WithContext(ctx)
	w, r, end := tracing.Request(w, r) //forge:if otel
	defer end()                        //forge:if otel
	a.measured.ServeHTTP(w, r)
}

// route gives a request to what was registered for it.
func (a *API) route(w http.ResponseWriter, r *http.Request) {
	if _, pattern := a.mux.Handler(r); pattern == "" {
		w = &unrouted{ResponseWriter: w, api: a, request: r}
	}
	a.mux.ServeHTTP(w, r)
}

// unrouted answers in JSON where http.ServeMux would answer in plain text, that
// a path or a method is not there.
type unrouted struct {
	http.ResponseWriter
	api     *API
	request *http.Request
}

func (u *unrouted) WriteHeader(status int) {
	if status < http.StatusBadRequest { // it leads to where there is something
		u.ResponseWriter.WriteHeader(status)
		return
	}
	u.api.refuse(u.ResponseWriter, u.request, &Error{Status: status})
}

func (u *unrouted) Write(text []byte) (int, error) { return len(text), nil }
