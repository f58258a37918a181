// Package ops serves what those who run the service ask it: whether it lives,
// whether it is ready, and its metrics.
package ops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
)

// Service is what is asked: a consumer.
type Service interface {
	Name() string        // tells it from the others of this process
	Live() error         // why only a restart can help, nil when none is needed
	Ready() error        // why the service does no work at present, nil when it does
	Stats() engine.Stats // its present figures
}

const (
	requestTimeout  = 10 * time.Second
	idleTimeout     = time.Minute
	shutdownTimeout = 3 * time.Second
)

// Serve answers for the services at the configured address until ctx ends, and
// then returns nil. They live and are ready when all of them are.
func Serve(ctx context.Context, cfg config.Ops, log *slog.Logger, services ...Service) error {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return fmt.Errorf("ops: OPS_ADDR=%q: %w", cfg.Addr, err)
	}
	return ServeOn(ctx, listener, log, services...)
}

// ServeOn is Serve on a listener, which it closes.
func ServeOn(ctx context.Context, listener net.Listener, log *slog.Logger, services ...Service) error {
	server := &http.Server{
		Handler:           Handler(services...),
		ReadHeaderTimeout: requestTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		// What is being answered may end, but a connection that somebody
		// holds open must not hold up the service's end.
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
		return fmt.Errorf("ops: %w", err)
	}
	return <-ended
}

// Handler returns what answers for the services.
func Handler(services ...Service) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /livez", probe(all(services, Service.Live)))
	mux.Handle("GET /readyz", probe(all(services, Service.Ready)))
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry(services), promhttp.HandlerOpts{}))
	return mux
}

// all returns a check of all services, which tells what is wrong with each. The
// only one needs no name.
func all(services []Service, check func(Service) error) func() error {
	return func() error {
		var wrong []error
		for _, s := range services {
			err := check(s)
			if err != nil && len(services) > 1 {
				err = fmt.Errorf("%s: %w", s.Name(), err)
			}
			wrong = append(wrong, err)
		}
		return errors.Join(wrong...)
	}
}

// probe answers 200 and "ok", or 503 and the reason.
func probe(check func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		answer := "ok"
		if err := check(); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			answer = err.Error()
		}
		_, _ = io.WriteString(w, answer+"\n") // who asked has gone: nobody is left to tell
	}
}
