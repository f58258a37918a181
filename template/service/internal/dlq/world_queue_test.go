//go:build jetstream || rabbitmq

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

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// brokerVariable makes the test binary run the command line with the broker that it names,
// for tests that kill it.
const brokerVariable = "DLQ_TEST_BROKER"

func TestMain(m *testing.M) {
	if broker := os.Getenv(brokerVariable); broker != "" {
		os.Exit(Command(context.Background(), []Consumer{consumerOf(broker, "shop", "payments")}, nil, os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

func consumerOf(broker, group string, topics ...string) Consumer {
	cfg, err := config.FromMap(embedded.Settings(broker, group), nil)
	if err != nil {
		panic(err)
	}
	registry := message.NewRegistry(envelope.JSON{}, envelope.NewRules())
	return Consumer{Group: group, Topics: topics, Source: cfg.Source, Open: registry.Open}
}

// world is a broker with dead letters in it.
type world struct {
	t      *testing.T
	broker string
	number int64 // of the last letter
}

func newWorld(t *testing.T) *world {
	t.Helper()
	broker, stop, err := embedded.Start(0)
	if err != nil {
		missing(t, err)
	}
	t.Cleanup(stop)
	w := &world{t: t, broker: broker}
	w.createTopics()
	return w
}

// letter returns one as the service writes it.
func (w *world) letter(group string, class message.Class, reason string, m message.Message) (letter *message.Message) {
	w.t.Helper()
	w.number++
	m.Topic, m.Offset = "payments", w.number
	f := engine.Failure{Err: errors.New(reason), Class: class, Attempts: 5, Time: time.Now()}
	take := func(_ context.Context, m *message.Message) error {
		letter = m
		return nil
	}
	if err := (&deadletter.Writer{Send: take, Group: group}).DeadLetter(w.t.Context(), &m, f); err != nil {
		w.t.Fatal(err)
	}
	return letter
}

func (w *world) send(messages ...*message.Message) {
	w.t.Helper()
	if err := embedded.Send(w.t.Context(), w.broker, messages...); err != nil {
		w.t.Fatal(err)
	}
}

// write writes one dead letter as the service does.
func (w *world) write(class message.Class, reason string, m message.Message) {
	w.t.Helper()
	w.send(w.letter("shop", class, reason, m))
}

// run runs the command line of a service with one consumer and returns what it printed.
func (w *world) run(wantCode int, args ...string) string {
	w.t.Helper()
	var stdout, stderr bytes.Buffer
	if code := Command(w.t.Context(), []Consumer{consumerOf(w.broker, "shop", "payments")}, []string{"other"}, args, &stdout, &stderr); code != wantCode {
		w.t.Fatalf("dlq %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), code, wantCode, &stdout, &stderr)
	}
	return stdout.String() + stderr.String()
}

// open opens a topic; the test's end closes it.
func (w *world) open(topic string) *broker {
	w.t.Helper()
	b, err := openBroker(w.t.Context(), []Consumer{consumerOf(w.broker, "reader", "payments")}, options{}, []string{topic})
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// read returns all messages of a topic, which stay there.
func (w *world) read(topic string) (all []message.Message) {
	w.t.Helper()
	b := w.open(topic)
	defer b.close()
	if err := b.read(w.t.Context(), topic, 0, func(m message.Message) error { all = append(all, m); return nil }); err != nil {
		w.t.Fatal(err)
	}
	return all
}

// letters returns the values of the dead letters.
func (w *world) letters() (all []string) {
	w.t.Helper()
	for _, m := range w.read("payments.dlq") {
		all = append(all, string(m.Value))
	}
	return all
}

// sum is what a message is, to the byte; headers that a redrive adds are left out. The
// broker keeps the order of those of one name.
func sum(m *message.Message) [32]byte {
	var b bytes.Buffer
	for _, part := range [][]byte{m.Key, m.Value} {
		fmt.Fprintf(&b, "%v %d ", part == nil, len(part))
		b.Write(part)
	}
	headers := slices.Clone(m.Headers)
	slices.SortStableFunc(headers, func(a, b message.Field) int { return strings.Compare(a.Key, b.Key) })
	for _, h := range headers {
		if h.Key != countHeader && h.Key != message.RedriveGroup {
			fmt.Fprintf(&b, "%q %d %q", h.Key, len(h.Value), h.Value)
		}
	}
	return sha256.Sum256(b.Bytes())
}

// fill writes n letters of three classes, with all kinds of keys, values and headers,
// and returns what their messages were, by class.
func (w *world) fill(n int) map[message.Class]map[[32]byte]int {
	w.t.Helper()
	wrote := map[message.Class]map[[32]byte]int{message.ClassHandler: {}, message.ClassInvalid: {}, message.ClassDecode: {}}
	classes := slices.Sorted(maps.Keys(wrote))
	var letters []*message.Message
	for i := range n {
		m := message.Message{Partition: int32(i % 3), Time: time.Now()}
		m.Key = [][]byte{nil, {}, []byte("key-" + strconv.Itoa(i%7)), {0xff, byte(i)}}[i%4]
		m.Value = [][]byte{fmt.Appendf(nil, ` {"n": %d}`+"\n", i), {0xfe, byte(i), byte(i >> 8)}, fmt.Appendf(nil, `"%d`, i)}[i%3]
		if i == 0 {
			m.Value = nil
		}
		if i%5 > 0 {
			m.Headers = []message.Field{{Key: "trace", Value: []byte(strconv.Itoa(i))}, {Key: "trace"}, {Key: "more", Value: []byte{0x80}}}
		}
		class := classes[i%3]
		wrote[class][sum(&m)]++
		letters = append(letters, w.letter("shop", class, fmt.Sprintf("order %d is unknown", i), m))
	}
	w.send(letters...)
	return wrote
}

// lost returns how many messages are not among those that came.
func lost(wrote map[[32]byte]int, came []message.Message) (n int) {
	left := maps.Clone(wrote)
	for i := range came {
		left[sum(&came[i])]--
	}
	for _, count := range left {
		n += max(count, 0)
	}
	return n
}
