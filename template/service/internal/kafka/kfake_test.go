package kafka

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// newRegistry returns a registry as a service has it.
func newRegistry() *message.Registry {
	return message.NewRegistry(envelope.JSON{}, envelope.NewRules())
}

// startCluster starts a Kafka of one broker in this process.
func startCluster(t *testing.T, options ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// settings returns the settings for a cluster, with short waits, and then what
// else is given as names and values.
func settings(t *testing.T, c *kfake.Cluster, more ...string) config.Kafka {
	t.Helper()
	variables := map[string]string{
		"KAFKA_GROUP_ID":       "tests",
		"KAFKA_FETCH_MAX_WAIT": "50ms",
	}
	if c != nil {
		variables["KAFKA_BOOTSTRAP_SERVERS"] = c.ListenAddrs()[0]
	}
	for i := 0; i < len(more); i += 2 {
		variables[more[i]] = more[i+1]
	}
	cfg, err := config.FromMap(variables, nil)
	if err != nil {
		t.Fatal(err)
	}
	return any(cfg.Source).(config.Kafka) // whose tests these are
}

// readAll returns the first n records of a topic, read by another client than
// the one under test.
func readAll(t *testing.T, c *kfake.Cluster, topic string, n int) []*kgo.Record {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var records []*kgo.Record
	for len(records) < n {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("read %d of %d records of %s: %v", len(records), n, topic, err)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

// payment is what the tests' handlers get.
type payment struct {
	N int `json:"n"`
}

// envelopes returns the values of messages numbered from to to-1.
func envelopes(t *testing.T, from, to int) [][]byte {
	t.Helper()
	var values [][]byte
	for n := from; n < to; n++ {
		h := message.NewHeader("PaymentReceived", "tests")
		m := message.Message{Topic: "payments"}
		if err := (envelope.JSON{}).Encode(t.Context(), &m, h, payment{N: n}); err != nil {
			t.Fatal(err)
		}
		values = append(values, m.Value)
	}
	return values
}

// produce writes values to one partition of payments, each with its number as key.
func produce(t *testing.T, c *kfake.Cluster, partition int32, values ...[]byte) {
	t.Helper()
	client := newClient(t, c)
	records := make([]*kgo.Record, len(values))
	for i, v := range values {
		records[i] = &kgo.Record{Topic: "payments", Partition: partition, Key: fmt.Appendf(nil, "%d", i), Value: v}
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// portOf returns the port of an address.
func portOf(t *testing.T, address string) int {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func topicOf(partitions int32) kfake.Opt { return kfake.SeedTopics(partitions, "payments") }

func succeed(context.Context, message.Of[payment]) error { return nil }

// seen is what became of messages.
type seen struct {
	mu      sync.Mutex
	cond    *sync.Cond
	counts  map[engine.EventKind]int
	handled map[int32]int // by partition
	events  []engine.Event
	places  []string // topic/partition@offset of each event
}

func newSeen() *seen {
	s := &seen{counts: map[engine.EventKind]int{}, handled: map[int32]int{}}
	s.cond = sync.NewCond(&s.mu)
	return s
}

func (r *seen) note(e engine.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[e.Kind]++
	if e.Kind == engine.Handled {
		r.handled[e.Message.Partition]++
	}
	r.events = append(r.events, e)
	r.places = append(r.places, fmt.Sprintf("%s/%d@%d", e.Message.Topic, e.Message.Partition, e.Message.Offset))
	r.cond.Broadcast()
}

// await waits for n events of a kind.
func (r *seen) await(t *testing.T, kind engine.EventKind, n int) {
	t.Helper()
	timeout := time.AfterFunc(30*time.Second, func() { r.cond.Broadcast() })
	defer timeout.Stop()
	deadline := time.Now().Add(30 * time.Second)
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.counts[kind] < n {
		if time.Now().After(deadline) {
			t.Fatalf("saw %d %v, want %d", r.counts[kind], kind, n)
		}
		r.cond.Wait()
	}
}

// handledOf returns how many messages of a partition were handled.
func (r *seen) handledOf(partition int32) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.handled[partition]
}

func connectAdmin(t *testing.T, c *kfake.Cluster) *kadm.Client {
	t.Helper()
	client, err := newRequestClient(settings(t, c))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}
