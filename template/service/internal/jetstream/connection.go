package jetstream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
)

// The states before there is a connection and after the last.
var (
	errConnecting = errors.New("not connected to NATS yet")
	errStopped    = errors.New("stopped")
)

const (
	dialTimeout  = 5 * time.Second
	pingInterval = 5 * time.Second // and after two without an answer a server hangs
	askTimeout   = 5 * time.Second // for what the server is asked
)

// backoff says when what failed is tried again.
var backoff = message.RetryPolicy{Kind: message.RetryExponential, Delay: 100 * time.Millisecond, MaxDelay: 2 * time.Second}

// connect returns a connection that is made, and made again, for as long as it is not
// closed: h knows whether there is one at present.
func connect(cfg config.JetStream, h *health) (jetstream.JetStream, error) {
	options := []nats.Option{
		nats.Name(cfg.Client), nats.Timeout(dialTimeout), nats.PingInterval(pingInterval), nats.MaxPingsOutstanding(2),
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(),
		nats.ReconnectBufSize(-1), // else what was given up is written when the server is back
		nats.CustomReconnectDelay(func(attempts int) time.Duration {
			return min(backoff.Delay<<min(attempts, 10), backoff.MaxDelay)
		}),
		nats.ConnectHandler(func(*nats.Conn) { h.set(connection, nil) }),
		nats.ReconnectHandler(func(*nats.Conn) { h.set(connection, nil) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { h.set(connection, explain(cfg, err)) }),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { h.set(connection, explain(cfg, err)) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { h.log.Warn("NATS", "error", err) }),
		nats.UserInfoHandler(func() (string, string) {
			now := renewed(cfg)
			return now.User, string(now.Password)
		}),
	}
	if cfg.Token != "" {
		options = append(options, nats.TokenHandler(func() string { return string(renewed(cfg).Token) }))
	}
	if cfg.Credentials != "" {
		options = append(options, nats.UserJWT(
			func() (string, error) { return nkeys.ParseDecoratedJWT([]byte(renewed(cfg).Credentials)) },
			func(nonce []byte) ([]byte, error) {
				pair, err := nkeys.ParseDecoratedNKey([]byte(renewed(cfg).Credentials))
				if err != nil {
					return nil, err
				}
				return pair.Sign(nonce)
			}))
	}
	if cfg.TLS() {
		options = append(options, nats.ClientTLSConfig(
			func() (tls.Certificate, error) { return certificate(renewed(cfg)) },
			func() (*x509.CertPool, error) { return authorities(renewed(cfg)) }))
	}
	conn, err := nats.Connect(strings.Join(cfg.URLs, ","), options...)
	if err != nil {
		return nil, message.Permanent(explain(cfg, err))
	}
	return jetstream.New(conn, jetstream.WithDefaultTimeout(askTimeout))
}

// renewed returns the settings with what their files hold now. While one cannot be read,
// they are as they were.
func renewed(cfg config.JetStream) config.JetStream {
	if now, err := cfg.Renewed(); err == nil {
		return now
	}
	return cfg
}

func certificate(cfg config.JetStream) (tls.Certificate, error) {
	if cfg.Cert == "" {
		return tls.Certificate{}, nil
	}
	pair, err := tls.X509KeyPair([]byte(cfg.Cert), []byte(cfg.Key))
	if err != nil {
		return pair, fmt.Errorf("NATS_CERT and NATS_KEY: %w", err)
	}
	return pair, nil
}

func authorities(cfg config.JetStream) (*x509.CertPool, error) {
	if cfg.CA == "" {
		return x509.SystemCertPool()
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(cfg.CA)) {
		return nil, errors.New("NATS_CA has no certificate in PEM")
	}
	return pool, nil
}

// explain adds to the failure of a connection where it was tried, and the settings that
// may be wrong.
func explain(cfg config.JetStream, err error) error {
	if err == nil {
		err = errors.New("it was closed")
	}
	hint := ""
	if errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || errors.Is(err, nats.ErrAuthRevoked) {
		hint = ": are NATS_USER, NATS_TOKEN or NATS_CREDENTIALS those of a user there?"
	}
	if _, untrusted := errors.AsType[*tls.CertificateVerificationError](err); untrusted || errors.Is(err, nats.ErrSecureConnRequired) || errors.Is(err, nats.ErrSecureConnWanted) {
		hint = ": does that address speak TLS, with a certificate that NATS_CA signs, and does NATS_URL say tls:// of it?"
	}
	return fmt.Errorf("no connection to NATS at %s: %w%s", strings.Join(cfg.URLs, ", "), err, hint)
}

// connection is the part of health that is not consumed of any durable consumer.
const connection = ""

// health is why not all is consumed, if it is not.
type health struct {
	log            *slog.Logger
	failing, again string // what is logged when an outage goes on, and when it ends

	mu      sync.Mutex
	stopped bool
	parts   map[string]error // of the connection, and of durable consumers
	outage  ops.Outage
}

func newHealth(log *slog.Logger, failing, again string) *health {
	return &health{log: log, failing: failing, again: again, parts: map[string]error{connection: errConnecting}, outage: ops.Outage{Log: log}}
}

// set notes what is wrong with a part, nil for nothing.
func (h *health) set(part string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		delete(h.parts, part)
	} else {
		h.parts[part] = err
	}
	switch why := h.first(); {
	case h.stopped:
	case why == nil:
		h.outage.End(h.again)
	case !errors.Is(why, errConnecting):
		h.outage.Failed(h.failing, why)
	}
}

// why returns what is wrong, nil for nothing.
func (h *health) why() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return errStopped
	}
	return h.first()
}

// first returns what is wrong with the connection, or else with the parts. It is called
// with h.mu held.
func (h *health) first() error {
	if err := h.parts[connection]; err != nil {
		return err
	}
	var all []error
	for _, name := range slices.Sorted(maps.Keys(h.parts)) {
		all = append(all, fmt.Errorf("%s: %w", name, h.parts[name]))
	}
	return errors.Join(all...)
}

// stop notes that nothing is consumed any more, and returns what is wrong.
func (h *health) stop() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	return h.first()
}
