//go:build !jetstream && !rabbitmq

package dlq

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func TestADryRunWritesAndCommitsNothing(t *testing.T) {
	w := newWorld(t)
	w.fill(30)
	var writes []string
	for _, key := range []kmsg.Key{kmsg.Produce, kmsg.OffsetCommit, kmsg.CreateTopics, kmsg.DeleteRecords} {
		w.cluster.ControlKey(key.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
			w.cluster.KeepControl()
			writes = append(writes, kmsg.NameForKey(r.Key()))
			return nil, nil, false
		})
	}
	out := w.run(0, "redrive") + w.run(0, "purge", "--all") + w.run(0, "ls")
	if len(writes) > 0 {
		t.Errorf("wrote: %v", writes)
	}
	for _, want := range []string{"order # is unknown", "to be redriven 30", "to be deleted 30", "selected 30", "nothing was written"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// Whether a letter is of a type cannot be known while its registry is away: it is not
// passed over, and nothing is deleted.
func TestALetterThatCannotBeReadAtPresentIsNotPassedOver(t *testing.T) {
	w := newWorld(t)
	w.fill(30)
	c := consumerOf(strings.Join(w.cluster.ListenAddrs(), ","), "shop", "payments")
	c.Open = func(context.Context, *message.Message) (message.Header, error) {
		return message.Header{}, message.Unavailable(errors.New("the registry is away"))
	}
	for _, args := range [][]string{{"redrive", "--type", "T", "--execute"}, {"ls", "--type", "T"}} {
		var out, errs strings.Builder
		if code := Command(t.Context(), []Consumer{c}, nil, args, &out, &errs); code == 0 || !strings.Contains(errs.String(), "the registry is away") {
			t.Errorf("%v: exit code %d\n%s%s", args, code, &out, &errs)
		}
	}
	offsets, err := w.admin.FetchOffsets(t.Context(), selection{kind: "T"}.groupOf("shop"))
	if o, ok := offsets.Lookup("payments.dlq", 0); ok && o.At > 0 {
		t.Errorf("committed %d: %v", o.At, err)
	}
}

// A redrive by type passes over what cannot be decoded. When it can be, it is sent, and it
// is not deleted before, although the redrive has come past it.
func TestWhatCanBeDecodedOnlyLaterIsSentThen(t *testing.T) {
	w := newWorld(t)
	w.write("shop", message.ClassDecode, "no time zone", &message.Message{Topic: "payments", Key: []byte("a"), Value: []byte("later")})
	c := consumerOf(strings.Join(w.cluster.ListenAddrs(), ","), "shop", "payments")
	run := func(args ...string) string {
		t.Helper()
		var out, errs strings.Builder
		if code := Command(t.Context(), []Consumer{c}, nil, args, &out, &errs); code != 0 {
			t.Fatalf("%v: exit code %d\n%s%s", args, code, &out, &errs)
		}
		return out.String()
	}
	c.Open = func(context.Context, *message.Message) (message.Header, error) {
		return message.Header{}, errors.New("no time zone")
	}
	run("redrive", "--type", "T", "--execute")
	c.Open = func(context.Context, *message.Message) (message.Header, error) {
		return message.Header{MessageType: "T"}, nil
	}
	if out := run("purge", "--execute"); strings.Contains(out, "deleted 1") {
		t.Errorf("it is deleted:\n%s", out)
	}
	if out := run("redrive", "--execute"); !strings.Contains(out, "redriven 1") {
		t.Errorf("it is not sent:\n%s", out)
	}
}

func TestARedriveByClassSendsEachOnceAndToTheByte(t *testing.T) {
	w := newWorld(t)
	wrote := w.fill(300)
	sent := 0
	for class, messages := range wrote {
		out := w.run(0, "redrive", "--class", string(class), "--execute")
		if !strings.Contains(out, "dlq purge deletes") {
			t.Errorf("nothing says that it would be sent again some day: %s", out)
		}
		if !strings.Contains(out, "dead letters 300: redriven 100, ") {
			t.Errorf("the summary does not add up: %s", out)
		}
		sent += 100
		records := w.read("payments")
		if n := missing(messages, records); n > 0 || len(records) != sent {
			t.Errorf("class %s: %d are missing, %d of %d were sent", class, n, len(records), sent)
		}
		if lag := w.lag(selection{class: string(class)}); lag != 0 {
			t.Errorf("class %s: lag %d", class, lag)
		}
	}
	if out := w.run(0, "redrive", "--execute"); !strings.Contains(out, "redriven before 300") {
		t.Errorf("what was sent by class is sent again: %s", out)
	}
	if n := len(w.read("payments")); n != 300 {
		t.Errorf("%d messages, want each once", n)
	}
	for _, r := range w.read("payments") {
		if want := r.Partition; want != originOf(r) {
			t.Fatalf("message of partition %d is in %d", originOf(r), r.Partition)
		}
		if r.Attrs.CompressionType() != 0 {
			t.Fatal("it is compressed, and KAFKA_COMPRESSION_TYPE is none")
		}
	}
}

// originOf returns the partition that fill gave to a message.
func originOf(r *kgo.Record) int32 {
	for _, h := range r.Headers {
		if h.Key == "trace" && len(h.Value) > 0 {
			n, _ := strconv.Atoi(string(h.Value))
			return int32(n % 3)
		}
	}
	return r.Partition
}

func TestAKilledRedriveGoesOnAndLosesNothing(t *testing.T) {
	w := newWorld(t)
	wrote := w.fill(1000)
	for round := range 3 {
		kill := make(chan struct{})
		produced := 0
		w.cluster.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
			if produced++; produced == 40*(round+1) {
				close(kill)
			} else {
				w.cluster.KeepControl()
			}
			return nil, nil, false
		})
		cmd := exec.CommandContext(t.Context(), os.Args[0], "redrive", "--execute", "--rate", "400")
		cmd.Env = append(os.Environ(), brokersVariable+"="+w.cluster.ListenAddrs()[0])
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-kill
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	w.run(0, "redrive", "--execute")
	records := w.read("payments")
	for class, messages := range wrote {
		if n := missing(messages, records); n > 0 {
			t.Errorf("class %s: %d are missing", class, n)
		}
	}
	if lag := w.lag(selection{}); lag != 0 {
		t.Errorf("lag %d", lag)
	}
	t.Logf("%d messages of 1,000 letters", len(records))
}

