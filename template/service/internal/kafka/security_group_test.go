package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// write writes a file and returns its name.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A certificate manager replaces the files of certificate and key, one after the other,
// and the brokers do not take the old ones any more.
func TestARenewedCertificateIsUsed(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	var trusted atomic.Pointer[x509.CertPool]
	trust := func(cert string) {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM([]byte(cert))
		trusted.Store(pool)
	}
	var connections accepted
	cluster := startCluster(t, topicOf(1), kfake.ListenFn(connections.listen), kfake.TLS(&tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trusted.Load(), MinVersion: tls.VersionTLS12}, nil
		},
	}))
	dir := t.TempDir()
	own, ownKey := certificate(t)
	trust(own)
	cfg := settings(t, cluster, "KAFKA_SECURITY_PROTOCOL", "SSL", "KAFKA_SSL_CA", cert, "ERROR_POLICY", "skip",
		"KAFKA_SSL_CERT_FILE", write(t, dir, "cert", own), "KAFKA_SSL_KEY_FILE", write(t, dir, "key", ownKey))
	r := consume(t, cfg, succeed, "payments")
	p := newPublisher(t, cfg)
	publish := func(n int) error {
		return p.Send(t.Context(), &message.Message{Topic: "payments", Value: envelopes(t, n, n+1)[0]})
	}
	if err := publish(0); err != nil {
		t.Fatal(err)
	}
	r.await(t, engine.Handled, 1)

	own, ownKey = certificate(t)
	trust(own)
	write(t, dir, "cert", own) // and its key is not there yet
	connections.cut()
	eventually(t, "not ready, and why", func() bool {
		err := r.Ready()
		return err != nil && strings.Contains(err.Error(), "KAFKA_SSL_CERT and KAFKA_SSL_KEY")
	})
	write(t, dir, "key", ownKey)
	if err := publish(1); err != nil {
		t.Error(err)
	}
	r.await(t, engine.Handled, 2)
	eventually(t, "ready", func() bool { return r.Ready() == nil })
}

// A password that is corrected in its file is used by who runs.
func TestARenewedPasswordIsUsed(t *testing.T) {
	t.Parallel()
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t, topicOf(1), kfake.EnableSASL(), kfake.Superuser(mechanism, "user", "hunter2"))
			dir := t.TempDir()
			cfg := settings(t, cluster, "KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT", "KAFKA_SASL_MECHANISM", mechanism, "ERROR_POLICY", "skip",
				"KAFKA_SASL_USERNAME", "user", "KAFKA_SASL_PASSWORD_FILE", write(t, dir, "password", "hunter1"))
			r := consume(t, cfg, succeed, "payments")
			eventually(t, "refused", func() bool {
				err := r.Ready()
				return err != nil && strings.Contains(err.Error(), "KAFKA_SASL_")
			})
			write(t, dir, "password", "hunter2")
			if err := newPublisher(t, cfg).Send(t.Context(), &message.Message{Topic: "payments", Value: envelopes(t, 0, 1)[0]}); err != nil {
				t.Error(err)
			}
			r.await(t, engine.Handled, 1)
			eventually(t, "ready", func() bool { return r.Ready() == nil })
		})
	}
}

// A broker may say in its refusal what it was told, a password. It may also be one that
// takes a token only after it was renewed in its file.
func TestARefusalDoesNotRepeatThePassword(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mechanism, user, who string
		refuse               func(*kmsg.SASLAuthenticateResponse, string)
	}{
		{"PLAIN", "user", `: as "user" by PLAIN: `, refuseWith},
		{"OAUTHBEARER", "", ": by OAUTHBEARER: ", refuseWith},
		{"OAUTHBEARER", "user", `: as "user" by OAUTHBEARER: `, func(r *kmsg.SASLAuthenticateResponse, told string) { r.SASLAuthBytes = []byte(told) }}, // as RFC 7628 has it
	} {
		t.Run(c.mechanism+" "+c.user, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t, topicOf(1))
			var asked atomic.Value
			cluster.ControlKey(int16(kmsg.SASLHandshake), func(r kmsg.Request) (kmsg.Response, error, bool) {
				cluster.KeepControl()
				asked.Store(r.(*kmsg.SASLHandshakeRequest).Mechanism)
				return r.ResponseKind(), nil, true
			})
			cluster.ControlKey(int16(kmsg.SASLAuthenticate), func(r kmsg.Request) (kmsg.Response, error, bool) {
				cluster.KeepControl()
				response := r.ResponseKind().(*kmsg.SASLAuthenticateResponse)
				if told := string(r.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes); !strings.Contains(told, "hunter2") {
					c.refuse(response, told)
				}
				return response, nil, true
			})
			dir := t.TempDir()
			cfg := settings(t, cluster, "KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT", "KAFKA_SASL_MECHANISM", c.mechanism, "ERROR_POLICY", "skip",
				"KAFKA_SASL_USERNAME", c.user, "KAFKA_SASL_PASSWORD_FILE", write(t, dir, "password", "hunter1"), "PUBLISH_TIMEOUT", "500ms")
			var log logBuffer
			r := consumeLogging(t, cfg, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), succeed, "payments")
			said := ""
			eventually(t, "refused", func() bool {
				if err := r.Ready(); err != nil {
					said = err.Error()
				}
				return strings.Contains(said, c.who) && strings.Contains(said, "KAFKA_SASL_")
			})
			send := func() error {
				return newPublisher(t, cfg).Send(t.Context(), &message.Message{Topic: "payments", Value: envelopes(t, 0, 1)[0]})
			}
			if err := send(); err == nil {
				t.Error("published with a wrong password")
			} else {
				said += err.Error()
			}
			if said += log.String(); strings.Contains(said, "hunter1") || asked.Load() != c.mechanism {
				t.Errorf("the password is in what is said, or %v was asked for: %s", asked.Load(), said)
			}
			write(t, dir, "password", "hunter2")
			if err := send(); err != nil {
				t.Error(err)
			}
			r.await(t, engine.Handled, 1)
			eventually(t, "ready", func() bool { return r.Ready() == nil })
		})
	}
}

func refuseWith(r *kmsg.SASLAuthenticateResponse, told string) {
	r.ErrorCode, r.ErrorMessage = kerr.SaslAuthenticationFailed.Code, &told
}
