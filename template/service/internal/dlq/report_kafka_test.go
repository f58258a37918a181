//go:build !jetstream && !rabbitmq

package dlq

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func TestNothingThatOthersWroteMovesTheCursor(t *testing.T) {
	w := newWorld(t)
	evil := []byte("\x1b]0;pwn\x07\n\u202e")
	var headers []kgo.RecordHeader
	for _, name := range []string{"kafka_dlt-original-topic", "kafka_dlt-exception-fqcn", "kafka_dlt-exception-message", "own"} {
		headers = append(headers, kgo.RecordHeader{Key: name, Value: evil})
	}
	own := []kgo.RecordHeader{{Key: "forge-dlq-topic", Value: evil}, {Key: "forge-dlq-encoding", Value: []byte("raw")}, {Key: "forge-dlq-group", Value: evil},
		{Key: "forge-dlq-class", Value: evil}, {Key: "forge-dlq-attempts", Value: evil}, {Key: string(evil), Value: evil}}
	if err := w.client.ProduceSync(t.Context(), &kgo.Record{Topic: "payments.dlq", Key: evil, Value: evil, Headers: headers},
		&kgo.Record{Topic: "payments.dlq", Headers: own}, &kgo.Record{Topic: "payments.dlq", Value: evil}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	out := w.run(1, "ls", "--any-group") + w.run(0, "show", "payments.dlq/0@0") + w.run(0, "show", "payments.dlq/0@1") + w.run(0, "show", "payments.dlq/0@2") +
		w.run(1, "redrive", "--any-group")
	if strings.ContainsAny(out, "\x1b\x07\u202e") {
		t.Errorf("%q", out)
	}
	if !strings.Contains(out, `pwn\u0007`) || !strings.Contains(out, "unreadable: no header says") {
		t.Error(out)
	}
}

func TestIdsAreAllAlikeInReasons(t *testing.T) {
	for reason, want := range map[string]string{
		"order 17 is unknown": "order # is unknown", "order 3f2a-77 is unknown": "order # is unknown", "order c0ffee-beef1 is gone": "order # is gone",
		"order 0192f0c3-aaaa-7bbb-8ccc-dddddddddddd": "order #", "line1 is missing": "line# is missing", "x509: unknown authority": "x#: unknown authority",
		"at 12:30": "at #:#", "nothing": "nothing",
	} {
		if got := withoutNumbers(reason); got != want {
			t.Errorf("%q is counted as %q, want %q", reason, got, want)
		}
	}
	w := newWorld(t)
	for i := range 3 {
		id := fmt.Sprintf("%c1b2-c%d", 'a'+i, i)
		w.write("shop", message.ClassHandler, "order "+id+" is unknown", &message.Message{Topic: "payments"})
		if err := w.client.ProduceSync(t.Context(), &kgo.Record{Topic: "payments.dlq"}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if out := w.run(1, "ls"); strings.Count(out, "\n") != 5 { // a head, two rows, the sum, the error
		t.Error(out)
	}
}

func TestADryRunInJSONSaysSo(t *testing.T) {
	w := newWorld(t)
	w.fill(3)
	out := w.run(0, "redrive", "--json")
	var rows []figures
	if err := json.Unmarshal([]byte(out), &rows); err != nil || len(rows) != 3 || rows[0].Outcome != "to be redriven" {
		t.Errorf("%v: %s", err, out)
	}
	if out := w.run(0, "redrive", "--json", "--execute"); !strings.Contains(out, `"outcome": "redriven"`) {
		t.Error(out)
	}
}

// TestEachRowSaysWhatBecameOfIt: what was written and what was not differ in nothing else.
func TestEachRowSaysWhatBecameOfIt(t *testing.T) {
	w := newWorld(t)
	for _, value := range []string{"1", strings.Repeat("2", 2<<20)} {
		r := &kgo.Record{Topic: "payments.dlq", Value: []byte(value), Headers: []kgo.RecordHeader{{Key: "topic_poisoned", Value: []byte("payments")}}}
		limit := "4000000"
		if _, err := w.admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: &limit}}, "payments.dlq"); err != nil {
			t.Fatal(err)
		}
		if err := w.connect(kgo.ProducerBatchMaxBytes(8<<20)).ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if out := w.run(1, "redrive", "--execute"); !strings.Contains(out, "payments.dlq  redriven     payments") || !strings.Contains(out, "payments.dlq  not written  payments") {
		t.Error(out)
	}
	if out := w.run(0, "ls", "--all"); !strings.Contains(out, "payments.dlq  redriven before  payments") || !strings.Contains(out, "payments.dlq  selected         payments") {
		t.Error(out)
	}
}

// TestWhatIsOddInALetterIsSaid: a topic without a name, what is wrong with it in our own
// words, and a year that JSON does not have.
func TestWhatIsOddInALetterIsSaid(t *testing.T) {
	w := newWorld(t)
	nameless := &kgo.Record{Topic: "payments.dlq", Headers: []kgo.RecordHeader{{Key: "forge-dlq-topic"}, {Key: "forge-dlq-encoding", Value: []byte("raw")}}}
	broken := &kgo.Record{Topic: "payments.dlq", Headers: []kgo.RecordHeader{{Key: "forge-dlq-topic", Value: []byte("payments")}, {Key: "forge-dlq-encoding", Value: []byte("x")}}}
	late := &kgo.Record{Topic: "payments.dlq", Headers: []kgo.RecordHeader{
		{Key: "kafka_dlt-original-topic", Value: []byte("payments")}, {Key: "kafka_dlt-original-timestamp", Value: bytes.Repeat([]byte{0x7f}, 8)},
	}}
	if err := w.client.ProduceSync(t.Context(), nameless, broken, late).FirstErr(); err != nil {
		t.Fatal(err)
	}
	out := w.run(1, "ls")
	for _, want := range []string{"no header says which topic", "it must be json, base64, raw or null", "selected 1, unreadable 2"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if out := w.run(0, "show", "payments.dlq/0@2", "--json"); !json.Valid([]byte(out)) || strings.Contains(out, "produced") {
		t.Error(out)
	}
}

func TestProgressIsNotAmongTheResults(t *testing.T) {
	var stdout, stderr bytes.Buffer
	r := newReport(&stdout, &stderr)
	r.every, r.sent = time.Now().Add(-time.Second), 8
	r.progress()
	if stdout.Len() > 0 || stderr.String() != "8 sent\n" {
		t.Errorf("%q in the results, %q beside them", &stdout, &stderr)
	}
}
