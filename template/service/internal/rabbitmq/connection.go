package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
)

const (
	closingTimeout = 2 * time.Second
	dialTimeout    = 10 * time.Second // for the connection and both logins
	// A broker that says nothing is given up after 6 s: the client waits for one and a half. One
	// that reads nothing is after three.
	heartbeat = 4 * time.Second
)

// reopenPolicy says when a connection or a channel is opened again.
var reopenPolicy = message.RetryPolicy{Kind: message.RetryExponential, Delay: 100 * time.Millisecond, MaxDelay: 5 * time.Second}

// Connect connects in the name of a part of the service, with the certificates that their
// files hold now.
func Connect(ctx context.Context, cfg config.RabbitMQ, name string) (*amqp.Connection, error) {
	var conn *amqp.Connection
	var keep func() bool
	err := Within(ctx, func() (err error) {
		if conn, err = dial(cfg, name); err == nil {
			keep = context.AfterFunc(ctx, func() { Disconnect(conn) }) // unless somebody waits for it still
		}
		return err
	})
	switch {
	case err == nil && keep():
		return conn, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return nil, fmt.Errorf("no connection to RabbitMQ at %s: %w: is it there, and are user, password and vhost of RABBITMQ_URL right?", cfg.Address(), err)
}

// Disconnect disconnects, also from a broker that does not answer.
func Disconnect(conn *amqp.Connection) { _ = conn.CloseDeadline(time.Now().Add(closingTimeout)) }

// bounded is a network connection of which each write ends. Who writes holds what the client
// needs to end the connection.
type bounded struct{ net.Conn }

func (b bounded) Write(data []byte) (int, error) {
	_ = b.SetWriteDeadline(time.Now().Add(3 * heartbeat))
	return b.Conn.Write(data)
}

func dial(cfg config.RabbitMQ, name string) (*amqp.Connection, error) {
	cfg, err := cfg.Renewed()
	if err != nil {
		return nil, err
	}
	if _, err := amqp.ParseURI(string(cfg.URL)); err != nil {
		return nil, errors.New("the URL cannot be used") // the cause may have the password in it
	}
	settings := amqp.Config{Heartbeat: heartbeat, Properties: amqp.NewConnectionProperties(), Dial: func(network, address string) (net.Conn, error) {
		conn, err := amqp.DefaultDial(dialTimeout)(network, address)
		return bounded{conn}, err
	}}
	settings.Properties.SetClientConnectionName(name)
	if cfg.TLS() {
		if settings.TLSClientConfig, err = config.ClientTLS("RABBITMQ_", cfg.CA, cfg.Cert, cfg.Key); err != nil {
			return nil, err
		}
	}
	return amqp.DialConfig(string(cfg.URL), settings)
}

// endOf says that a connection ended, and why if the client knows.
func endOf(cfg config.RabbitMQ, why *amqp.Error) error {
	err := fmt.Errorf("the connection to RabbitMQ at %s ended", cfg.Address())
	if why != nil { // a nil *amqp.Error would be an error
		err = fmt.Errorf("%w: %w", err, why)
	}
	return err
}

// codeOf returns the broker's code of an error, 0 if it is not the broker's.
func codeOf(err error) int {
	if answer, ok := errors.AsType[*amqp.Error](err); ok && answer.Server {
		return answer.Code
	}
	return 0
}

// Within calls f, which ends when its connection does, and waits no longer than ctx.
func Within(ctx context.Context, f func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- f() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// again calls f until ctx ends, and pause between calls, for longer and longer when they do not
// last. Meanwhile health has for a part why f ended.
func again(ctx context.Context, health *ops.Health, part string, pause func(context.Context, time.Duration), f func() error) {
	for backoff := reopenPolicy.Backoff(); ctx.Err() == nil; {
		began := time.Now()
		if err := f(); ctx.Err() == nil {
			health.Set(part, err)
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
