package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	headerTimeout  = 5 * time.Second
	idleTimeout    = time.Minute
	writeMargin    = 5 * time.Second // for an answer, after the request's time was up
	maxHeaderBytes = 32 << 10
)

// errEnding is why the context of a request ends that did not finish in time.
var errEnding = errors.New("the service ends")

// Serve answers requests at a listener, which it closes, until ctx ends. Then it
// accepts no more, lets those that it has finish, and returns nil. That takes at
// most three quarters of DRAIN_TIMEOUT, so that there is time left to flush
// what they published.
func (a *API) Serve(ctx context.Context, listener net.Listener) error {
	requests, giveUp := context.WithCancelCause(context.WithoutCancel(ctx))
	defer giveUp(nil)
	server := &http.Server{
		Handler:           a,
		BaseContext:       func(net.Listener) context.Context { return requests },
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout + a.cfg.RequestTimeout,
		WriteTimeout:      headerTimeout + a.cfg.RequestTimeout + writeMargin,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { ended <- a.shutDown(server, giveUp) })
	a.log.Info("http", "address", listener.Addr().String())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) || stop() {
		return fmt.Errorf("http: %w", err)
	}
	return <-ended
}

// shutDown lets requests finish. After half of the drain time those that have
// not are told to: they are answered with 503. Who has no answer by three
// quarters of it loses the connection.
func (a *API) shutDown(server *http.Server, giveUp context.CancelCauseFunc) error {
	hurry := time.AfterFunc(a.drain/2, func() { giveUp(errEnding) })
	defer hurry.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), a.drain*3/4)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		a.log.Warn("requests were cut off: they did not end in time", "after", a.drain*3/4)
		err = server.Close()
	}
	return err
}
