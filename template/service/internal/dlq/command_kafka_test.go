//go:build !jetstream && !rabbitmq

package dlq

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

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
		{"redrive --max 0", "at least 1"}, {"redrive --max x", "a whole number"}, {"redrive --rate -1", "at least 0.001"}, {"redrive --rate NaN", "at least 0.001"}, {"redrive --rate 1e-300", "at least 0.001"}, {"redrive --rate x", "must be a number"}, {"redrive --since yesterday", "2026-01-02T15:04:05Z"},
		{"show", "TOPIC/PARTITION@OFFSET"}, {"show payments.dlq", "no place"}, {"show payments.dlq/x@1", "no place"}, {"purge --class x", "purge does not take --class"},
		{"redrive --key=", "-key: it is empty"}, {"redrive --type=", "-type: it is empty"}, {"redrive --reason=", "-reason: it is empty"}, {"redrive --class=", "-class: it is empty"},
		{"redrive --to=", "-to: it is empty"}, {"redrive --until -5h", "how long ago"}, {"purge --all --until=-5h", "how long ago"},
	} {
		var stdout, stderr bytes.Buffer
		code := Command(t.Context(), []Consumer{consumerOf("127.0.0.1:1", "shop", "payments")}, nil, strings.Fields(c.args), &stdout, &stderr)
		if code != 2 || !strings.Contains(stderr.String(), c.want) || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("dlq %s: %d, %s", c.args, code, &stderr)
		}
	}
}

// A variable of a script without a value would be all topics.
func TestATopicWithoutANameIsRefused(t *testing.T) {
	_, _, err := parse([]string{"redrive", "--execute", ""}, time.Now())
	if err == nil || !strings.Contains(err.Error(), "name of a topic is empty") {
		t.Error(err)
	}
}

// A handler names them with message.Fail; of what is none a person is told.
func TestClassesOfTheServicesOwnAreSelected(t *testing.T) {
	w := newWorld(t)
	w.write("shop", "fraud", "no", &message.Message{Topic: "payments", Value: []byte("1")})
	w.write("shop", message.ClassHandler, "no", &message.Message{Topic: "payments", Value: []byte("2")})
	if out := w.run(0, "redrive", "--class", "fraud", "--execute"); !strings.Contains(out, "dead letters 2: redriven 1, not selected 1") {
		t.Error(out)
	}
	if out := w.run(1, "ls", "--class", "fruad"); !strings.Contains(out, "--class fruad: no dead letter has that class, and it is none of [decode") {
		t.Error(out)
	}
	w.run(0, "ls", "--class", "panic")
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
		if strings.HasPrefix(name, deadletter.Prefix) {
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
		if err := (&deadletter.Writer{Send: send, Group: "g"}).DeadLetter(t.Context(), m, engine.Failure{Err: errors.New("x"), Time: time.Now()}); err != nil {
			t.Fatal(err)
		}
		l, err := open(messageOf(r))
		if err != nil {
			t.Fatal(err)
		}
		if got := sum(l.Original.Key, l.Original.Value, l.Original.Headers); got != sum(m.Key, m.Value, m.Headers) || l.Original.Partition != 3 || l.Original.Offset != 9 {
			t.Errorf("got %+v", l.Original)
		}
	})
}
