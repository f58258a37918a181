package thousand

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/e2e/generated"
	"github.com/ouroboros-forge/forge/e2e/outside"
)

// observer looks at a broker from outside the service, as another program would.
type observer struct {
	broker  string
	topics  []string
	samples *outside.Client
	admin   *kadm.Client
}

// dial connects to a broker and creates the topics there.
func dial(t *testing.T, broker string, topics []string) *observer {
	t.Helper()
	client, err := outside.Dial(broker)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.CreateTopics(t.Context(), 6, topics...); err != nil {
		t.Fatal(err)
	}
	admin, err := kadm.NewOptClient(kgo.SeedBrokers(broker))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(admin.Close)
	return &observer{broker: broker, topics: topics, samples: client, admin: admin}
}

func (o *observer) send(t *testing.T, all []outside.Sample) []outside.Sent {
	t.Helper()
	sent, err := o.samples.Send(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	return sent
}

// check waits until each message has met its fate, and everything in the topics
// is committed.
func (o *observer) check(t *testing.T, sent []outside.Sent) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := o.samples.Check(ctx, generated.Group, sent); err != nil {
		t.Fatal(err)
	}
	ends, err := o.admin.ListEndOffsets(ctx, o.topics...)
	if err != nil {
		t.Fatal(err)
	}
	committed, err := o.admin.FetchOffsets(ctx, generated.Group)
	if err != nil {
		t.Fatal(err)
	}
	ends.Each(func(end kadm.ListedOffset) {
		if at, ok := committed.Lookup(end.Topic, end.Partition); end.Offset > 0 && (!ok || at.At != end.Offset) {
			t.Errorf("%s/%d: committed %d, its end is %d", end.Topic, end.Partition, at.At, end.Offset)
		}
	})
}

// letters reads every dead letter, fails unless its form is what is promised,
// and returns how many there are.
func (o *observer) letters(t *testing.T) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var dead []string
	for _, topic := range o.topics {
		dead = append(dead, topic+".dlq")
	}
	ends, err := o.admin.ListEndOffsets(ctx, dead...)
	if err != nil {
		t.Fatal(err)
	}
	expected := 0
	ends.Each(func(end kadm.ListedOffset) { expected += int(end.Offset) })
	reader, err := kgo.NewClient(kgo.SeedBrokers(o.broker), kgo.ConsumeTopics(dead...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for read := 0; read < expected; {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("%d of %d dead letters: %v", read, expected, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			read++
			checkLetter(t, r)
		})
	}
	return expected
}

// checkLetter holds a dead letter against the form that docs/operating.md
// promises.
func checkLetter(t *testing.T, r *kgo.Record) {
	t.Helper()
	var value struct {
		Original envelope `json:"original_message"`
		Error    struct{ Timestamp, Reason string }
	}
	strict := json.NewDecoder(bytes.NewReader(r.Value))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&value); err != nil {
		t.Errorf("%s: %v: %s", r.Topic, err, r.Value)
		return
	}
	headers := map[string]string{}
	for _, h := range r.Headers {
		headers[h.Key] = string(h.Value)
	}
	reason, class := "amount is over the limit", "handler"
	if string(value.Original.Body["amount"]) == "0" {
		reason, class = "body.amount: must be greater than 0", "invalid"
	}
	for _, is := range []struct{ what, got, want string }{
		{"error.reason", value.Error.Reason, reason},
		{"forge-dlq-encoding", headers["forge-dlq-encoding"], "json"},
		{"forge-dlq-topic", headers["forge-dlq-topic"], strings.TrimSuffix(r.Topic, ".dlq")},
		{"forge-dlq-group", headers["forge-dlq-group"], generated.Group},
		{"forge-dlq-attempts", headers["forge-dlq-attempts"], "1"},
		{"forge-dlq-class", headers["forge-dlq-class"], class},
		{"forge-dlq-reason", headers["forge-dlq-reason"], reason},
		{"forge-dlq-encoding", headers["forge-dlq-encoding"], "json"},
	} {
		if is.got != is.want {
			t.Errorf("%s: %s is %q, want %q", r.Topic, is.what, is.got, is.want)
		}
	}
	for _, moment := range []string{value.Error.Timestamp, headers["forge-dlq-timestamp"]} {
		if _, err := time.Parse(time.RFC3339, moment); err != nil {
			t.Errorf("%s: %v", r.Topic, err)
		}
	}
}
