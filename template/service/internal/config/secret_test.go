//go:build !jetstream && !rabbitmq

package config

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"
	"time"
)

func TestSecretsAreNeverShown(t *testing.T) {
	cfg, err := FromMap(least("KAFKA_SECURITY_PROTOCOL", "SASL_SSL", "KAFKA_SASL_USERNAME", "the user", "KAFKA_SASL_PASSWORD", "hunter2", "MAX_WORKERS", "3"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	logger.Info("text", "config", cfg, "kafka", cfg.Source, "password", cfg.Source.SASLPassword)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("json", "config", cfg, "kafka", cfg.Source)
	text, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{
		string(text), log.String(),
		fmt.Sprintf("%v %+v %#v", cfg, cfg, cfg),
		fmt.Sprintf("%v %+v %#v", cfg.Source, cfg.Source, cfg.Source),
		fmt.Sprintf("%v %s %q %x %d %#v", cfg.Source.SASLPassword, cfg.Source.SASLPassword, cfg.Source.SASLPassword, cfg.Source.SASLPassword, cfg.Source.SASLPassword, cfg.Source.SASLPassword),
	} {
		if strings.Contains(shown, "hunter2") || strings.Contains(shown, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("the password is shown in\n%s", shown)
		}
	}
}

func TestProblemsDoNotShowSecrets(t *testing.T) {
	_, err := FromMap(least("KAFKA_SASL_PASSWORD", "hunter2", "KAFKA_SSL_KEY", "hunter3"), nil)
	equal(t, problemsOf(t, err),
		"map: KAFKA_SSL_KEY=[redacted]: must be a private key in PEM, not encrypted, or in a file that KAFKA_SSL_KEY_FILE names")
	_, err = FromMap(least("KAFKA_SASL_PASSWORD", "hunter2"), nil)
	equal(t, problemsOf(t, err),
		"map: KAFKA_SASL_PASSWORD=[redacted]: is not used with KAFKA_SECURITY_PROTOCOL=PLAINTEXT; SASL_SSL would use it")
}

func TestProblemsDoNotShowThePasswordOfAURL(t *testing.T) {
	for value, want := range map[string]string{
		"http://a:1,https://me:hunter2@b:1/": "http://[redacted]@b:1/",
		"a:1,me:hunter2@b:1":                 "a:1,[redacted]@b:1",
	} {
		_, err := FromMap(least("KAFKA_BOOTSTRAP_SERVERS", value), nil)
		equal(t, problemsOf(t, err), `map: KAFKA_BOOTSTRAP_SERVERS="`+want+`": must be host:port, several separated by commas; a port is 1 to 65535`)
	}
}

func TestLoggerFollowsItsSettings(t *testing.T) {
	var b bytes.Buffer
	log := Log{Level: slog.LevelWarn, Format: "json"}.Logger(&b)
	log.Info("not this")
	log.Warn("but this")
	if got := b.String(); strings.Contains(got, "not this") || !strings.Contains(got, `"msg":"but this"`) {
		t.Errorf("log %q", got)
	}
}

// keyPair returns a self-signed certificate and its key in PEM.
func keyPair(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

func TestSecuritySettingsFitTogether(t *testing.T) {
	cert, key := keyPair(t)
	for _, c := range []struct {
		name string
		vars []string
		want string // the only problem; nothing when there is none
	}{
		{"mutual TLS", []string{"KAFKA_SECURITY_PROTOCOL", "SSL", "KAFKA_SSL_CA", cert, "KAFKA_SSL_CERT", cert, "KAFKA_SSL_KEY", key}, ""},
		{"the system's authorities", []string{"KAFKA_SECURITY_PROTOCOL", "SSL"}, ""},
		{"no key", []string{"KAFKA_SECURITY_PROTOCOL", "SSL", "KAFKA_SSL_CERT", cert}, "KAFKA_SSL_KEY is not set"},
		{"no certificate", []string{"KAFKA_SECURITY_PROTOCOL", "SSL", "KAFKA_SSL_KEY", key}, "KAFKA_SSL_CERT is not set"},
		{"an encrypted key", []string{"KAFKA_SECURITY_PROTOCOL", "SSL", "KAFKA_SSL_CERT", cert, "KAFKA_SSL_KEY", strings.ReplaceAll(key, "PRIVATE", "ENCRYPTED PRIVATE")}, "not encrypted"},
		{"no password", []string{"KAFKA_SECURITY_PROTOCOL", "SASL_SSL", "KAFKA_SASL_USERNAME", "u"}, "KAFKA_SASL_PASSWORD is not set"},
		{"no user", []string{"KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT", "KAFKA_SASL_PASSWORD", "hunter2"}, "KAFKA_SASL_USERNAME is not set"},
		{"a token has its user", []string{"KAFKA_SECURITY_PROTOCOL", "SASL_SSL", "KAFKA_SASL_MECHANISM", "OAUTHBEARER", "KAFKA_SASL_PASSWORD", "hunter2"}, ""},
		{"no token", []string{"KAFKA_SECURITY_PROTOCOL", "SASL_SSL", "KAFKA_SASL_MECHANISM", "OAUTHBEARER"}, "KAFKA_SASL_PASSWORD is not set"},
		{"a certificate without TLS", []string{"KAFKA_SSL_CA", cert}, "is not used with KAFKA_SECURITY_PROTOCOL=PLAINTEXT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := FromMap(least(c.vars...), nil)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || strings.Count(err.Error(), "\n") != 1 || !strings.Contains(err.Error(), c.want)):
				t.Errorf("error %v, want one problem with %q", err, c.want)
			}
		})
	}
}
