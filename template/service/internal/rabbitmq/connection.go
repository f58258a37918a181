package rabbitmq

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

const (
	closingTimeout = 2 * time.Second
	dialTimeout    = 10 * time.Second // for the connection and both logins
	// A broker that says nothing is given up after three heartbeats at most.
	heartbeat = 4 * time.Second
)

// reopenPolicy says when a connection or a channel is opened again.
var reopenPolicy = message.RetryPolicy{Kind: message.RetryExponential, Delay: 100 * time.Millisecond, MaxDelay: 5 * time.Second}

// Connect connects in the name of a part of the service, with the certificates that their
// files hold now.
func Connect(ctx context.Context, cfg config.RabbitMQ, name string) (*amqp.Connection, error) {
	conn, err := dial(ctx, cfg, name)
	if ctx.Err() != nil {
		if err == nil {
			leave(conn)
		}
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("no connection to RabbitMQ at %s: %w: is it there, and are user, password and vhost of RABBITMQ_URL right?", cfg.Address(), err)
	}
	return conn, nil
}

// leave disconnects, also from a broker that does not answer.
func leave(conn *amqp.Connection) { _ = conn.CloseDeadline(time.Now().Add(closingTimeout)) }

func dial(ctx context.Context, cfg config.RabbitMQ, name string) (*amqp.Connection, error) {
	cfg, err := cfg.Renewed()
	if err != nil {
		return nil, err
	}
	settings := amqp.Config{Heartbeat: heartbeat, Properties: amqp.NewConnectionProperties()}
	settings.Properties.SetClientConnectionName(name)
	if cfg.TLS() {
		if settings.TLSClientConfig, err = config.ClientTLS("RABBITMQ_", cfg.CA, cfg.Cert, cfg.Key); err != nil {
			return nil, err
		}
	}
	ended := func() bool { return true }
	defer func() { ended() }()
	settings.Dial = func(network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, network, address)
		if err == nil {
			ended = context.AfterFunc(ctx, func() { _ = conn.Close() })
			err = conn.SetDeadline(time.Now().Add(dialTimeout)) // until both logins are done
		}
		return conn, err
	}
	conn, err := amqp.DialConfig(string(cfg.URL), settings)
	if _, isAnswer := errors.AsType[*amqp.Error](err); isAnswer {
		return nil, err
	}
	_, isNetwork := errors.AsType[net.Error](err)
	if _, isURL := errors.AsType[*url.Error](err); isURL || err != nil && !isNetwork && !isTLS(err) {
		return nil, errors.New("the URL cannot be used, or the broker ended the connection") // the cause may have the password in it
	}
	return conn, err
}

func isTLS(err error) bool {
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	return noTLS || untrusted
}

// codeOf returns the broker's code of an error, 0 if it is not the broker's.
func codeOf(err error) int {
	if answer, ok := errors.AsType[*amqp.Error](err); ok && answer.Server {
		return answer.Code
	}
	return 0
}

// within calls f, which ends when its connection does, and waits no longer than ctx.
func within(ctx context.Context, f func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- f() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// again calls f until it says that it is over or ctx ends, and pause between calls, for
// longer and longer when they do not last.
func again(ctx context.Context, pause func(context.Context, time.Duration), f func() (over bool)) {
	for backoff := reopenPolicy.Backoff(); ctx.Err() == nil; {
		began := time.Now()
		if f() {
			return
		}
		if time.Since(began) > reopenPolicy.MaxDelay {
			backoff = reopenPolicy.Backoff()
		}
		delay, _ := backoff.Next()
		pause(ctx, delay)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
