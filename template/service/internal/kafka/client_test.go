package kafka

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func TestClientConfigAvoidsTheTraps(t *testing.T) {
	cfg := settings(t, nil, "KAFKA_BOOTSTRAP_SERVERS", "localhost:9092", "KAFKA_GROUP_INSTANCE_ID", "one")
	setUpSarama(quiet)
	c, err := clientConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for what, ok := range map[string]bool{
		"offsets are never committed by the clock":     !c.Consumer.Offsets.AutoCommit.Enable,
		"errors are told":                              c.Consumer.Return.Errors,
		"a new group starts at the oldest message":     c.Consumer.Offsets.Initial == sarama.OffsetOldest,
		"an offset out of range is reset":              c.Consumer.Group.ResetInvalidOffsets,
		"new partitions are found within 30 s":         2*c.Metadata.RefreshFrequency < 30*time.Second,
		"no topic is created by asking for it":         !c.Metadata.AllowAutoTopicCreation,
		"a heartbeat outlives a short break":           c.Metadata.Retry.Max >= 10,
		"no batch is skipped for its size":             c.Consumer.Fetch.Max == 0,
		"a broken batch is not fetched for ever":       c.Consumer.Retry.Max > 0,
		"a batch cannot become any size in memory":     sarama.MaxDecompressedBatchSize > 0,
		"commits do not wait long behind fetches":      c.Consumer.MaxWaitTime == cfg.FetchMaxWait && cfg.FetchMaxWait <= 250*time.Millisecond,
		"a drain fits into a rebalance":                cfg.DrainTimeout+c.Net.ReadTimeout+5*time.Second < c.Consumer.Group.Rebalance.Timeout,
		"a drain is shorter than a read":               cfg.DrainTimeout < c.Net.ReadTimeout,
		"three heartbeats fit into a session":          3*c.Consumer.Group.Heartbeat.Interval <= c.Consumer.Group.Session.Timeout,
		"membership is static when it has a name":      c.Consumer.Group.InstanceId == "one",
		"the consumer's requests need not be in order": c.Net.MaxOpenRequests > 1,
		"the client has the service's name":            c.ClientID == "tests",
	} {
		if !ok {
			t.Errorf("not so: %s", what)
		}
	}
}

// produced returns the request by which a publisher sends value.
func produced(t *testing.T, value []byte, more ...string) kmsg.ProduceRequest {
	t.Helper()
	cluster := startCluster(t, kfake.SeedTopics(1, "payments"))
	requests := make(chan kmsg.ProduceRequest, 1)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Observe: true, When: func(r kmsg.Request) bool {
		select {
		case requests <- *r.(*kmsg.ProduceRequest):
		default: // asked again about the same
		}
		return true
	}})
	p := newPublisher(t, settings(t, cluster, more...))
	if err := p.Send(t.Context(), &message.Message{Topic: "payments", Value: value}); err != nil {
		t.Fatal(err)
	}
	return <-requests
}

func TestRequestsAreIdempotentAndForAllReplicas(t *testing.T) {
	t.Parallel()
	r := produced(t, []byte("v"))
	producer := int64(binary.BigEndian.Uint64(r.Topics[0].Partitions[0].Records[43:]))
	if r.Acks != -1 || producer < 0 {
		t.Errorf("acks %d, producer id %d: want -1, and one", r.Acks, producer)
	}
}

func TestEveryCompressionCompresses(t *testing.T) {
	t.Parallel()
	value := bytes.Repeat([]byte("0123456789"), 5000)
	for codec, name := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		batch := produced(t, value, "KAFKA_COMPRESSION_TYPE", name).Topics[0].Partitions[0].Records
		if got := int(batch[22] & 7); got != codec {
			t.Errorf("%s: codec %d, want %d", name, got, codec)
		}
		if small := len(batch) < len(value)/10; small != (codec > 0) {
			t.Errorf("%s: %d bytes became %d", name, len(value), len(batch))
		}
	}
}

func TestRebalanceStrategies(t *testing.T) {
	for _, name := range []string{"sticky", "cooperative-sticky", "range", "roundrobin"} {
		c, err := clientConfig(settings(t, nil, "KAFKA_BOOTSTRAP_SERVERS", "localhost:9092", "KAFKA_REBALANCE_STRATEGY", name))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Consumer.Group.Rebalance.GroupStrategies; len(got) != 1 || got[0].Name() != name {
			t.Errorf("strategies for %s: %v", name, got)
		}
	}
}

func TestLatestStartsAtTheNewest(t *testing.T) {
	c, err := clientConfig(settings(t, nil, "KAFKA_BOOTSTRAP_SERVERS", "localhost:9092", "KAFKA_AUTO_OFFSET_RESET", "latest"))
	if err != nil || c.Consumer.Offsets.Initial != sarama.OffsetNewest {
		t.Errorf("initial offset %d, %v", c.Consumer.Offsets.Initial, err)
	}
}

func TestSASL(t *testing.T) {
	t.Parallel()
	setUpSarama(quiet)
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t, kfake.EnableSASL(), kfake.Superuser(mechanism, "user", "hunter2"), kfake.SeedTopics(1, "payments"))
			with := func(password string) (publishing, consuming error) {
				cfg := settings(t, cluster, "KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT", "KAFKA_SASL_MECHANISM", mechanism,
					"KAFKA_SASL_USERNAME", "user", "KAFKA_SASL_PASSWORD", password)
				p := newPublisher(t, cfg)
				p.sendTimeout = time.Second
				conn, err := open(cfg)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.close()
				return p.Send(t.Context(), &message.Message{Topic: "payments"}), conn.client.RefreshMetadata("payments")
			}
			if publishing, consuming := with("hunter2"); publishing != nil || consuming != nil {
				t.Error(publishing, consuming)
			}
			publishing, consuming := with("swordfish")
			for _, err := range []error{publishing, consuming} {
				if err == nil || strings.Contains(err.Error(), "swordfish") {
					t.Errorf("with a wrong password: %v", err)
				}
			}
		})
	}
}

// certificate returns a self-signed certificate for 127.0.0.1 and its key, in
// PEM.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "broker"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
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

func TestMutualTLS(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM([]byte(cert))
	cluster := startCluster(t, kfake.SeedTopics(1, "payments"), kfake.TLS(&tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authorities, MinVersion: tls.VersionTLS12,
	}))
	publish := func(more ...string) error {
		cfg := settings(t, cluster, append(more, "KAFKA_SECURITY_PROTOCOL", "SSL", "KAFKA_SSL_CERT", cert, "KAFKA_SSL_KEY", key)...)
		p := newPublisher(t, cfg)
		p.sendTimeout = time.Second
		return p.Send(t.Context(), &message.Message{Topic: "payments"})
	}
	if err := publish("KAFKA_SSL_CA", cert); err != nil {
		t.Error(err)
	}
	if err := publish(); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("with a broker that nobody vouches for: %v", err)
	}
}

func TestSaramaLogsAtDebugLevel(t *testing.T) {
	for level, want := range map[slog.Level]string{slog.LevelInfo: "", slog.LevelDebug: "level=DEBUG msg=\"two words\" from=sarama\n"} {
		var b logBuffer
		saramaLogger(slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))).Println("two", "words")
		if got := b.String(); got != want {
			t.Errorf("at %v the log has %q, want %q", level, got, want)
		}
	}
}
