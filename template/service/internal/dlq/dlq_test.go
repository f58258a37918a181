package dlq

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/kafka"
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

func TestPurgeDeletesWhatWasRedriven(t *testing.T) {
	w := newWorld(t)
	for i := range 4 {
		class := []message.Class{message.ClassHandler, message.ClassHandler, message.ClassInvalid, message.ClassHandler}[i]
		w.write("shop", class, "no", &message.Message{Topic: "payments", Key: []byte("k"), Value: []byte("1")})
	}
	w.run(0, "redrive", "--execute", "--class", "handler")
	w.cluster.ControlKey(kmsg.DeleteRecords.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		return nil, errors.New("the connection is cut"), true
	})
	if out := w.run(1, "purge", "--execute"); strings.Contains(out, "deleted") {
		t.Errorf("nothing was deleted: %s", out)
	}
	if out := w.run(0, "purge", "--execute"); !strings.Contains(out, "deleted 2, stays 2") {
		t.Error(out)
	}
	if n := len(w.read("payments.dlq")); n != 2 {
		t.Errorf("%d letters are left, want the one that was not redriven and the one behind it", n)
	}
	w.run(0, "purge", "--execute", "--all", "--until", "1h")
	if n := len(w.read("payments.dlq")); n != 2 {
		t.Errorf("%d letters are left: newer ones were deleted", n)
	}
	w.run(0, "purge", "--execute", "--all")
	if n := len(w.read("payments.dlq")); n != 0 {
		t.Errorf("%d letters are left", n)
	}
}

func TestPurgeLeavesWhatIsNotKnownToBeOurs(t *testing.T) {
	unknown := []kgo.RecordHeader{{Key: "topic_poisoned", Value: []byte("payments")}}
	for name, c := range map[string]struct {
		args  []string
		ours  bool // a letter of the service's group, and one of another's
		also  *kgo.Record
		code  int
		want  string
		stays int
	}{
		"of another group":                {[]string{"--all"}, true, nil, 0, "deleted 1, stays 1", 1},
		"of another group, told to":       {[]string{"--all", "--any-group"}, true, nil, 0, "deleted 2", 0},
		"of an unknown group":             {[]string{"--all"}, false, &kgo.Record{Topic: "payments.dlq", Headers: unknown}, 0, "stays 1", 1},
		"of an unknown group, told to":    {[]string{"--all", "--any-group"}, false, &kgo.Record{Topic: "payments.dlq", Headers: unknown}, 0, "deleted 1", 0},
		"no dead letter":                  {[]string{"--all", "--any-group"}, false, &kgo.Record{Topic: "payments.dlq"}, 1, "unreadable 1", 1},
		"no dead letter, newer":           {[]string{"--all", "--until", "24h"}, false, &kgo.Record{Topic: "payments.dlq"}, 1, "unreadable 1", 1},
		"no dead letter, before some":     {[]string{"--all"}, true, &kgo.Record{Topic: "payments.dlq", Partition: 1}, 1, "deleted 1, stays 1, unreadable 1", 2},
		"messages of a topic with no dlq": {[]string{"other", "--all", "--any-group"}, false, &kgo.Record{Topic: "other"}, 1, "unreadable 1", 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if c.ours {
				w.write("shop", message.ClassHandler, "no", &message.Message{Topic: "payments"})
				w.write("billing", message.ClassHandler, "no", &message.Message{Topic: "payments"})
			}
			topic := "payments.dlq"
			if c.also != nil {
				topic = c.also.Topic
				if err := w.client.ProduceSync(t.Context(), c.also).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			if out := w.run(c.code, append([]string{"purge", "--execute"}, c.args...)...); !strings.Contains(out, c.want+"\n") || c.code == 1 && !strings.Contains(out, "no header says") {
				t.Error(out)
			}
			if n := len(w.read(topic)); n != c.stays {
				t.Errorf("%d stay, want %d", n, c.stays)
			}
		})
	}
}

