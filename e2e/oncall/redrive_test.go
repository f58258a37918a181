package oncall

import (
	"crypto/sha256"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// letters are how many dead letters there are.
const letters = 1000

// desk is where dead letters are sent back from: a real Kafka, and the service's binary.
type desk struct {
	*testing.T
	*service
	kafka  *broker
	ledger *ledger
	client *kgo.Client
	admin  *kadm.Client
}

// TestAThousandDeadLettersGoBack has a service make dead letters of three classes, and
// its command send them back: some of them, and then the rest while it is killed.
func TestAThousandDeadLettersGoBack(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: builds a whole service")
	}
	d := newDesk(t)
	wrote := d.fill()
	d.awaitLetters(letters)
	d.stop()

	before := d.everything()
	d.says("to be redriven 1000", "redrive")
	d.says("to be redriven 334", "redrive", "--class", "handler")
	if after := d.everything(); after != before {
		t.Errorf("a dry run wrote or committed: there was %s\nand is %s", before, after)
	}

	d.says("redriven 334", "redrive", "--class", "handler", "--execute")
	selection := sha256.Sum256([]byte("class=handler"))
	d.allCameBack(fmt.Sprintf("shop.redrive.%x", selection[:8]), wrote[handlerClass])
	killARedrive(t, d.command("dlq", "redrive", "--execute", "--rate", "200"), func() int64 { return d.end("orders") })
	d.dlq("redrive", "--execute")
	d.allCameBack("shop.redrive", wrote[handlerClass], wrote[invalidClass], wrote[decodeClass])
	d.says("redriven before 1000", "ls")

	d.isParkedAtLast("stubborn")
}

// Of what class the dead letter of a message is.
const (
	handlerClass = iota // the ledger refuses it
	invalidClass        // it breaks a rule of the model
	decodeClass         // it is no JSON
)

// sums are messages, to the byte, and how often each was sent.
type sums map[[sha256.Size]byte]int

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{T: t, kafka: newBroker(t), ledger: newLedger(t)}
	d.ledger.refuse("the books of 2025 are closed")
	var err error
	if d.client, err = kgo.NewClient(kgo.SeedBrokers(d.kafka.address)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.client.Close)
	d.admin = kadm.NewClient(d.client)
	if _, err := d.admin.CreateTopic(t.Context(), 3, 1, nil, "orders"); err != nil {
		t.Fatal(err)
	}
	d.service = newService(t, d.kafka, d.ledger)
	d.awaitReady()
	return d
}

// fill sends messages with all kinds of keys, values and headers, and returns what they
// were, by class.
func (d *desk) fill() (wrote [3]sums) {
	d.Helper()
	var all []*kgo.Record
	for i := range letters {
		class := i % 3
		amount := [...]int{1, -1, 1}[class]
		r := &kgo.Record{Topic: "orders", Value: fmt.Appendf(nil, ` {"header":{"messageType":"OrderCreated","schemaName":"order","schemaVersion":"1",`+
			`"messageId":"m-%[1]d","timestamp":"2026-01-02T12:00:00Z","producer":"test"},"body":{"id":"A-%[1]d","amount":%[2]d}}`+"\n", i, amount)}
		if class == decodeClass {
			r.Value = append(r.Value[:40], 0xfe, byte(i), byte(i>>8))
		}
		r.Key = [][]byte{nil, {}, fmt.Appendf(nil, "key-%d", i%7), {0xff, byte(i)}}[i%4]
		if i == invalidClass {
			r.Key = []byte("stubborn")
		}
		if i%5 > 0 {
			r.Headers = []kgo.RecordHeader{{Key: "n", Value: fmt.Appendf(nil, "%d", i)}, {Key: "n"}, {Key: "", Value: []byte{0x80}}}
		}
		if wrote[class] == nil {
			wrote[class] = make(sums)
		}
		wrote[class][sumOf(r)]++
		all = append(all, r)
	}
	if err := d.client.ProduceSync(d.Context(), all...).FirstErr(); err != nil {
		d.Fatal(err)
	}
	return wrote
}

// sumOf is what a message is, to the byte, without what a redrive adds.
func sumOf(r *kgo.Record) [sha256.Size]byte {
	text := fmt.Appendf(nil, "%v %q %v %q", r.Key == nil, r.Key, r.Value == nil, r.Value)
	for _, h := range r.Headers {
		if !strings.HasPrefix(h.Key, "forge-redrive-") {
			text = fmt.Appendf(text, " %q %q", h.Key, h.Value)
		}
	}
	return sha256.Sum256(text)
}

