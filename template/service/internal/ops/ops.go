// Package ops serves what those who run the service ask it: whether it lives,
// whether it is ready, what it does, and its metrics.
package ops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/singleflight"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Server answers for a service.
type Server struct {
	Service, Version string
	Settings         []config.Shown
	Checks           []Check
	Parts            map[string][]Check // what /readyz/NAME asks for a part of the service
	Metrics          *prometheus.Registry
	Pprof            bool // Go's profiles are served

	consumers []*figures
	state     atomic.Pointer[error]
}

// Add adds a consumer of the topics, which has not run yet.
func (s *Server) Add(c Consumer, topics []string) {
	s.consumers = append(s.consumers, newFigures(c, topics))
}

// SetState sets why the service does not work yet or any more, nil when it does.
func (s *Server) SetState(err error) { s.state.Store(&err) }

// why returns why the service does not work, nil when it does.
func (s *Server) why() error {
	if state := s.state.Load(); state != nil {
		return *state
	}
	return nil
}

// requestTimeout bounds the reading of a request, and the writing of its answer.
const requestTimeout = 10 * time.Second

// Serve answers on the listener until ctx ends, and then returns nil.
func (s *Server) Serve(ctx context.Context, listener net.Listener, log *slog.Logger) error {
	handler, err := s.Handler()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{
		Handler:      handler,
		ReadTimeout:  requestTimeout,
		WriteTimeout: requestTimeout,
		IdleTimeout:  time.Minute,
		ErrorLog:     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	// A connection that a client holds open does not hold up the end.
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	log.Info("ops", "address", listener.Addr().String(), "paths", "/livez /readyz /status /metrics")
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Handler returns what answers. It registers the metrics of the consumers, with the
// label consumer if there are several, and returns an error when another collector
// has their names.
func (s *Server) Handler() (http.Handler, error) {
	var live, ready []Check
	for _, c := range s.consumers {
		var name string // the only one needs none
		var labels prometheus.Labels
		if len(s.consumers) > 1 {
			name = c.Name()
			labels = prometheus.Labels{"consumer": name}
		}
		if err := prometheus.WrapRegistererWith(labels, s.Metrics).Register(c); err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
		live = append(live, Check{name, func(context.Context) error { return c.Live() }})
		ready = append(ready, Check{name, func(context.Context) error { return c.Ready() }})
	}
	ready = append(ready, s.Checks...)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, r *http.Request) { answer(r.Context(), w, live) })
	mux.HandleFunc("GET /readyz", s.answerReady(ready))
	for name, checks := range s.Parts {
		mux.HandleFunc("GET /readyz/"+name, s.answerReady(checks))
	}
	mux.HandleFunc("GET /status", s.answerStatus)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.Metrics, promhttp.HandlerOpts{}))
	if s.Pprof {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux, nil
}

// answerReady returns what asks the checks. Until all has started there is nothing that
// they could be asked.
func (s *Server) answerReady(checks []Check) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := s.why(); err != nil {
			answer(r.Context(), w, []Check{{"", func(context.Context) error { return err }}})
			return
		}
		answer(r.Context(), w, checks)
	}
}

// Check is a function of the user's that /readyz asks.
type Check struct {
	Name string
	Ask  func(context.Context) error
}

// NewCheck returns a check that f answers. Who asks while it is called gets the answer
// of that call: one that never returns is called once, not by each probe.
func NewCheck(name string, f func(context.Context) error) Check {
	var calls singleflight.Group
	return Check{name, func(ctx context.Context) error {
		answered := calls.DoChan("", func() (any, error) {
			asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
			defer cancel()
			return nil, message.CallBounded(context.WithoutCancel(ctx), 0, func(context.Context) error {
				if err := f(asking); err != nil {
					return errors.New(textOf(err)) // here, where a nil pointer that is an error panics
				}
				return nil
			})
		})
		select {
		case answer := <-answered:
			return answer.Err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}}
}

// checkTimeout is what the checks have to answer.
const checkTimeout = 2 * time.Second

// ask asks the checks, all at once. One that does not heed its context is left behind.
func ask(ctx context.Context, checks []Check) []error {
	ctx, cancel := context.WithTimeoutCause(ctx, checkTimeout, fmt.Errorf("did not answer within %v", checkTimeout))
	defer cancel()
	errs := make([]error, len(checks))
	var all sync.WaitGroup
	for i, c := range checks {
		all.Go(func() { errs[i] = message.CallBounded(ctx, 0, c.Ask) })
	}
	all.Wait()
	return errs
}

// oneLine returns text on one line, the errors of some drivers have several, and without
// what moves a terminal's cursor or is not seen.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }), " ")
}

// answer asks the checks and writes 200 and ok, or 503 and what is wrong first: a line
// for each that has a name or is wrong.
func answer(ctx context.Context, w http.ResponseWriter, checks []Check) {
	errs := ask(ctx, checks)
	var wrong, right []string
	for i, c := range checks {
		switch {
		case errs[i] != nil:
			wrong = append(wrong, strings.TrimPrefix(c.Name+": "+textOf(errs[i]), ": "))
		case c.Name != "":
			right = append(right, c.Name+": ok")
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if len(wrong) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
	} else {
		wrong = []string{"ok"}
	}
	_, _ = io.WriteString(w, strings.Join(append(wrong, right...), "\n")+"\n") // a client that has gone needs no answer
}

// errorEvery is how long an outage lasts before it is an error, and how often the
// log says so from then on.
const errorEvery = time.Minute

// Outage is a row of failures as the log has it: a warning for the first one, then an
// error each minute, whatever the number of attempts, and how long it lasted.
type Outage struct {
	Log           *slog.Logger
	since, logged time.Time
}

// Failed notes a failure, and logs it when it is time to.
func (o *Outage) Failed(text string, err error) {
	now, level, attrs := time.Now(), slog.LevelWarn, []any{"error", err}
	switch {
	case o.since.IsZero():
		o.since = now
	case now.Sub(o.logged) < errorEvery:
		return
	default:
		level = slog.LevelError
		attrs = append(attrs, "for", now.Sub(o.since).Round(time.Second))
	}
	o.logged = now
	o.Log.Log(context.Background(), level, text, attrs...)
}

// End ends the outage, if there is one, and logs that.
func (o *Outage) End(text string) {
	if !o.since.IsZero() {
		o.Log.Info(text, "after", time.Since(o.since).Round(time.Millisecond))
	}
	o.since = time.Time{}
}
