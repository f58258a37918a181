package kafka

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// transfer is the event of these tests.
type transfer struct {
	Account string `json:"account"`
	Number  int    `json:"number"`
	Note    string `json:"note,omitempty"`
}

func (transfer) Topic() string       { return "transfers" }
func (t transfer) Key() string       { return t.Account }
func (transfer) MessageType() string { return "MoneyTransferred" }

// receipt is an event of another topic, without a key.
type receipt struct{}

func (receipt) Topic() string       { return "receipts" }
func (receipt) Key() string         { return "" }
func (receipt) MessageType() string { return "MoneyReceived" }

// fates gathers what becomes of events.
type fates struct {
	mu   sync.Mutex
	seen map[int]int // calls for each number
	errs map[int]error
	last map[int]message.Delivery
}

func newFates() *fates {
	return &fates{seen: map[int]int{}, errs: map[int]error{}, last: map[int]message.Delivery{}}
}

func (f *fates) of(n int) func(message.Delivery, error) {
	return func(d message.Delivery, err error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.seen[n]++
		f.errs[n], f.last[n] = err, d
	}
}

func (f *fates) known() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.seen)
}

// check says whether each of the first n events had one call, as ok wants it.
func (f *fates) check(t *testing.T, n int, ok func(error) bool) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range n {
		if f.seen[i] != 1 || !ok(f.errs[i]) {
			t.Errorf("event %d had %d calls, the last with %v", i, f.seen[i], f.errs[i])
		}
	}
}

func published(err error) bool { return err == nil }

// bodyOf returns the event in a record.
func bodyOf(t *testing.T, r *kgo.Record) (e transfer) {
	t.Helper()
	envelope := struct{ Body *transfer }{&e}
	if err := json.Unmarshal(r.Value, &envelope); err != nil {
		t.Fatal(err)
	}
	return e
}

// inOrder says whether the records have the first n events, each once, and
// those of each key in their order.
func inOrder(t *testing.T, records []*kgo.Record, n int) {
	t.Helper()
	last, seen := map[string]int{}, map[int]bool{}
	for _, r := range records {
		e := bodyOf(t, r)
		if before, ok := last[e.Account]; ok && e.Number <= before {
			t.Errorf("of %s, number %d comes after %d", e.Account, e.Number, before)
		}
		if seen[e.Number] {
			t.Errorf("number %d is there twice", e.Number)
		}
		last[e.Account], seen[e.Number] = e.Number, true
	}
	if len(seen) != n {
		t.Errorf("%d events are there, want %d", len(seen), n)
	}
}

func TestPublishReturnsOnceTheBrokerAcknowledged(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(3, "transfers"))
	p := newPublisher(t, settings(t, cluster))
	arrived, release := hold(t, cluster)
	published := make(chan error, 1)
	go func() { published <- p.Publish(t.Context(), transfer{Account: "a"}) }()
	<-arrived
	select {
	case err := <-published:
		t.Fatalf("it returned %v before the broker answered", err)
	default:
	}
	release()
	if err := <-published; err != nil {
		t.Fatal(err)
	}
	r := readAll(t, cluster, "transfers", 1)[0]
	if string(r.Key) != "a" || bodyOf(t, r).Account != "a" || !strings.Contains(string(r.Value), `"producer":"tests"`) {
		t.Errorf("record %s: %s", r.Key, r.Value)
	}
}

