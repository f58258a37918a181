// Package ops serves what those who run the service ask it: whether it lives,
// whether it is ready, and its metrics.
package ops

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Server answers for a service.
type Server struct {
	Consumers []Consumer
	Checks    []Check
	Metrics   *prometheus.Registry

	state atomic.Pointer[error]
}

// SetState sets why the service does not work yet or any more, nil when it does.
func (s *Server) SetState(err error) { s.state.Store(&err) }

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
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	log.Info("ops", "address", listener.Addr().String(), "paths", "/livez /readyz /metrics")
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Handler returns what answers. It registers the metrics of the consumers, with the
// label consumer if there are several, and returns an error when another collector
// has their names.
func (s *Server) Handler() (http.Handler, error) {
	for _, c := range s.Consumers {
		var labels prometheus.Labels
		if len(s.Consumers) > 1 {
			labels = prometheus.Labels{"consumer": c.Name()}
		}
		if err := prometheus.WrapRegistererWith(labels, s.Metrics).Register(stats{c}); err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, r *http.Request) {
		answer(r.Context(), w, s.askConsumers(Consumer.Live))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		checks := append(s.askConsumers(Consumer.Ready), s.Checks...)
		if state := s.state.Load(); state != nil && *state != nil { // until all has started there is nothing that they could be asked
			checks = []Check{{"", func(context.Context) error { return *state }}}
		}
		answer(r.Context(), w, checks)
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.Metrics, promhttp.HandlerOpts{}))
	return mux, nil
}

// askConsumers makes a question to each consumer a check. The only consumer needs
// no name.
func (s *Server) askConsumers(question func(Consumer) error) (checks []Check) {
	for _, c := range s.Consumers {
		name := c.Name()
		if len(s.Consumers) == 1 {
			name = ""
		}
		checks = append(checks, Check{name, func(context.Context) error { return question(c) }})
	}
	return checks
}
