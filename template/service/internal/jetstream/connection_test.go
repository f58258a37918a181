package jetstream

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

// signed returns a certificate that signs itself, for both sides, and its key.
func signed(t *testing.T) (cert, key string) {
	t.Helper()
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, of, of, pair.Public(), pair)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(pair)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, b []byte) string {
		return string(bytes.TrimSpace(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b})))
	}
	return text("CERTIFICATE", der), text("PRIVATE KEY", private)
}

func TestAConnectionHasTheCertificatesOfTheSettings(t *testing.T) {
	t.Parallel()
	cert, key := signed(t)
	secure, err := config.ClientTLS("NATS_", cert, cert, config.Secret(key))
	if err != nil {
		t.Fatal(err)
	}
	secure.ClientAuth, secure.ClientCAs = tls.RequireAndVerifyClientCert, secure.RootCAs
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, TLSConfig: secure, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	t.Cleanup(s.Shutdown)
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("no server")
	}
	other, _ := signed(t)
	for name, c := range map[string]struct{ ca, cert, key, says string }{
		"as they are":                   {cert, cert, key, ""},
		"the service's own are missing": {cert, "", "", "no connection to NATS at"},
		"the server's is unknown":       {other, cert, key, "NATS_CA"},
		"there is no certificate":       {"nothing", cert, key, "NATS_CA has no certificate in PEM"},
		"the key is another's":          {cert, cert, "nothing", "NATS_CERT and NATS_KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config.JetStream{URLs: []string{"tls://" + s.Addr().String()}, Partitions: 1, Replicas: 1, CA: c.ca, Cert: c.cert, Key: config.Secret(c.key)}
			tr := newTestPublisher(t, cfg).Transport.(*transport)
			eventually(t, "the connection is made, or it is said why not", func() bool {
				_, err := tr.open()
				err = cmp.Or(err, tr.health.Why())
				return err == nil && c.says == "" || err != nil && c.says != "" && strings.Contains(err.Error(), c.says)
			})
		})
	}
}
