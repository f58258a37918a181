//go:build !jetstream && !rabbitmq

package dlq

import (
	"bytes"
	"maps"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

var both = []string{"shop", "audit"}

// fillBoth writes letters of two consumers of one service, of another service, and of
// nobody knows whom.
func (w *world) fillBoth() {
	w.t.Helper()
	for _, group := range []string{"shop", "audit", "shop", "audit", "billing"} {
		w.write(group, message.ClassHandler, "no", &message.Message{Topic: "payments", Value: []byte("1")})
	}
	unknown := &kgo.Record{Topic: "payments.dlq", Partition: 1, Headers: []kgo.RecordHeader{{Key: "topic_poisoned", Value: []byte("payments")}}}
	if err := w.client.ProduceSync(w.t.Context(), unknown).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

func TestTwoConsumersOfATopicShareItsLetters(t *testing.T) {
	w := newWorld(t)
	w.fillBoth()
	for _, args := range [][]string{{"ls"}, {"ls", "payments"}, {"ls", "payments.dlq"}} {
		if out := w.runOf(both, 0, args...); !strings.Contains(out, "dead letters 6: selected 5, of another group (--any-group takes them) 1") {
			t.Errorf("%v: %s", args, out)
		}
	}
	w.runOf(both, 0, "redrive", "--execute", "--max", "3")
	if n := len(w.read("payments")); n != 3 {
		t.Errorf("%d were sent, want 3", n)
	}
	w.runOf(both, 0, "redrive", "--execute")
	if got, want := w.stamps("payments"), map[string]int{"shop": 2, "audit": 2, "": 1}; !maps.Equal(got, want) {
		t.Errorf("sent for %v, want %v", got, want)
	}
	if out := w.runOf(both, 0, "redrive"); !strings.Contains(out, "redriven before 5, of another group (--any-group takes them) 1") {
		t.Errorf("they are sent again: %s", out)
	}
}

// Its letters lie before the position that the others' redrive has.
func TestAConsumerThatIsAddedHasItsLettersToo(t *testing.T) {
	w := newWorld(t)
	w.fillBoth()
	w.run(0, "redrive", "--execute")
	w.runOf(both, 0, "redrive", "--execute", "--max", "1")
	w.runOf(both, 0, "redrive", "--execute")
	if got, want := w.stamps("payments"), map[string]int{"shop": 3, "audit": 2}; !maps.Equal(got, want) {
		t.Errorf("sent for %v, want %v", got, want)
	}
}

func TestALetterOfAnotherGroupGoesBackToThat(t *testing.T) {
	w := newWorld(t)
	w.fillBoth()
	w.run(0, "redrive", "--execute", "--any-group")
	if got, want := w.stamps("payments"), map[string]int{"shop": 3, "audit": 2, "billing": 1}; !maps.Equal(got, want) {
		t.Errorf("sent for %v, want %v", got, want)
	}
}

// Who reads another topic is another group, which would pass over it.
func TestALetterThatGoesElsewhereIsForAll(t *testing.T) {
	w := newWorld(t)
	w.fillBoth()
	w.run(0, "redrive", "--execute", "--to", "other")
	if got, want := w.stamps("other"), map[string]int{"": 3}; !maps.Equal(got, want) {
		t.Errorf("sent for %v, want %v", got, want)
	}
}

// The names of groups are listed by the brokers, and are labels of metrics.
func TestNoKeyAndNoReasonIsInAGroupsName(t *testing.T) {
	w := newWorld(t)
	w.write("shop", message.ClassHandler, "no Alice", &message.Message{Topic: "payments", Key: []byte("alice@example.com")})
	w.run(0, "redrive", "--execute", "--key", "alice@example.com", "--reason", "Alice")
	groups, err := w.admin.ListGroups(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if names := groups.Groups(); len(names) != 1 || strings.Contains(strings.ToLower(names[0]), "alice") || len(names[0]) > 40 {
		t.Errorf("the groups are %q", names)
	}
	if out := w.run(0, "redrive"); !strings.Contains(out, "redriven before 1") {
		t.Errorf("it is sent again: %s", out)
	}
	if out := w.run(2, "redrive", "--reason", strings.Repeat("no ", 2000)); !strings.Contains(out, "at most 4000") {
		t.Errorf("a selection that the brokers do not keep: %s", out)
	}
}

func TestAtMostSoManyAreSentOfAllClusters(t *testing.T) {
	here, there := newWorld(t), newWorld(t)
	var consumers []Consumer
	for _, w := range []*world{here, there} {
		w.fillBoth()
		consumers = append(consumers, consumerOf(w.cluster.ListenAddrs()[0], "shop", "payments"))
	}
	var out bytes.Buffer
	if code := Command(t.Context(), consumers, nil, []string{"redrive", "--execute", "--max", "4"}, &out, &out); code != 0 {
		t.Fatal(&out)
	}
	if a, b := len(here.read("payments")), len(there.read("payments")); a != 3 || b != 1 {
		t.Errorf("%d and %d were sent, want 3 and 1", a, b)
	}
}

func TestWhatWasDoneInOneClusterIsToldWhenAnotherFails(t *testing.T) {
	for _, name := range []string{"purge --all", "redrive"} {
		here, there := newWorld(t), newWorld(t)
		var consumers []Consumer
		for _, w := range []*world{here, there} {
			w.fillBoth()
			consumers = append(consumers, consumerOf(w.cluster.ListenAddrs()[0], "shop", "payments"))
		}
		there.cluster.Close()
		var out bytes.Buffer
		code := Command(t.Context(), consumers, nil, append(strings.Fields(name), "--execute", "--any-group"), &out, &out)
		if code != 1 || strings.Contains(out.String(), "dead letters 0") || !strings.Contains(out.String(), "dead letters 6: ") {
			t.Errorf("%s: %d, %s", name, code, &out)
		}
	}
}
