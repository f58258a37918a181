package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/app/apptest"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/samples"
	"github.com/ouroboros-forge/forge/template/service/internal/service/servicetest"
)

const (
	group  = "e2e"
	copies = 60 // of each sample
)

// On a real Kafka each message becomes what it expects; a service that is stopped
// in the middle of its work leaves the rest to the next; and in the end all is
// committed, and each dead letter lies in its topic.
func TestEachMessageBecomesWhatItExpects(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	all := messages(t)
	settings := map[string]string{"KAFKA_BOOTSTRAP_SERVERS": startKafka(ctx, t), "KAFKA_GROUP_ID": group}

	settings["SCHEMA_REGISTRY_URL"] = registryURL(t) //forge:if avro
	first := apptest.Start(t, settings)
	sent := first.SendSamples(all)
	for i, sample := range all {
		check(t, sample, first.Outcome(sent[i]))
	}
	first.Stop()

	second := apptest.Start(t, settings)
	sent = second.SendSamples(all)
	second.Stop() // in the middle of it
	third := apptest.Start(t, settings)
	for i, sample := range all {
		e, done := second.Last(sent[i])
		if !done {
			e = third.Outcome(sent[i])
		}
		check(t, sample, e)
	}
	third.Stop()
	checkKafka(ctx, t, settings["KAFKA_BOOTSTRAP_SERVERS"], first, second, third)
}

func check(t *testing.T, sample samples.Sample, e engine.Event) {
	t.Helper()
	if err := sample.Check(e); err != nil {
		t.Error(err)
	}
}

// messages returns each sample often, with keys that spread over the partitions,
// and for each topic messages that no sample file can hold.
func messages(t *testing.T) (all []samples.Sample) {
	t.Helper()
	loaded, err := samples.Load(os.DirFS("../dev/samples"))
	if err != nil {
		t.Fatal(err)
	}
	topics := map[string]bool{}
	for i := range copies {
		for _, s := range loaded {
			topics[s.Topic] = true
			s.Key = fmt.Sprintf("%s-%d", s.Key, i)
			all = append(all, s)
		}
	}
	for topic := range topics {
		for name, value := range map[string]string{"cut off": `{"header": {"mess`, "not text": "\x00\x01\xff\xfe", "empty": ""} {
			all = append(all, samples.Sample{Topic: topic, Name: name, Key: name, Expect: samples.NameOf(engine.DeadLettered), Value: []byte(value)})
		}
	}
	return all
}

// checkKafka asks Kafka whether the group has committed everything, and whether
// the topics of the dead letters have what the services wrote.
func checkKafka(ctx context.Context, t *testing.T, broker string, services ...*servicetest.Service) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	lags, err := admin.Lag(ctx, group)
	if err != nil {
		t.Fatal(err)
	}
	for _, lag := range lags[group].Lag.Sorted() {
		if lag.Lag != 0 {
			t.Errorf("%s/%d: %d messages are not committed", lag.Topic, lag.Partition, lag.Lag)
		}
	}
	written := map[string]int64{} // dead letters, by topic
	for _, s := range services {
		for _, e := range s.DeadLetters() {
			written[e.Message.Topic+".dlq"]++
		}
	}
	for topic, want := range written {
		ends, err := admin.ListEndOffsets(ctx, topic)
		if err != nil {
			t.Fatal(err)
		}
		got := int64(0)
		ends.Each(func(o kadm.ListedOffset) { got += o.Offset })
		if got != want {
			t.Errorf("%s has %d messages, want %d", topic, got, want)
		}
	}
}