// dlq runs the command and returns what it printed.
func (d *desk) dlq(args ...string) string {
	d.Helper()
	out, err := d.command(append([]string{"dlq"}, args...)...).CombinedOutput()
	if err != nil {
		d.Fatalf("dlq %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func (d *desk) says(want string, args ...string) {
	d.Helper()
	if out := d.dlq(args...); !strings.Contains(out, want) {
		d.Errorf("dlq %v does not say %q:\n%s", args, want, out)
	}
}

// everything is where all topics end, and what all groups have committed.
func (d *desk) everything() string {
	d.Helper()
	ends, err := d.admin.ListEndOffsets(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	groups, err := d.admin.ListGroups(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	text := fmt.Append(nil, ends.Offsets().Sorted())
	for _, group := range groups.Groups() {
		offsets, err := d.admin.FetchOffsets(d.Context(), group)
		if err != nil {
			d.Fatal(err)
		}
		text = fmt.Appendf(text, "\n%s %v", group, offsets.Offsets().Sorted())
	}
	return string(text)
}

// end returns how many messages a topic had, in all its partitions.
func (d *desk) end(topic string) (n int64) {
	d.Helper()
	ends, err := d.admin.ListEndOffsets(d.Context(), topic)
	if err != nil {
		d.Fatal(err)
	}
	ends.Each(func(o kadm.ListedOffset) { n += max(o.Offset, 0) })
	return n
}

// read returns all messages of a topic.
func (d *desk) read(topic string) (all []*kgo.Record) {
	d.Helper()
	missing := d.end(topic)
	reader, err := kgo.NewClient(kgo.SeedBrokers(d.kafka.address), kgo.ConsumeTopics(topic))
	if err != nil {
		d.Fatal(err)
	}
	defer reader.Close()
	for int64(len(all)) < missing {
		fetches := reader.PollFetches(d.Context())
		if err := fetches.Err(); err != nil {
			d.Fatal(err)
		}
		all = append(all, fetches.Records()...)
	}
	return all
}

// isRedriven reports whether a redrive wrote a message, for the service's group.
func isRedriven(r *kgo.Record) bool {
	for _, h := range r.Headers {
		if h.Key == "forge-redrive-group" {
			return string(h.Value) == "shop"
		}
	}
	return false
}

// allCameBack fails unless all messages are in their topic again, each as it was, and the
// group of the redrive has nothing left.
func (d *desk) allCameBack(group string, wrote ...sums) {
	d.Helper()
	came, extra := make(sums), 0
	for _, r := range d.read("orders") {
		if isRedriven(r) {
			came[sumOf(r)]++
		}
	}
	for _, class := range wrote {
		for sum, n := range class {
			if came[sum] < n {
				d.Errorf("a message was sent %d times, and came back %d times", n, came[sum])
			}
			extra += came[sum] - n
			delete(came, sum)
		}
	}
	if len(came) > 0 {
		d.Errorf("%d messages came back that were not to, or not as they were", len(came))
	}
	d.Logf("%s: %d came twice", group, extra)
	committed, err := d.admin.FetchOffsets(d.Context(), group)
	if err != nil {
		d.Fatal(err)
	}
	lag := d.end("orders.dlq")
	committed.Each(func(o kadm.OffsetResponse) { lag -= o.At })
	if lag != 0 {
		d.Errorf("the group %s has a lag of %d", group, lag)
	}
}

// killARedrive kills one when it has written some of what it is to write. size is how many
// messages its topic has.
func killARedrive(t *testing.T, cmd *exec.Cmd, size func() int64) {
	t.Helper()
	from := size()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "a part to be written", func() (bool, string) {
		n := size() - from
		return n >= letters/4, fmt.Sprint(n, " are written")
	})
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("it was done before it was killed")
	}
	if n := size() - from; n >= letters*2/3 {
		t.Errorf("%d were written before it was killed: that is all", n)
	}
}

// awaitLetters waits until there are so many dead letters.
func (d *desk) awaitLetters(n int64) {
	d.Helper()
	await(d.T, fmt.Sprintf("%d dead letters", n), func() (bool, string) {
		there := d.end("orders.dlq")
		return there >= n, fmt.Sprintf("there are %d", there)
	})
}

// isParkedAtLast has a message fail each time it comes back, until it does not come back
// any more.
func (d *desk) isParkedAtLast(key string) {
	d.Helper()
	d.start()
	await(d.T, "it to be parked", func() (bool, string) {
		out := d.dlq("redrive", "--key", key, "--execute")
		return strings.Contains(out, "parked 1"), out
	})
	if parked := d.read("orders.parked"); len(parked) == 0 || string(parked[0].Key) != key {
		d.Errorf("%v is parked", parked)
	}
	var counts []string
	for _, r := range d.read("orders") {
		for _, h := range r.Headers {
			if h.Key == "forge-redrive-count" && string(r.Key) == key {
				counts = append(counts, string(h.Value))
			}
		}
	}
	slices.Sort(counts)
	if counts = slices.Compact(counts); !slices.Equal(counts, []string{"1", "2", "3"}) {
		d.Errorf("it came back for the times %v", counts)
	}
}
