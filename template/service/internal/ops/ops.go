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
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
)

// Consumer is a consumer that is asked.
type Consumer interface {
	Name() string        // tells it from the others of this process
	Live() error         // why only a restart can help, nil when none is needed
	Ready() error        // why it does no work at present, nil when it does
	Stats() engine.Stats // its present figures
}

// Server answers for a service.
type Server struct {
	State     func() error // why the service does not work yet or any more, nil when it does
	Consumers []Consumer
	Checks    []Check
	Metrics   *prometheus.Registry
}

const (
	requestTimeout  = 10 * time.Second
	idleTimeout     = time.Minute
	shutdownTimeout = 2 * time.Second
)

// Serve answers on the listener until ctx ends, and then returns nil.
func (s *Server) Serve(ctx context.Context, listener net.Listener, log *slog.Logger) error {
	handler, err := s.Handler()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: requestTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		// A connection that a client holds open must not hold up the end.
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		err := server.Shutdown(bounded)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close()
		}
		ended <- err
	})
	log.Info("ops", "address", listener.Addr().String(), "paths", "/livez /readyz /metrics")
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) || stop() {
		return err
	}
	return <-ended
}

// Handler returns what answers. It returns an error when another collector has
// the names of the consumers' metrics.
func (s *Server) Handler() (http.Handler, error) {
	if err := registerConsumers(s.Metrics, s.Consumers); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.live()) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { answer(w, s.ready(r.Context())) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.Metrics, promhttp.HandlerOpts{}))
	return mux, nil
}
