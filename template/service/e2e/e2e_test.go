package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/dev/samples"
)

const (
	group      = "e2e"
	partitions = 6
	copies     = 60 // of each sample
)

// Everything that is sent is handled or a dead letter, as each message expects,
// and committed. Where nothing was in the way, it is done once.
func TestEveryMessageMeetsItsFate(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	broker := startKafka(ctx, t)
	client := dial(t, broker)
	all := messages(t)
	topics := samples.Topics(all)
	if err := client.CreateTopics(ctx, partitions, topics...); err != nil {
		t.Fatal(err)
	}
	binary := build(t)
	settings := []string{"KAFKA_BOOTSTRAP_SERVERS=" + broker, "KAFKA_GROUP_ID=" + group}
	registry := registryURL(t)                                   //forge:if avro
	settings = append(settings, "SCHEMA_REGISTRY_URL="+registry) //forge:if avro

	first := start(ctx, t, binary, settings...)
	all = encoded(ctx, t, registry, all) //forge:if avro
	sent := send(ctx, t, client, all)
	check(ctx, t, client, sent)
	for fate, want := range count(sent) {
		if got := first.events(t, string(fate)); got != want {
			t.Errorf("/metrics counts %d messages as %s, expected %d", got, fate, want)
		}
	}
	if code := first.terminate(t); code != 0 {
		t.Fatalf("exit code %d after SIGTERM", code)
	}
	if got, want := letters(ctx, t, client, topics, sent), count(sent)[samples.DeadLetter]; got != want {
		t.Errorf("%d dead letters were written for %d messages", got, want)
	}

	// SIGTERM in the middle of the work: what was not done comes to the next.
	second := start(ctx, t, binary, settings...)
	sent = append(sent, send(ctx, t, client, all)...)
	if code := second.terminate(t); code != 0 {
		t.Fatalf("exit code %d after SIGTERM under load", code)
	}
	third := start(ctx, t, binary, settings...)
	check(ctx, t, client, sent)
	if code := third.terminate(t); code != 0 {
		t.Fatalf("exit code %d after SIGTERM", code)
	}
	letters(ctx, t, client, topics, sent) // some may be there twice: what overtook a message that had not started
}

// check waits for the fates of everything that was sent.
func check(ctx context.Context, t *testing.T, client *samples.Client, sent []samples.Sent) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := client.Check(ctx, group, sent); err != nil {
		t.Fatal(err)
	}
}

// letters returns how many dead letters were written. It fails if a message that
// should have one has none, or if one lacks what a person needs to find out
// where it comes from.
func letters(ctx context.Context, t *testing.T, client *samples.Client, topics []string, sent []samples.Sent) int {
	t.Helper()
	all, err := client.DeadLetters(ctx, topics...)
	if err != nil {
		t.Fatal(err)
	}
	origins := map[string]bool{}
	for _, l := range all {
		origins[l.Origin] = true
		if l.Headers["forge-dlq-group"] != group || l.Headers["forge-dlq-class"] == "" || l.Headers["forge-dlq-attempts"] == "" {
			t.Errorf("the dead letter of %s has headers %v", l.Origin, l.Headers)
		}
	}
	if want := count(sent)[samples.DeadLetter]; len(origins) != want {
		t.Errorf("%d messages have a dead letter, expected %d of %d", len(origins), want, len(sent))
	}
	return len(all)
}

// count returns how many messages expect each fate.
func count(sent []samples.Sent) map[samples.Fate]int {
	fates := map[samples.Fate]int{}
	for _, s := range sent {
		fates[s.Expect]++
	}
	return fates
}

// messages returns each sample often, with keys that spread over the partitions,
// and for each topic messages that no sample file can hold.
func messages(t *testing.T) []samples.Sample {
	t.Helper()
	loaded, err := samples.Load()
	if err != nil {
		t.Fatal(err)
	}
	var all []samples.Sample
	for i := range copies {
		for _, s := range loaded {
			s.Key = fmt.Sprintf("%s-%d", s.Key, i)
			all = append(all, s)
		}
	}
	for _, topic := range samples.Topics(loaded) {
		all = append(all,
			samples.Sample{Topic: topic, Name: "cut off", Key: "a", Expect: samples.DeadLetter, Value: []byte(`{"header": {"mess`)},
			samples.Sample{Topic: topic, Name: "not text", Key: "b", Expect: samples.DeadLetter, Value: []byte{0, 1, 0xff, 0xfe}},
			samples.Sample{Topic: topic, Name: "empty", Key: "c", Expect: samples.DeadLetter, Value: []byte{}},
		)
	}
	return all
}

func send(ctx context.Context, t *testing.T, client *samples.Client, all []samples.Sample) []samples.Sent {
	t.Helper()
	sent, err := client.Send(ctx, all)
	if err != nil {
		t.Fatal(err)
	}
	return sent
}

func dial(t *testing.T, broker string) *samples.Client {
	t.Helper()
	client, err := samples.Dial(broker)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}