func TestARefusedMessageIsNotCommitted(t *testing.T) {
	w := newWorld(t)
	w.fill(60)
	w.cluster.ControlKey(kmsg.Produce.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		request := r.(*kmsg.ProduceRequest)
		response := request.ResponseKind().(*kmsg.ProduceResponse)
		for _, topic := range request.Topics {
			answer := kmsg.NewProduceResponseTopic()
			answer.Topic, answer.TopicID = topic.Topic, topic.TopicID
			for _, p := range topic.Partitions {
				partition := kmsg.NewProduceResponseTopicPartition()
				partition.Partition, partition.ErrorCode = p.Partition, 29 // TOPIC_AUTHORIZATION_FAILED
				answer.Partitions = append(answer.Partitions, partition)
			}
			response.Topics = append(response.Topics, answer)
		}
		return response, nil, true
	})
	out := w.run(1, "redrive", "--execute")
	if !strings.Contains(out, "write to payments") {
		t.Errorf("the error does not name the topic: %s", out)
	}
	if !strings.Contains(out, "dead letters 60: not written 60\n") {
		t.Errorf("the summary does not say that nothing was written: %s", out)
	}
	if strings.Contains(out, "dlq purge") {
		t.Errorf("nothing was redriven, and it is to be purged: %s", out)
	}
	if lag := w.lag(selection{}); lag != 60 {
		t.Errorf("lag %d after a redrive that wrote nothing, want 60", lag)
	}
}

