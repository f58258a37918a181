package rabbitmq

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
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

// open connects in the name of a part of the service, with the certificates that their
// files hold now.
func open(ctx context.Context, cfg config.RabbitMQ, name string) (*amqp.Connection, error) {
	var conn *amqp.Connection
	dialled := make(chan error, 1)
	go func() {
		var err error
		conn, err = dial(cfg, name)
		dialled <- err
	}()
	select {
	case err := <-dialled:
		if err != nil {
			return nil, fmt.Errorf("no connection to RabbitMQ at %s: %w: is it there, and are user, password and vhost of RABBITMQ_URL right?", cfg.Address(), err)
		}
		return conn, nil
	case <-ctx.Done():
		go func() {
			if <-dialled == nil {
				leave(conn)
			}
		}()
		return nil, context.Cause(ctx)
	}
}

// leave disconnects, also from a broker that does not answer.
func leave(conn *amqp.Connection) { _ = conn.CloseDeadline(time.Now().Add(closingTimeout)) }

func dial(cfg config.RabbitMQ, name string) (*amqp.Connection, error) {
	cfg, err := cfg.Renewed()
	if err != nil {
		return nil, err
	}
	settings := amqp.Config{Heartbeat: heartbeat, Dial: amqp.DefaultDial(dialTimeout), Properties: amqp.NewConnectionProperties()}
	settings.Properties.SetClientConnectionName(name)
	if cfg.TLS() {
		if settings.TLSClientConfig, err = tlsConfig(cfg); err != nil {
			return nil, err
		}
	}
	conn, err := amqp.DialConfig(string(cfg.URL), settings)
	if _, isAnswer := errors.AsType[*amqp.Error](err); isAnswer {
		return nil, err
	}
	if _, isNetwork := errors.AsType[net.Error](err); err != nil && !isNetwork && !isTLS(err) {
		return nil, errors.New("the URL cannot be used, or the broker ended the connection") // the cause may have the password in it
	}
	return conn, err
}

func isTLS(err error) bool {
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	return noTLS || untrusted
}

func tlsConfig(cfg config.RabbitMQ) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.CA != "" {
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM([]byte(cfg.CA)) {
			return nil, errors.New("RABBITMQ_CA has no certificate in PEM")
		}
	}
	if cfg.Cert != "" {
		pair, err := tls.X509KeyPair([]byte(cfg.Cert), []byte(cfg.Key))
		if err != nil {
			return nil, fmt.Errorf("RABBITMQ_CERT and RABBITMQ_KEY: %w", err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
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

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
