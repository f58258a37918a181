package kafka

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// A message is what its record is, whoever fetches it: sarama, or behind a batch that
// sarama cannot decode, franz-go.
func TestAMessageIsWhatItsRecordIs(t *testing.T) {
	t.Parallel()
	for _, fetchedAlone := range []bool{false, true} {
		c := startCluster(t, kfake.SeedTopics(1, "payments", "payments.dlq"))
		at := time.UnixMilli(1_700_000_000_123).UTC()
		record := &kgo.Record{
			Topic: "payments", Key: []byte("k"), Value: []byte("not JSON"), Timestamp: at,
			Headers: []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "a", Value: []byte{}}, {Key: "", Value: nil}},
		}
		tombstone := &kgo.Record{Topic: "payments", Timestamp: at}
		first := int64(0)
		if fetchedAlone {
			produceBomb(t, c, record, tombstone) // in one batch with it: sarama cannot be who read them
			first = 90
		} else if err := newClient(t, c).ProduceSync(t.Context(), record, tombstone).FirstErr(); err != nil {
			t.Fatal(err)
		}
		r := consume(t, settings(t, c), func(context.Context, message.Of[payment]) error { return nil }, "payments")
		var got []message.Message
		eventually(t, "dead letters", func() bool {
			r.seen.mu.Lock()
			defer r.seen.mu.Unlock()
			got = nil
			for _, e := range r.events {
				if e.Kind == engine.DeadLettered {
					got = append(got, message.Message{
						Topic: e.Message.Topic, Partition: e.Message.Partition, Offset: e.Message.Offset,
						Key: e.Message.Key, Value: e.Message.Value, Headers: e.Message.Headers, Time: e.Message.Time.UTC(),
					})
				}
			}
			return len(got) == 2
		})
		want := []message.Message{
			{Topic: "payments", Offset: first, Key: []byte("k"), Value: []byte("not JSON"), Time: at, Headers: []message.Field{{Key: "a", Value: []byte("1")}, {Key: "a", Value: []byte{}}, {}}},
			{Topic: "payments", Offset: first + 1, Time: at},
		}
		if got[0].Offset != first {
			got[0], got[1] = got[1], got[0]
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("fetched alone: %v:\n%+v\nwant\n%+v", fetchedAlone, got, want)
		}
		letters := readAll(t, c, "payments.dlq", 2)
		for _, letter := range letters {
			if got := header(letter, "forge-dlq-timestamp"); got != "2023-11-14T22:13:20.123Z" {
				t.Errorf("the dead letter says %q of the time", got)
			}
		}
	}
}

// header returns the value of a record's header.
func header(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}
