package brokers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Authority signs the certificates of brokers and of their clients.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewAuthority makes an authority.
func NewAuthority() (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "faults"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return &Authority{certificate, key}, err
}

// PEM returns the certificate that those who trust the authority need.
func (a *Authority) PEM() []byte { return encode("CERTIFICATE", a.certificate.Raw) }

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// Issue returns a certificate and its key, for a broker or a client at 127.0.0.1.
func (a *Authority) Issue(name string, lasts time.Duration) (certificate, key []byte, err error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(lasts),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &k.PublicKey, a.key)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", pkcs8), err
}

// openAuthority returns the authority whose files are in dir, of brokers that run
// already, or puts a new one there, with a certificate for the brokers.
func openAuthority(dir string) (*Authority, error) {
	if a, err := readAuthority(dir); !errors.Is(err, os.ErrNotExist) {
		return a, err
	}
	a, err := NewAuthority()
	if err != nil {
		return nil, err
	}
	certificate, key, err := a.Issue("broker", 365*24*time.Hour)
	if err != nil {
		return nil, err
	}
	own, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { // #nosec G301 -- brokers in containers read it as another user
		return nil, err
	}
	for name, b := range map[string][]byte{"ca.pem": a.PEM(), "ca-key.pem": encode("PRIVATE KEY", own), "broker.pem": append(key, certificate...)} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil { // #nosec G306 -- as above
			return nil, err
		}
	}
	return a, nil
}

func readAuthority(dir string) (*Authority, error) {
	var ders [2][]byte
	for i, name := range []string{"ca.pem", "ca-key.pem"} {
		b, err := os.ReadFile(filepath.Join(dir, name)) // #nosec G304 -- the brokers' own directory
		if err != nil {
			return nil, err
		}
		block, _ := pem.Decode(b)
		if block == nil {
			return nil, errors.New(dir + "/" + name + " is not PEM")
		}
		ders[i] = block.Bytes
	}
	certificate, err := x509.ParseCertificate(ders[0])
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(ders[1])
	if err != nil {
		return nil, err
	}
	k, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New(dir + "/ca-key.pem has another kind of key than this test makes")
	}
	return &Authority{certificate, k}, nil
}

// PlainPassword is the password of the user called subject by the mechanism PLAIN.
const PlainPassword = "canary-of-the-plain-password"

// secured returns the settings of the listener for who has a certificate of the
// authority and a password or a token. They may do what they were given the right to.
// Clients at the other listeners may do all. Tokens are taken without a signature, and
// end a connection with them, or after some seconds.
func secured(dir string) string {
	const listener = "listener.name.secure."
	return "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n" +
		"super.users=User:ANONYMOUS\n" +
		listener + "ssl.client.auth=required\n" +
		listener + "ssl.keystore.type=PEM\n" + listener + "ssl.keystore.location=" + dir + "/broker.pem\n" +
		listener + "ssl.truststore.type=PEM\n" + listener + "ssl.truststore.location=" + dir + "/ca.pem\n" +
		listener + "sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512,PLAIN,OAUTHBEARER\n" +
		listener + "scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;\n" +
		listener + "scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;\n" +
		listener + "plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_subject=\"" + PlainPassword + "\";\n" +
		listener + "oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"broker\";\n" +
		listener + "oauthbearer.connections.max.reauth.ms=10000\n"
}
