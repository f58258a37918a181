package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// accepted are the connections that brokers took.
type accepted struct {
	net.Listener
	mu  sync.Mutex
	all []net.Conn
}

func (a *accepted) listen(network, address string) (_ net.Listener, err error) {
	a.Listener, err = net.Listen(network, address)
	return a, err
}

func (a *accepted) Accept() (net.Conn, error) {
	c, err := a.Listener.Accept()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, c)
	return c, err
}

// cut closes them.
func (a *accepted) cut() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.all {
		if c != nil {
			_ = c.Close()
		}
	}
	a.all = nil
}

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
	cfg := settings(t, cluster, "KAFKA_SECURITY_PROTOCOL", "SSL", "KAFKA_SSL_CA", cert, "KAFKA_ERROR_POLICY", "skip",
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
			cfg := settings(t, cluster, "KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT", "KAFKA_SASL_MECHANISM", mechanism, "KAFKA_ERROR_POLICY", "skip",
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
