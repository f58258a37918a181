package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
)

var quiet = slog.New(slog.DiscardHandler)

const produceKey = 0 // Kafka's number for a produce request

// unclosed returns a publisher that its test closes.
func unclosed(cfg config.Kafka) *publisher.Publisher {
	return NewPublisher(cfg, "tests", newRegistry(), quiet)
}

// isRetry reports whether err asks for another attempt.
func isRetry(err error) bool {
	o := message.OutcomeOf(err)
	return o == message.OutcomeRetry || o == message.OutcomeUnavailable
}

func newPublisher(t *testing.T, cfg config.Kafka) *publisher.Publisher {
	t.Helper()
	p := unclosed(cfg)
	t.Cleanup(func() {
		if err := p.Close(producerOf(p).cfg.DrainTimeout); err != nil {
			t.Error(err)
		}
	})
	return p
}

// producerOf returns how p publishes.
func producerOf(p *publisher.Publisher) *producer { return p.Transport.(*producer) }

// waiting returns how many messages wait for the broker.
func waiting(p *publisher.Publisher) int {
	b := producerOf(p).backlog
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting.Len()
}

// addOption adds an option of p's client. It comes before the first message.
func addOption(p *publisher.Publisher, o kgo.Opt) {
	t := producerOf(p)
	t.options = append(t.options, o)
}

// hold makes the cluster keep produce requests until the returned function is
// called. The channel tells of the first one.
func hold(t *testing.T, c *kfake.Cluster) (arrived <-chan struct{}, release func()) {
	t.Helper()
	return holdKind(t, c, produceKey)
}

// holdKind is hold of requests of another kind.
func holdKind(t *testing.T, c *kfake.Cluster, kind kmsg.Key) (arrived <-chan struct{}, release func()) {
	t.Helper()
	seen, gate := make(chan struct{}, 1), make(chan struct{})
	release = sync.OnceFunc(func() { close(gate) })
	c.ControlKey(int16(kind), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		select {
		case seen <- struct{}{}:
		default:
		}
		c.SleepControl(func() { <-gate })
		return nil, nil, false
	})
	t.Cleanup(release)
	return seen, release
}

func TestPublishKeepsWhatIsNilNilAndWhatIsEmptyEmpty(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "payments"))
	p := newPublisher(t, settings(t, cluster))
	sent := []*message.Message{
		{Topic: "payments"},
		{Topic: "payments", Key: []byte{}, Value: []byte{}},
		{Topic: "payments", Key: []byte("k"), Value: []byte("v"), Headers: []message.Field{
			{Key: "a", Value: []byte("1")}, {Key: "a", Value: []byte{}}, {Key: "", Value: nil},
		}, Time: time.UnixMilli(1_700_000_000_000)},
	}
	for i, m := range sent {
		m.Partition, m.Offset = 9, 99
		if err := p.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if m.Partition != 0 || m.Offset != int64(i) {
			t.Errorf("message %d is said to be at %d@%d", i, m.Partition, m.Offset)
		}
	}
	for i, r := range readAll(t, cluster, "payments", len(sent)) {
		m := sent[i]
		if (r.Key == nil) != (m.Key == nil) || (r.Value == nil) != (m.Value == nil) || !bytes.Equal(r.Key, m.Key) || !bytes.Equal(r.Value, m.Value) {
			t.Errorf("record %d has key %#v and value %#v, want %#v and %#v", i, r.Key, r.Value, m.Key, m.Value)
		}
		var headers []message.Field
		for _, h := range r.Headers {
			headers = append(headers, message.Field{Key: h.Key, Value: h.Value})
		}
		if fmt.Sprintf("%#v", headers) != fmt.Sprintf("%#v", m.Headers) {
			t.Errorf("record %d has headers %#v, want %#v", i, headers, m.Headers)
		}
		if !m.Time.IsZero() && !r.Timestamp.Equal(m.Time) {
			t.Errorf("record %d has time %v, want %v", i, r.Timestamp, m.Time)
		}
	}
}

func TestKeysLandWhereJavaPutsThem(t *testing.T) {
	t.Parallel()
	vectors := map[string]int32{ // from the tests of Java's client
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string": -1486304829, "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	}
	for key, want := range vectors {
		if got := int32(murmur2([]byte(key))); got != want {
			t.Errorf("murmur2(%q) is %d, want %d", key, got, want)
		}
	}
	const partitions = 100
	cluster := startCluster(t, kfake.SeedTopics(partitions, "payments"))
	p := newPublisher(t, settings(t, cluster))
	for i := range 200 {
		m := &message.Message{Topic: "payments", Key: []byte(strings.Repeat("k", i%7) + strconv.Itoa(i))}
		if err := p.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if want := int32(murmur2(m.Key)&0x7fffffff) % partitions; m.Partition != want {
			t.Fatalf("key %q lands in partition %d, want %d", m.Key, m.Partition, want)
		}
	}
}

