package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

func tlsConfig(cfg config.Kafka) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.SSLCA != "" {
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM([]byte(cfg.SSLCA)) {
			return nil, errors.New("kafka: KAFKA_SSL_CA has no certificate in PEM")
		}
	}
	if cfg.SSLCert != "" {
		pair, err := tls.X509KeyPair([]byte(cfg.SSLCert), []byte(cfg.SSLKey))
		if err != nil {
			return nil, fmt.Errorf("kafka: KAFKA_SSL_CERT and KAFKA_SSL_KEY: %w", err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}

// saslMechanism returns how both clients authenticate.
func saslMechanism(cfg config.Kafka) sasl.Mechanism {
	user, password := cfg.SASLUsername, string(cfg.SASLPassword)
	switch cfg.SASLMechanism {
	case "SCRAM-SHA-256":
		return scram.Auth{User: user, Pass: password}.AsSha256Mechanism()
	case "SCRAM-SHA-512":
		return scram.Auth{User: user, Pass: password}.AsSha512Mechanism()
	}
	return plain.Auth{User: user, Pass: password}.AsMechanism()
}

// conversation is one authentication of sarama's, by a mechanism of franz-go's.
type conversation struct {
	sasl.Mechanism
	session sasl.Session // nil before the first step
	done    bool
}

// Begin implements sarama.SCRAMClient. The mechanism knows the user already.
func (c *conversation) Begin(_, _, _ string) error { return nil }

// Step implements sarama.SCRAMClient: it answers a challenge of the broker's, or
// begins.
func (c *conversation) Step(challenge string) (string, error) {
	var answer []byte
	var err error
	if c.session == nil {
		c.session, answer, err = c.Authenticate(context.Background(), "")
	} else {
		c.done, answer, err = c.session.Challenge([]byte(challenge))
	}
	return string(answer), err
}

// Done implements sarama.SCRAMClient.
func (c *conversation) Done() bool { return c.done }
