package kafka

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// ledger handles transfers. A provider makes one for each message, as other
// frameworks' dependency injection does.
type ledger struct{ book *book }

// book is what all ledgers write to.
type book struct {
	mu      sync.Mutex
	entries map[string][]int
	made    int // ledgers
	closed  int
}

func (l ledger) Handle(_ context.Context, m message.Of[transfer]) error {
	l.book.mu.Lock()
	defer l.book.mu.Unlock()
	l.book.entries[m.Body.Account] = append(l.book.entries[m.Body.Account], m.Body.Number)
	return nil
}

func (l ledger) Close(_ context.Context, outcome error) error {
	l.book.mu.Lock()
	defer l.book.mu.Unlock()
	l.book.closed++
	return outcome
}

func (b *book) provide(context.Context) (message.Scope[transfer], error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.made++
	return ledger{b}, nil
}

// A message class with a topic and a partition key, published with a callback,
// and handled in the order of its aggregate by a handler that a provider makes:
// the example by which another framework introduces itself.
func TestKeyedMessagesWithADeliveryCallbackReachTheirHandlerInOrder(t *testing.T) {
	t.Parallel()
	const events = 60
	cluster := startCluster(t, kfake.SeedTopics(4, "transfers"))
	cfg := settings(t, cluster)
	p := newPublisher(t, cfg)
	f := newFates()
	for i := range events {
		p.PublishAsync(t.Context(), transfer{Account: fmt.Sprint("account-", i%3), Number: i}, f.of(i))
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.check(t, events, published)
	for i := 3; i < events; i++ {
		if before, d := f.last[i-3], f.last[i]; d.Partition != before.Partition || d.Offset <= before.Offset {
			t.Errorf("event %d is at %d@%d, the one before it of its account at %d@%d", i, d.Partition, d.Offset, before.Partition, before.Offset)
		}
	}

	b := &book{entries: map[string][]int{}}
	registry := newRegistry()
	message.Scoped(registry, "transfers", b.provide)
	r := consumeWith(t, cfg, quiet, registry) // started by the application …
	r.await(t, engine.Handled, events)
	if err := r.stop(); err != nil { // … and stopped with it
		t.Fatal(err)
	}
	for account, numbers := range b.entries {
		if !slices.IsSorted(numbers) || len(numbers) != events/3 {
			t.Errorf("%s has the entries %v", account, numbers)
		}
	}
	if b.made != events || b.closed != events {
		t.Errorf("%d handlers were made and %d closed for %d messages", b.made, b.closed, events)
	}
}
