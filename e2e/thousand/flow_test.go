// Package thousand sends a thousand messages to a service that forge wrote, and
// accounts for every one of them.
package thousand

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ouroboros-forge/forge/e2e/generated"
	"github.com/ouroboros-forge/forge/e2e/outside"
)

func TestMain(m *testing.M) { os.Exit(generated.Main(m)) }

func TestThousandMessagesOnEmbeddedBroker(t *testing.T) { thousandMessages(t, embedded) }
func TestThousandMessagesOnRealKafka(t *testing.T)      { thousandMessages(t, realKafka) }

// thousandMessages runs a service with three topics and proves of every message
// that it was handled or is a dead letter, and is committed; also when the
// service is told to end in the middle, and when it is killed there.
func thousandMessages(t *testing.T, broker func(*testing.T) string) {
	t.Helper()
	dir := generated.Project(t, generated.ThreeTopics)
	binary := filepath.Join(t.TempDir(), "service")
	generated.Do(t, dir, "go", "build", "-o", binary, ".")
	kinds := loadSamples(t, dir)
	k := dial(t, broker(t), outside.Topics(kinds))

	t.Run("each meets its fate", func(t *testing.T) {
		all := messages(t, kinds, "straight")
		s := start(t, dir, binary, k.broker)
		k.check(t, k.send(t, all))
		handled, dead := s.events("handled"), s.events("dead-letter")
		if handled != total-invalid-failing || dead != invalid+failing {
			t.Errorf("/metrics: %d handled and %d dead letters, want %d and %d", handled, dead, total-invalid-failing, invalid+failing)
		}
		s.terminate()
		once(t, all, s)
		if got := k.letters(t); got != invalid+failing {
			t.Errorf("%d dead letters, want %d", got, invalid+failing)
		}
	})

	// In the order of the partition nothing overtakes what is not done yet, so
	// that an orderly end leaves nothing that would come twice.
	t.Run("ended in the middle and started again", func(t *testing.T) {
		all := messages(t, kinds, "ended")
		before := k.letters(t)
		first := start(t, dir, binary, k.broker, "ORDERING=partition")
		sent := k.send(t, all[:total/2])
		first.awaitHandled(total / 10)
		sent = append(sent, k.send(t, all[total/2:])...)
		first.terminate()
		second := start(t, dir, binary, k.broker, "ORDERING=partition")
		k.check(t, sent)
		second.terminate()
		once(t, all, first, second)
		if got := k.letters(t) - before; got != invalid+failing {
			t.Errorf("%d dead letters, want %d", got, invalid+failing)
		}
	})

	t.Run("killed in the middle and started again", func(t *testing.T) {
		all := messages(t, kinds, "killed")
		first := start(t, dir, binary, k.broker)
		sent := k.send(t, all[:total/2])
		first.awaitHandled(total / 10)
		sent = append(sent, k.send(t, all[total/2:])...)
		first.kill()
		second := start(t, dir, binary, k.broker)
		k.check(t, sent)
		second.terminate()
		atLeastOnce(t, all, first, second)
		k.letters(t)
	})
}

// atLeastOnce fails unless the services together handled every message that
// expects it, and no other. It returns how often each was handled.
func atLeastOnce(t *testing.T, all []outside.Sample, services ...*service) map[string]int {
	t.Helper()
	handled := map[string]int{}
	for _, s := range services {
		for id, n := range s.handled {
			handled[id] += n
		}
	}
	for _, m := range all {
		if (handled[m.Name] > 0) != (m.Expect == outside.Handled) {
			t.Errorf("%s on %s expects to be %s, and was handled %d times", m.Name, m.Topic, m.Expect, handled[m.Name])
		}
	}
	twice := 0
	for _, n := range handled {
		twice += n - 1
	}
	t.Logf("%d messages handled by %d processes, %d times again", len(handled), len(services), twice)
	return handled
}

// once fails, besides, if a message was handled twice.
func once(t *testing.T, all []outside.Sample, services ...*service) {
	t.Helper()
	for id, n := range atLeastOnce(t, all, services...) {
		if n != 1 {
			t.Errorf("%s was handled %d times", id, n)
		}
	}
}
