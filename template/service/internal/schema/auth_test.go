package schema_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func TestCredentialsReachTheRegistry(t *testing.T) {
	for want, set := range map[string][]string{
		"Basic dXNlcjpodXNo": {"SCHEMA_REGISTRY_USERNAME", "user", "SCHEMA_REGISTRY_PASSWORD", "hush"},
		"Bearer hush":        {"SCHEMA_REGISTRY_TOKEN", "hush"},
	} {
		registry := startRegistry(t, srfake.WithAuth(want))
		start(t, settings(t, registry.URL(), set...), topic, payment{})
		if len(registry.has(t, "payments-value")) != 1 {
			t.Errorf("%s: the schema is not there", want)
		}
	}
}

// What a registry, or a proxy in front of it, says may have in it what it was told.
func TestARefusalDoesNotRepeatTheCredentials(t *testing.T) {
	for status, set := range map[int][]string{
		http.StatusUnauthorized:        {"SCHEMA_REGISTRY_USERNAME", "user", "SCHEMA_REGISTRY_PASSWORD", "hush"},
		http.StatusForbidden:           {"SCHEMA_REGISTRY_TOKEN", "hush"},
		http.StatusInternalServerError: {"SCHEMA_REGISTRY_TOKEN", "hush"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, password, _ := r.BasicAuth()
			http.Error(w, "not with "+r.Header.Get("Authorization")+", which is "+password, status)
		}))
		err := newCodec(t, settings(t, server.URL, set...)).Encode(t.Context(), &message.Message{Topic: topic}, header(), payment{})
		server.Close()
		if err == nil || !strings.Contains(err.Error(), "not with B") || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "dXNlcjpodXNo") {
			t.Errorf("%d: %v", status, err)
		}
	}
}

// A registry that asks for a certificate gets it, and is asked for its own.
func TestCertificates(t *testing.T) {
	cert, key := selfSigned(t)
	registry := srfake.NewRegistry()
	server := httptest.NewUnstartedServer(registry.Handler())
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM([]byte(cert))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	defer server.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))

	start(t, settings(t, server.URL, "SCHEMA_REGISTRY_CA", ca, "SCHEMA_REGISTRY_CERT", cert, "SCHEMA_REGISTRY_KEY", key), topic, payment{})
	if !registry.SubjectExists("payments-value") {
		t.Error("the schema is not there")
	}

	h := header()
	for name, cfg := range map[string][]string{
		"a registry with an unknown certificate": {"SCHEMA_REGISTRY_CERT", cert, "SCHEMA_REGISTRY_KEY", key},
		"no certificate of its own":              {"SCHEMA_REGISTRY_CA", ca},
	} {
		c := newCodec(t, settings(t, server.URL, cfg...))
		if err := c.Encode(t.Context(), &message.Message{Topic: topic}, h, payment{}); err == nil {
			t.Errorf("%s: it was not refused", name)
		}
	}
}

// selfSigned returns a certificate for a client and its key in PEM.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}))
}

// What a file holds now is used: certificates for the next request, and so is a password.
func TestFilesAreReadAgain(t *testing.T) {
	const password = "hush"
	file := func(dir, name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cert, key := selfSigned(t)
	old, oldKey := selfSigned(t)
	registry := srfake.NewRegistry(srfake.WithAuth("Basic dXNlcjpodXNo"))
	server := httptest.NewUnstartedServer(registry.Handler())
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM([]byte(cert))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	defer server.Close()
	dir := t.TempDir()
	c := newCodec(t, settings(t, server.URL,
		"SCHEMA_REGISTRY_CA", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})),
		"SCHEMA_REGISTRY_CERT_FILE", file(dir, "cert", old), "SCHEMA_REGISTRY_KEY_FILE", file(dir, "key", oldKey),
		"SCHEMA_REGISTRY_USERNAME", "user", "SCHEMA_REGISTRY_PASSWORD_FILE", file(dir, "password", "not yet")))
	h := header()
	encode := func() error {
		return c.Encode(t.Context(), &message.Message{Topic: topic}, h, payment{})
	}
	if encode() == nil {
		t.Error("the old certificate was taken")
	}
	file(dir, "cert", cert)
	if err := encode(); err == nil || !strings.Contains(err.Error(), "SCHEMA_REGISTRY_CERT and SCHEMA_REGISTRY_KEY") {
		t.Errorf("with a certificate without its key: %v", err)
	}
	file(dir, "key", key)
	if err := encode(); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("with the old password: %v", err)
	}
	file(dir, "password", password)
	if err := encode(); err != nil {
		t.Error(err)
	}
}
