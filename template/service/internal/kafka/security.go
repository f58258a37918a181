package kafka

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

// dialer connects to brokers, each time with the certificates that their files hold.
type dialer struct{ cfg config.Kafka }

const (
	dialTimeout = 10 * time.Second
	maxAnswer   = 64 << 10 // bytes of what a broker says to who the client is
)

// DialContext connects to the broker at address, and authenticates.
func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.connect(ctx, network, address)
	if err != nil || !d.cfg.SASL() {
		return conn, err
	}
	_ = conn.SetDeadline(time.Now().Add(dialTimeout)) // a connection that is closed says so when it is used
	if err := authenticate(conn, saslMechanism(d.cfg)); err != nil {
		who := strings.TrimPrefix(fmt.Sprintf("as %q by %s", d.cfg.SASLUsername, d.cfg.SASLMechanism), `as "" `) // a token has the name inside
		return nil, errors.Join(fmt.Errorf("%s: %w", who, err), conn.Close())
	}
	return conn, conn.SetDeadline(time.Time{})
}

func (d dialer) connect(ctx context.Context, network, address string) (net.Conn, error) {
	plain := &net.Dialer{Timeout: dialTimeout}
	if !d.cfg.TLS() {
		return plain.DialContext(ctx, network, address)
	}
	cfg, err := d.cfg.Renewed()
	var secure *tls.Config
	if err == nil {
		secure, err = config.ClientTLS("KAFKA_SSL_", cfg.SSLCA, cfg.SSLCert, cfg.SSLKey)
	}
	if err != nil { // a file may be half written: clients take it as a connection that failed, and try again
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	return (&tls.Dialer{NetDialer: plain, Config: secure}).DialContext(ctx, network, address)
}

// saslMechanism returns how clients authenticate: each time with the password that
// its file holds.
func saslMechanism(cfg config.Kafka) sasl.Mechanism {
	auth := func(context.Context) (scram.Auth, error) {
		cfg, err := cfg.Renewed()
		return scram.Auth{User: cfg.SASLUsername, Pass: string(cfg.SASLPassword)}, err
	}
	switch cfg.SASLMechanism {
	case "SCRAM-SHA-256":
		return scram.Sha256(auth)
	case "SCRAM-SHA-512":
		return scram.Sha512(auth)
	case "OAUTHBEARER":
		return oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
			a, err := auth(ctx)
			return oauth.Auth{Token: a.Pass}, err
		})
	}
	return plain.Plain(func(ctx context.Context) (plain.Auth, error) {
		a, err := auth(ctx)
		return plain.Auth{User: a.User, Pass: a.Pass}, err
	})
}

// authenticate proves on a new connection who the client is. A client would do so by the
// password that it was made with, or pass on a broker's own words, which may repeat a
// password.
func authenticate(conn net.Conn, mechanism sasl.Mechanism) error {
	session, proof, err := mechanism.Authenticate(context.Background(), "")
	if err != nil {
		return err
	}
	handshake := kmsg.NewPtrSASLHandshakeRequest()
	handshake.Version, handshake.Mechanism = 1, mechanism.Name()
	response, err := exchange(conn, handshake)
	if err == nil {
		err = kerr.ErrorForCode(response.(*kmsg.SASLHandshakeResponse).ErrorCode) //nolint:forcetypeassert // of its request
	}
	for done := false; err == nil && !done; {
		request := kmsg.NewPtrSASLAuthenticateRequest()
		request.SASLAuthBytes = proof
		if response, err = exchange(conn, request); err != nil {
			return err
		}
		challenge := response.(*kmsg.SASLAuthenticateResponse) //nolint:forcetypeassert // of its request
		if err = kerr.ErrorForCode(challenge.ErrorCode); err != nil {
			return err
		}
		if done, proof, err = session.Challenge(challenge.SASLAuthBytes); err != nil {
			return fmt.Errorf("%w (%w)", kerr.SaslAuthenticationFailed, err)
		}
	}
	return err
}

// exchange sends a request and returns its answer.
func exchange(conn net.Conn, request kmsg.Request) (kmsg.Response, error) {
	if _, err := conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, request, 0)); err != nil {
		return nil, err
	}
	var head struct{ Size, Correlation int32 }
	if err := binary.Read(conn, binary.BigEndian, &head); err != nil {
		return nil, err
	}
	body := make([]byte, max(0, min(head.Size-4, maxAnswer)))
	if _, err := io.ReadFull(conn, body); err != nil {
		return nil, err
	}
	response := request.ResponseKind()
	return response, response.ReadFrom(body)
}
