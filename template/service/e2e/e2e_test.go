package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/app/apptest"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/samples"
	"github.com/ouroboros-forge/forge/template/service/internal/service/servicetest"
)

const (
	group  = "e2e"
	copies = 60 // of each sample
)

// On a real broker each message becomes what it expects; a service that is stopped
// in the middle of its work leaves the rest to the next; and in the end the
// broker knows all as done, and each dead letter lies in its topic.
func TestEachMessageBecomesWhatItExpects(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	all := messages(t)
	settings := startBroker(ctx, t)
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
	checkDone(ctx, t, settings)
	checkDeadLetters(ctx, t, settings, first, second, third)
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

// checkDeadLetters finds in the topics of the dead letters what the services wrote. A message
// that came twice has one or two there, as the broker knows it again or not.
func checkDeadLetters(ctx context.Context, t *testing.T, settings map[string]string, services ...*servicetest.Service) {
	t.Helper()
	type place struct {
		partition int32
		offset    int64
	}
	want := map[string]map[place]bool{} // by topic
	for _, s := range services {
		for _, e := range s.DeadLetters() {
			topic := e.Message.Topic + ".dlq"
			if want[topic] == nil {
				want[topic] = map[place]bool{}
			}
			want[topic][place{e.Message.Partition, e.Message.Offset}] = true
		}
	}
	for topic, want := range want {
		if got := written(ctx, t, settings, topic); got < int64(len(want)) {
			t.Errorf("%s has %d messages, want at least %d", topic, got, len(want))
		}
	}
}