// What is behind it in its partition waits, and nothing else is sent again.
func TestALetterThatCannotBeWrittenHoldsUpOnlyItsPartition(t *testing.T) {
	w := newWorld(t)
	letter := func(key string, value []byte) {
		w.write("shop", message.ClassHandler, "no", &message.Message{Topic: "payments", Key: []byte(key), Value: value})
	}
	limit := "1000"
	if _, err := w.admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: &limit}}, "payments"); err != nil {
		t.Fatal(err)
	}
	letter("a", []byte("1"))
	letter("b", bytes.Repeat([]byte("2"), 2000))
	letter("c", []byte("3"))
	letter("dd", []byte("4"))
	w.run(1, "redrive", "--execute") // may have sent what is behind the one when that is refused
	sent := len(w.read("payments"))
	for range 2 {
		out := w.run(1, "redrive", "--execute")
		for _, want := range []string{"payments.dlq/1@1: write to payments", "--class, --reason or --key", "dead letters 4: not written 2, redriven before 2"} {
			if strings.Count(out, want) != 1 {
				t.Errorf("%q is not there once:\n%s", want, out)
			}
		}
	}
	if n := len(w.read("payments")); n != sent {
		t.Errorf("%d were sent again", n-sent)
	}
	w.run(0, "redrive", "--execute", "--key", "c")
	w.run(0, "redrive", "--execute", "--key", "b", "--to", "other")
	w.run(0, "redrive", "--execute")
	if n := len(w.read("payments")); n != sent+1 {
		t.Errorf("%d were sent, want c alone", n-sent)
	}
}

func TestALetterThatFailsAgainThreeTimesIsParked(t *testing.T) {
	w := newWorld(t)
	m := &message.Message{Topic: "payments", Key: []byte("k"), Value: []byte(`{"n":1}`), Headers: []message.Field{{Key: "a", Value: []byte("b")}}}
	for range maxRedrives {
		w.write("shop", message.ClassHandler, "no", m)
		w.run(0, "redrive", "--execute")
		records := w.read("payments")
		r := records[len(records)-1]
		m = &message.Message{Topic: "payments", Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value}
		for _, h := range r.Headers {
			m.Headers = append(m.Headers, message.Field{Key: h.Key, Value: h.Value})
		}
		if group, _ := m.Get(message.RedriveGroup); string(group) != "shop" {
			t.Fatalf("it was redriven for group %q", group)
		}
	}
	w.write("shop", message.ClassHandler, "no", m)
	if out := w.run(0, "redrive", "--execute"); !strings.Contains(out, "parked 1") {
		t.Errorf("it is not parked: %s", out)
	}
	letters := w.read("payments.dlq")
	records := w.read("payments.parked")
	if len(records) != 1 || !bytes.Equal(records[0].Value, letters[len(letters)-1].Value) || len(w.read("payments")) != maxRedrives {
		t.Errorf("%d parked, %d in payments", len(records), len(w.read("payments")))
	}
}

// A dead letter of a binary message is larger than that is.
func TestALargeLetterIsParkedAndSentElsewhere(t *testing.T) {
	w := newWorld(t)
	limit := "4000000"
	if _, err := w.admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: &limit}}, "payments.dlq", "payments"); err != nil {
		t.Fatal(err)
	}
	w.client = w.connect(kgo.ProducerBatchMaxBytes(8 << 20))
	w.write("shop", message.ClassHandler, "no", &message.Message{Topic: "payments", Value: bytes.Repeat([]byte{0xff, 1}, 600_000),
		Headers: []message.Field{{Key: countHeader, Value: []byte("3")}}})
	w.run(0, "redrive", "--execute")
	if n := len(w.read("payments.parked")); n != 1 {
		t.Errorf("%d are parked", n)
	}
	configs, err := w.admin.DescribeTopicConfigs(t.Context(), "payments.parked")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range configs[0].Configs {
		if c.Key == "retention.ms" && c.MaybeValue() != "-1" {
			t.Errorf("what is parked is kept for %s ms", c.MaybeValue())
		}
	}
	w.run(0, "redrive", "payments.parked", "--execute")
	if n := len(w.read("payments")); n != 1 {
		t.Errorf("%d came back", n)
	}
}

