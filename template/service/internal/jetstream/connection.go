package jetstream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
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
func connect(cfg config.JetStream, h *ops.Health, log *slog.Logger) (jetstream.JetStream, error) {
	options := []nats.Option{
		nats.Name(cfg.Client), nats.Timeout(dialTimeout), nats.PingInterval(pingInterval), nats.MaxPingsOutstanding(2),
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(),
		nats.ReconnectBufSize(-1), // else what was given up is written when the server is back
		nats.CustomReconnectDelay(func(attempts int) time.Duration {
			return min(backoff.Delay<<min(attempts, 10), backoff.MaxDelay)
		}),
		nats.ConnectHandler(func(*nats.Conn) { h.Set(ops.Connection, nil) }),
		nats.ReconnectHandler(func(*nats.Conn) { h.Set(ops.Connection, nil) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { h.Set(ops.Connection, explain(cfg, err)) }),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { h.Set(ops.Connection, explain(cfg, err)) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Warn("NATS", "error", err) }),
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
			func() (tls.Certificate, error) { own, _, err := certificates(renewed(cfg)); return own, err },
			func() (*x509.CertPool, error) { _, signers, err := certificates(renewed(cfg)); return signers, err }))
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

// certificates returns the service's certificate, none if it has none, and those that sign
// the servers', nil for the system's.
func certificates(cfg config.JetStream) (own tls.Certificate, signers *x509.CertPool, err error) {
	t, err := config.ClientTLS("NATS_", cfg.CA, cfg.Cert, cfg.Key)
	if err != nil {
		return own, nil, err
	}
	if len(t.Certificates) > 0 {
		own = t.Certificates[0]
	}
	return own, t.RootCAs, nil
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
