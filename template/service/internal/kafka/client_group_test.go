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

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
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
		"one partition's trouble ends no session":      c.Consumer.Retry.Max == 0,
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
	for _, names := range []string{"sticky", "cooperative-sticky", "range", "roundrobin", "cooperative-sticky,range"} {
		c, err := clientConfig(settings(t, nil, "KAFKA_BOOTSTRAP_SERVERS", "localhost:9092", "KAFKA_REBALANCE_STRATEGY", names))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range c.Consumer.Group.Rebalance.GroupStrategies {
			got = append(got, s.Name())
		}
		if strings.Join(got, ",") != names {
			t.Errorf("strategies for %s: %v", names, got)
		}
	}
}

// A member with another strategy than the rest is told how to change it: with both for a
// while, one member after another.
func TestAStrategyIsChangedWhileMembersRun(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(4))
	member := func(strategies string) *running {
		return consume(t, settings(t, c, "KAFKA_REBALANCE_STRATEGY", strategies, "KAFKA_HEARTBEAT_INTERVAL", "50ms"), succeed, "payments")
	}
	ready := func(what string, members ...*running) {
		t.Helper()
		for _, r := range members {
			eventually(t, what, func() bool { return r.Ready() == nil })
		}
	}
	stop := func(r *running) {
		t.Helper()
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	}
	a := member("sticky")
	ready("the first", a)
	b := member("cooperative-sticky")
	eventually(t, "it says why it cannot join", func() bool {
		err := b.Ready()
		return err != nil && strings.Contains(err.Error(), "KAFKA_REBALANCE_STRATEGY=cooperative-sticky") && strings.Contains(err.Error(), "cooperative-sticky,sticky")
	})
	ready("the first is not disturbed", a)
	stop(b)
	for _, strategies := range []string{"cooperative-sticky,sticky", "cooperative-sticky"} {
		b = member(strategies)
		ready("beside an old one", a, b)
		stop(a)
		a = member(strategies)
		ready("all are new ones", a, b)
		stop(b)
	}
	for p := range int32(4) {
		produce(t, c, p, envelopes(t, 0, 5)...)
	}
	a.await(t, engine.Handled, 20)
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
				if password == "swordfish" {
					p.SendTimeout = time.Second // it is tried for that long
				}
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
		p.SendTimeout = time.Second
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