func TestWhatIsParkedComesOut(t *testing.T) {
	for name, args := range map[string][]string{"payments": nil, "other": {"--to", "other"}} {
		w := newWorld(t)
		w.write("shop", message.ClassHandler, "no", &message.Message{Topic: "payments", Value: []byte("1"),
			Headers: []message.Field{{Key: countHeader, Value: strconv.AppendInt(nil, maxRedrives, 10)}}})
		w.run(0, "redrive", "--execute")
		w.run(0, append([]string{"redrive", "payments.parked", "--execute"}, args...)...)
		if n := len(w.read("payments.parked")); n != 1 {
			t.Errorf("%d are parked, want the one", n)
		}
		out := w.read(name)
		if len(out) != 1 {
			t.Fatalf("%d came out to %s", len(out), name)
		}
		for _, h := range out[0].Headers {
			if h.Key == countHeader && string(h.Value) != "1" {
				t.Errorf("it counts as redriven %s times", h.Value)
			}
		}
	}
}

func TestOnlyWhatIsSelectedIsRedriven(t *testing.T) {
	envelopeOf := func(kind string) []byte {
		h := message.NewHeader(kind, "test")
		return fmt.Appendf(nil, `{"header":{"messageType":%q,"schemaName":"s","schemaVersion":"1","messageId":%q,"timestamp":"2026-01-02T12:00:00Z","producer":"p"},"body":{}}`, kind, h.MessageID)
	}
	for name, c := range map[string]struct {
		args []string
		want int
	}{
		"all of the group":     {nil, 3},
		"a class":              {[]string{"--class", "invalid"}, 1},
		"a reason":             {[]string{"--reason", "order 99"}, 2},
		"a type":               {[]string{"--type", "PaymentMade"}, 1},
		"a key":                {[]string{"--key", "b"}, 1},
		"since then":           {[]string{"--since", "1h"}, 3},
		"until then":           {[]string{"--until", "1h"}, 0},
		"of all groups":        {[]string{"--any-group"}, 4},
		"at most two":          {[]string{"--max", "2"}, 2},
		"a class and a reason": {[]string{"--class", "handler", "--reason", "order 5"}, 1},
		"the topic's name":     {[]string{"payments"}, 3},
		"the letters' topic":   {[]string{"payments.dlq"}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write("shop", message.ClassHandler, "order 17 is unknown", &message.Message{Topic: "payments", Key: []byte("a"), Value: envelopeOf("PaymentMade")})
			w.write("shop", message.ClassInvalid, "order 18 is unknown", &message.Message{Topic: "payments", Key: []byte("b"), Value: envelopeOf("PaymentPlanned")})
			w.write("shop", message.ClassPanic, "nil", &message.Message{Topic: "payments", Key: []byte("cc"), Value: []byte("?")})
			w.write("billing", message.ClassHandler, "no", &message.Message{Topic: "payments", Value: []byte("1")})
			w.run(0, append([]string{"redrive", "--execute"}, c.args...)...)
			if got := len(w.read("payments")); got != c.want {
				t.Errorf("%d were redriven, want %d", got, c.want)
			}
		})
	}
}

func TestAnotherTopicMustBeAllowed(t *testing.T) {
	w := newWorld(t)
	w.fill(3)
	if out := w.run(2, "redrive", "--execute", "--to", "audit"); !strings.Contains(out, "REDRIVE_TOPICS=other does not have it") {
		t.Error(out)
	}
	w.run(0, "redrive", "--execute", "--to", "other")
	if a, b := len(w.read("other")), len(w.read("payments")); a != 3 || b != 0 {
		t.Errorf("%d in other, %d in payments", a, b)
	}
}