func TestOneLetterIsShownWhole(t *testing.T) {
	w := newWorld(t)
	w.write("shop", message.ClassHandler, "no\x1b[2J", &message.Message{Topic: "payments", Partition: 1, Offset: 7, Key: []byte("k"), Value: []byte("{\"n\":\t1}")})
	out := w.run(0, "show", "payments.dlq/1@0")
	for _, want := range []string{"payments/1@7", "handler", "key", `no\u001b[2J`, "{\"n\":\t1}"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	var got struct {
		Topic, At, Class string
		Value            struct{ Text string }
	}
	if err := json.Unmarshal([]byte(w.run(0, "show", "payments.dlq/1@0", "--json")), &got); err != nil || got.Topic != "payments" || got.Value.Text != "{\"n\":\t1}" {
		t.Errorf("%+v, %v", got, err)
	}
	w.run(1, "show", "payments.dlq/1@1")
}

func TestLettersOfOthersAreRead(t *testing.T) {
	w := newWorld(t)
	at := func(n int, bytes int) []byte {
		return binary.BigEndian.AppendUint64(nil, uint64(n))[8-bytes:]
	}
	spring := &kgo.Record{Topic: "payments.dlq", Key: []byte("k"), Value: []byte("v"), Headers: []kgo.RecordHeader{
		{Key: "own", Value: []byte("1")}, {Key: "kafka_dlt-original-topic", Value: []byte("payments")},
		{Key: "kafka_dlt-original-partition", Value: at(2, 4)}, {Key: "kafka_dlt-original-offset", Value: at(77, 8)},
		{Key: "kafka_dlt-exception-fqcn", Value: []byte("java.lang.IllegalStateException")}, {Key: "kafka_dlt-exception-message", Value: []byte("no")},
		{Key: "kafka_dlt-original-consumer-group", Value: []byte("shop")},
	}}
	watermill := &kgo.Record{Topic: "payments.dlq", Value: []byte("w"), Headers: []kgo.RecordHeader{
		{Key: "topic_poisoned", Value: []byte("payments")}, {Key: "reason_poisoned", Value: []byte("bad")}, {Key: "handler_poisoned", Value: []byte("h")},
	}}
	stranger := &kgo.Record{Topic: "payments.dlq", Value: []byte("?")}
	if err := w.client.ProduceSync(t.Context(), spring, watermill, stranger).FirstErr(); err != nil {
		t.Fatal(err)
	}
	out := w.run(1, "redrive", "--execute")
	if again := w.run(1, "redrive", "--execute"); !strings.Contains(again, "dead letters 3: redriven before 2, unreadable 1") {
		t.Errorf("what cannot be read is hidden the second time: %s", again)
	}
	for _, want := range []string{"java.lang.IllegalStateException", "bad", "unreadable 1", "no header says which topic"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	records := w.read("payments")
	if len(records) != 2 {
		t.Fatalf("%d messages, want 2", len(records))
	}
	for _, r := range records {
		for _, h := range r.Headers {
			if strings.Contains(h.Key, "dlt") || strings.Contains(h.Key, "poisoned") {
				t.Errorf("header %s came along", h.Key)
			}
		}
		if string(r.Value) == "v" && (r.Partition != 2 || r.Headers[0].Key != "own") {
			t.Errorf("partition %d, headers %v", r.Partition, r.Headers)
		}
	}
}

// TestWhatIsNotThereIsNamed proves it of a topic, and that one of the service's has no dead
// letters while it is not there.
func TestWhatIsNotThereIsNamed(t *testing.T) {
	w := newWorld(t)
	for _, args := range []string{"ls payment", "redrive payment --execute", "purge payments payment"} {
		if out := w.run(1, strings.Fields(args)...); !strings.Contains(out, `there is no topic "payment": the service's are payments.dlq`) {
			t.Errorf("%s: %s", args, out)
		}
	}
	if _, err := w.admin.DeleteTopic(t.Context(), "payments.dlq"); err != nil {
		t.Fatal(err)
	}
	w.run(0, "ls", "payments")
}

// TestLettersOfAnotherGroupSaySo: the summary says how they are selected.
func TestLettersOfAnotherGroupSaySo(t *testing.T) {
	w := newWorld(t)
	w.write("billing", message.ClassHandler, "no", &message.Message{Topic: "payments", Value: []byte("1")})
	w.write("shop", message.ClassHandler, "no", &message.Message{Topic: "payments", Value: []byte("1")})
	if out := w.run(0, "ls", "--class", "panic"); !strings.Contains(out, "dead letters 2: of another group (--any-group takes them) 1, not selected 1\n") {
		t.Error(out)
	}
}

func TestWrongUsageNamesWhatIsAllowed(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", "ls, show, redrive or purge"}, {"list", `no "list"`}, {"ls --execute", "ls does not take --execute"},
		{"redrive --max 0", "at least 1"}, {"redrive --max x", "a whole number"}, {"redrive --rate -1", "more than 0"}, {"redrive --rate x", "must be a number"}, {"redrive --since yesterday", "2026-01-02T15:04:05Z"},
		{"show", "TOPIC/PARTITION@OFFSET"}, {"show payments.dlq", "no place"}, {"show payments.dlq/x@1", "no place"}, {"purge --class x", "purge does not take --class"},
		{"ls --class handlr", "one of [decode invalid unhandled handler unavailable panic timeout]"},
	} {
		var stdout, stderr bytes.Buffer
		code := Command(t.Context(), []Consumer{consumerOf("127.0.0.1:1", "shop", "payments")}, nil, strings.Fields(c.args), &stdout, &stderr)
		if code != 2 || !strings.Contains(stderr.String(), c.want) || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("dlq %s: %d, %s", c.args, code, &stderr)
		}
	}
}

func TestWithoutABrokerTheSettingsAreNamed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	var stdout, stderr bytes.Buffer
	code := Command(t.Context(), []Consumer{consumerOf(address, "shop", "payments")}, nil, []string{"ls"}, &stdout, &stderr)
	if code != 1 || !strings.Contains(stderr.String(), "no connection to Kafka at "+address) || !strings.Contains(stderr.String(), "KAFKA_SECURITY_PROTOCOL") {
		t.Errorf("%d, %s", code, &stderr)
	}
}

func FuzzWhatADeadLetterHoldsComesBack(f *testing.F) {
	f.Add([]byte(`{"a":1}`), []byte("k"), "h", []byte("v"))
	f.Add([]byte{0xff}, []byte{}, "", []byte{})
	f.Fuzz(func(t *testing.T, value, key []byte, name string, header []byte) {
		if strings.HasPrefix(name, kafka.DeadLetterPrefix) {
			t.Skip()
		}
		m := &message.Message{Topic: "payments", Partition: 3, Offset: 9, Key: key, Value: value, Headers: []message.Field{{Key: name, Value: header}}}
		var r *kgo.Record
		send := func(_ context.Context, m *message.Message) error {
			r = &kgo.Record{Topic: m.Topic, Key: m.Key, Value: m.Value}
			for _, h := range m.Headers {
				r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
			}
			return nil
		}
		if err := (&kafka.DeadLetters{Send: send, Group: "g"}).DeadLetter(t.Context(), m, engine.Failure{Err: errors.New("x"), Time: time.Now()}); err != nil {
			t.Fatal(err)
		}
		l, err := open(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := sum(l.Original.Key, l.Original.Value, l.Original.Headers); got != sum(m.Key, m.Value, m.Headers) || l.Original.Partition != 3 || l.Original.Offset != 9 {
			t.Errorf("got %+v", l.Original)
		}
	})
}