func TestPublishAsyncCallsOnceForEveryEvent(t *testing.T) {
	t.Parallel()
	const n = 500
	cluster := startCluster(t, kfake.SeedTopics(3, "transfers"))
	p := newPublisher(t, settings(t, cluster))
	f := newFates()
	for i := range n {
		p.PublishAsync(t.Context(), transfer{Account: fmt.Sprint("a", i%7), Number: i}, f.of(i))
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.check(t, n, published)
	records := readAll(t, cluster, "transfers", n)
	inOrder(t, records, n)
	for _, r := range records {
		e := bodyOf(t, r)
		if d := f.last[e.Number]; d.Partition != r.Partition || d.Offset != r.Offset || d.Topic != "transfers" || d.Key != e.Account ||
			!strings.Contains(string(r.Value), d.MessageID) {
			t.Errorf("event %d is at %d@%d and is said to be %+v", e.Number, r.Partition, r.Offset, d)
		}
	}
}

func TestPublishAsyncCallsOnceForWhatFails(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "transfers"))
	p := newPublisher(t, settings(t, cluster))
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	f := newFates()
	for i := range 10 {
		p.PublishAsync(t.Context(), transfer{Account: "a", Number: i, Note: "nobody's business"}, f.of(i))
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	p.PublishAsync(cancelled, transfer{Number: 10}, f.of(10))
	f.check(t, 11, func(err error) bool {
		e, ok := errors.AsType[*message.PublishError](err)
		return ok && isRetry(err) && e.MessageID != "" && !strings.Contains(err.Error(), "business")
	})
	if e, _ := errors.AsType[*message.PublishError](f.errs[3]); e.Event.(transfer).Number != 3 || e.Key != "a" || !strings.Contains(e.Error(), "authorized") {
		t.Errorf("the error of event 3 is %v with %+v", e, e.Event)
	}
	if d := f.last[3]; d.Partition != -1 || d.Offset != -1 || d.MessageID == "" {
		t.Errorf("delivery of an event that was not published: %+v", d)
	}
}

// A refusal names no record, so the client gives up with it all that waits for the
// partition: none of them overtakes another, and each may be published again.
func TestARecordThatIsRefusedIsGivenUpWithItsCompanyAndAllMayComeAgain(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "transfers"))
	p := newPublisher(t, settings(t, cluster))
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.InvalidRecord, Count: -1, When: func(r kmsg.Request) bool {
		return bytes.Contains(r.(*kmsg.ProduceRequest).Topics[0].Partitions[0].Records, []byte("offence"))
	}})
	if err := p.Publish(t.Context(), transfer{Account: "a", Note: "the broker takes offence at this"}); !isRetry(err) || !errors.Is(err, message.ErrRefused) || !strings.Contains(err.Error(), "INVALID_RECORD") {
		t.Errorf("a refused event: %v", err)
	}
	_, release := hold(t, cluster)
	f := newFates()
	for i := range 20 {
		note := ""
		if i == 7 {
			note = "the broker takes offence at this"
		}
		p.PublishAsync(t.Context(), transfer{Account: "a", Number: i, Note: note}, f.of(i))
	}
	release()
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	errs, before := maps.Clone(f.errs), 0 // those that follow write there
	for errs[before] == nil {
		before++
	}
	for i := range 20 {
		switch {
		case i < before:
		case !isRetry(errs[i]), errors.Is(errs[i], message.ErrRefused): // which is not for those that are innocent
			t.Errorf("event %d, in company of one that failed: %v", i, errs[i])
		case i != 7:
			p.PublishAsync(t.Context(), transfer{Account: "a", Number: i}, f.of(100+i))
		}
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	inOrder(t, readAll(t, cluster, "transfers", 19), 19)
}

func TestATopicThatIsNotThereIsAnErrorSoon(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, settings(t, startCluster(t)))
	err := p.Publish(t.Context(), transfer{})
	if !isRetry(err) || !strings.Contains(err.Error(), `topic "transfers" or its partition does not exist`) || !strings.Contains(fmt.Sprintf("%.300s", err.Error()), "and dev and tests make it") { // as much of it as dev prints
		t.Errorf("error: %v, want what does not exist and how to declare it", err)
	}
	producerOf(p).registry.Publishes(transfer{})
	if err := p.Publish(t.Context(), transfer{}); err == nil || strings.Contains(err.Error(), "b.Publishes") {
		t.Errorf("error: %v, want none of what is done already", err)
	}
}
