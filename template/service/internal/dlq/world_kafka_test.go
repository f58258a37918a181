//go:build !jetstream && !rabbitmq

package dlq

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// brokersVariable makes the test binary run the command line with the brokers that it
// names, for tests that kill it.
const brokersVariable = "DLQ_TEST_BROKERS"

func TestMain(m *testing.M) {
	if brokers := os.Getenv(brokersVariable); brokers != "" {
		os.Exit(Command(context.Background(), []Consumer{consumerOf(brokers, "shop", "payments")}, nil, os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

func consumerOf(brokers, group string, topics ...string) Consumer {
	cfg, err := config.FromMap(map[string]string{"KAFKA_BOOTSTRAP_SERVERS": brokers, "KAFKA_GROUP_ID": group}, nil)
	if err != nil {
		panic(err)
	}
	registry := message.NewRegistry(envelope.JSON{}, envelope.NewRules())
	return Consumer{Group: group, Topics: topics, Source: cfg.Source, Open: registry.Open}
}

// world is a Kafka in this process with dead letters in it.
type world struct {
	t       *testing.T
	cluster *kfake.Cluster
	client  *kgo.Client
	admin   *kadm.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "payments", "payments.dlq", "other"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	w := &world{t: t, cluster: c}
	w.client = w.connect()
	w.admin = kadm.NewClient(w.client)
	return w
}

// connect returns a client that writes to the partitions its records have.
func (w *world) connect(more ...kgo.Opt) *kgo.Client {
	w.t.Helper()
	client, err := kgo.NewClient(append(more, kgo.SeedBrokers(w.cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(client.Close)
	return client
}

// write writes one dead letter as the service does.
func (w *world) write(group string, class message.Class, reason string, m *message.Message) {
	w.t.Helper()
	send := func(ctx context.Context, m *message.Message) error {
		r := &kgo.Record{Topic: m.Topic, Partition: int32(len(m.Key)) % 3, Key: m.Key, Value: m.Value}
		for _, h := range m.Headers {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
		}
		return w.client.ProduceSync(ctx, r).FirstErr()
	}
	f := engine.Failure{Err: errors.New(reason), Class: class, Attempts: 5, Time: time.Now()}
	if err := (&deadletter.Writer{Send: send, Group: group}).DeadLetter(w.t.Context(), m, f); err != nil {
		w.t.Fatal(err)
	}
}

// run runs the command line of a service with one consumer and returns what it printed.
func (w *world) run(wantCode int, args ...string) string {
	w.t.Helper()
	return w.runOf([]string{"shop"}, wantCode, args...)
}

// runOf runs that of a service with a consumer of payments for each group.
func (w *world) runOf(groups []string, wantCode int, args ...string) string {
	w.t.Helper()
	var stdout, stderr bytes.Buffer
	var consumers []Consumer
	for _, group := range groups {
		consumers = append(consumers, consumerOf(w.cluster.ListenAddrs()[0], group, "payments"))
	}
	if code := Command(w.t.Context(), consumers, []string{"other"}, args, &stdout, &stderr); code != wantCode {
		w.t.Fatalf("dlq %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), code, wantCode, &stdout, &stderr)
	}
	return stdout.String() + stderr.String()
}

// read returns all records of a topic.
func (w *world) read(topic string) (records []*kgo.Record) {
	w.t.Helper()
	s, err := findSpans(w.t.Context(), w.admin, []string{topic})
	if err == nil {
		err = scan(w.t.Context(), consumerOf(w.cluster.ListenAddrs()[0], "reader").Source, s, func(r *kgo.Record) error {
			records = append(records, r)
			return nil
		})
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return records
}

// lag returns how many letters the redrive of a selection has left.
func (w *world) lag(s selection) (lag int64) {
	w.t.Helper()
	offsets, err := w.admin.FetchOffsets(w.t.Context(), s.groupOf("shop"))
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		w.t.Fatal(err)
	}
	ends, err := w.admin.ListEndOffsets(w.t.Context(), "payments.dlq")
	if err != nil {
		w.t.Fatal(err)
	}
	ends.Each(func(e kadm.ListedOffset) {
		if at, ok := offsets.Lookup(e.Topic, e.Partition); ok {
			e.Offset -= at.At
		}
		lag += e.Offset
	})
	return lag
}

// sum is what a message is, to the byte; headers that a redrive adds are left out.
func sum(key, value []byte, headers []message.Field) [32]byte {
	var b bytes.Buffer
	for _, part := range [][]byte{key, value} {
		fmt.Fprintf(&b, "%v %d ", part == nil, len(part))
		b.Write(part)
	}
	for _, h := range headers {
		if h.Key != countHeader && h.Key != message.RedriveGroup {
			fmt.Fprintf(&b, "%q %d %q", h.Key, len(h.Value), h.Value)
		}
	}
	return sha256.Sum256(b.Bytes())
}

func sumOf(r *kgo.Record) [32]byte {
	var headers []message.Field
	for _, h := range r.Headers {
		headers = append(headers, message.Field{Key: h.Key, Value: h.Value})
	}
	return sum(r.Key, r.Value, headers)
}

// stamps returns how many messages of a topic are for the handlers of which group.
func (w *world) stamps(topic string) map[string]int {
	w.t.Helper()
	found := make(map[string]int)
	for _, r := range w.read(topic) {
		group := ""
		for _, h := range r.Headers {
			if h.Key == message.RedriveGroup {
				group = string(h.Value)
			}
		}
		found[group]++
	}
	return found
}

// fill writes n letters of three classes, with all kinds of keys, values and headers,
// and returns what their messages were, by class.
func (w *world) fill(n int) map[message.Class]map[[32]byte]int {
	wrote := map[message.Class]map[[32]byte]int{message.ClassHandler: {}, message.ClassInvalid: {}, message.ClassDecode: {}}
	classes := slices.Sorted(maps.Keys(wrote))
	for i := range n {
		m := &message.Message{Topic: "payments", Partition: int32(i % 3), Offset: int64(i), Time: time.Now()}
		m.Key = [][]byte{nil, {}, []byte("key-" + strconv.Itoa(i%7)), {0xff, byte(i)}}[i%4]
		m.Value = [][]byte{fmt.Appendf(nil, ` {"n": %d}`+"\n", i), {0xfe, byte(i), byte(i >> 8)}, fmt.Appendf(nil, `"%d`, i)}[i%3]
		if i == 0 {
			m.Value = nil
		}
		if i%5 > 0 {
			m.Headers = []message.Field{{Key: "trace", Value: []byte(strconv.Itoa(i))}, {Key: "trace"}, {Key: "", Value: []byte{0x80}}}
		}
		class := classes[i%3]
		wrote[class][sum(m.Key, m.Value, m.Headers)]++
		w.write("shop", class, fmt.Sprintf("order %d is unknown", i), m)
	}
	return wrote
}

// missing returns how many messages are not in records.
func missing(wrote map[[32]byte]int, records []*kgo.Record) (n int) {
	left := maps.Clone(wrote)
	for _, r := range records {
		left[sumOf(r)]--
	}
	for _, count := range left {
		n += max(count, 0)
	}
	return n
}