// murmur2 is the hash by which Java's client chooses a key's partition.
func murmur2(key []byte) uint32 {
	const m = 0x5bd1e995
	h := uint32(0x9747b28c) ^ uint32(len(key))
	for ; len(key) >= 4; key = key[4:] {
		k := uint32(key[0]) | uint32(key[1])<<8 | uint32(key[2])<<16 | uint32(key[3])<<24
		k *= m
		k ^= k >> 24
		h = h*m ^ k*m
	}
	switch len(key) {
	case 3:
		h ^= uint32(key[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(key[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(key[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	h ^= h >> 15
	return h
}

func TestConcurrentPublishesTravelTogether(t *testing.T) {
	t.Parallel()
	const publishers = 300
	cluster := startCluster(t, kfake.SeedTopics(1, "payments"))
	p := newPublisher(t, settings(t, cluster))
	arrived, release := hold(t, cluster)
	requests := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{produceKey}, Observe: true, Count: -1})

	var all sync.WaitGroup
	errs := make(chan error, publishers)
	publish := func() { errs <- p.Send(t.Context(), &message.Message{Topic: "payments", Value: []byte("v")}) }
	all.Go(publish)
	<-arrived // the first is under way; the others gather behind it
	var began sync.WaitGroup
	for range publishers - 1 {
		began.Add(1)
		all.Go(func() { began.Done(); publish() })
	}
	began.Wait()
	release()
	all.Wait()
	for range publishers {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	if n := requests.Hits(); n > publishers/3 {
		t.Errorf("%d messages took %d requests: they did not travel together", publishers, n)
	}
}

func TestPublishHonoursItsContext(t *testing.T) {
	t.Run("while connecting", func(t *testing.T) {
		p := unclosed(settings(t, nil, "KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1"))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.Send(ctx, &message.Message{Topic: "payments"}); !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("while waiting for the answer", func(t *testing.T) {
		cluster := startCluster(t, kfake.SeedTopics(1, "payments"))
		p := newPublisher(t, settings(t, cluster))
		arrived, release := hold(t, cluster)
		defer release()
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-arrived; cancel() }()
		if err := p.Send(ctx, &message.Message{Topic: "payments"}); !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v", err)
		}
	})
}

func TestPublishConnectsOnceKafkaIsThereAndAgainAfterItWasAway(t *testing.T) {
	t.Parallel()
	_, port, err := net.SplitHostPort(freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	p := newPublisher(t, settings(t, nil, "KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:"+port))
	p.SendTimeout = time.Second
	publish := func() error { return p.Send(t.Context(), &message.Message{Topic: "payments", Value: []byte("v")}) }
	if err := publish(); err == nil {
		t.Fatal("published without a broker")
	}
	for range 2 { // there for the first time, and again after it was away
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(n), kfake.SeedTopics(1, "payments"))
		if err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(40 * time.Second) // a client asks a topic's leader again after 10 s
		for err := publish(); err != nil; err = publish() {
			if time.Now().After(deadline) {
				t.Fatalf("still not published: %v", err)
			}
			sleep(t.Context(), 20*time.Millisecond)
		}
		cluster.Close()
		if err := publish(); err == nil {
			t.Fatal("published without a broker")
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestCloseWaitsForThoseWhoWaitForTheConnection(t *testing.T) {
	t.Parallel()
	const publishers = 100
	cluster := startCluster(t, kfake.SeedTopics(1, "payments"))
	p := unclosed(settings(t, cluster))
	began, gate := make(chan struct{}), make(chan struct{})
	begin := sync.OnceFunc(func() { close(began) })
	addOption(p, kgo.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
		begin()
		<-gate
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}))
	published, closed := make(chan error, publishers), make(chan error, 1)
	for range publishers {
		go func() { published <- p.Send(t.Context(), &message.Message{Topic: "payments"}) }()
	}
	<-began
	go func() { closed <- p.Close(producerOf(p).cfg.DrainTimeout) }()
	close(gate)
	for range publishers {
		if err := <-published; err != nil && !errors.Is(err, publisher.ErrClosed) { // which may come before some of them
			t.Errorf("what waited for the connection: %v", err)
		}
	}
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestCloseGivesUpAfterTheDrainTime(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "payments"))
	p := unclosed(settings(t, cluster, "DRAIN_TIMEOUT", "50ms"))
	arrived, _ := hold(t, cluster)
	published := make(chan error, 1)
	go func() { published <- p.Send(t.Context(), &message.Message{Topic: "payments"}) }()
	<-arrived
	if err := p.Close(producerOf(p).cfg.DrainTimeout); err == nil {
		t.Error("Close says nothing of the message it abandoned")
	}
	if err := <-published; !errors.Is(err, publisher.ErrClosed) {
		t.Errorf("the abandoned message: %v, want publisher.ErrClosed", err)
	}
}

func TestAHandlerMayReturnWhatPublishReturns(t *testing.T) {
	t.Parallel()
	c := startCluster(t, kfake.SeedTopics(1, "payments"))
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	err := newPublisher(t, settings(t, c)).Send(t.Context(), &message.Message{Topic: "payments", Value: []byte("v")})
	if !isRetry(err) || !errors.Is(err, message.ErrRefused) {
		t.Errorf("%v does not ask for a retry, or does not say that it is refused", err)
	}
	large := &message.Message{Topic: "payments", Value: make([]byte, 2_000_000)}
	if err := newPublisher(t, settings(t, c)).Send(t.Context(), large); message.OutcomeOf(err) != message.OutcomePermanent {
		t.Errorf("%v of a message that is too large for ever asks for a retry", err)
	}
}

func TestCloseWithoutAConnection(t *testing.T) {
	if err := unclosed(config.Kafka{}).Close(0); err != nil {
		t.Error(err)
	}
}
