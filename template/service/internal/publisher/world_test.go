package publisher

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// transfer is the event of these tests.
type transfer struct {
	Number int    `json:"number"`
	Note   string `json:"note,omitempty"`
}

func (transfer) Topic() string       { return "transfers" }
func (transfer) Key() string         { return "acc-1" }
func (transfer) MessageType() string { return "MoneyTransferred" }

// fake is a transport that answers at once, or holds what it is given.
type fake struct {
	mu     sync.Mutex
	holds  bool
	held   []Outgoing
	offset int64
}

func (f *fake) Send(o Outgoing) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.holds {
		f.held = append(f.held, o)
		return
	}
	f.write(o)
}

func (f *fake) write(o Outgoing) {
	o.Partition, o.Offset = 3, f.offset
	f.offset++
	o.Done(nil)
}

func (f *fake) WithOutcome(err error) error { return message.Retry(err) }

func (f *fake) Ready(context.Context) error { return nil }

func (f *fake) Close() {
	for _, o := range f.take() {
		o.Done(message.Retry(ErrAbandoned))
	}
}

// hold makes it hold what it is given; release writes that.
func (f *fake) hold() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.holds = true
}

func (f *fake) release() {
	held := f.take()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.holds = false
	for _, o := range held {
		f.write(o)
	}
}

func (f *fake) take() []Outgoing {
	f.mu.Lock()
	defer f.mu.Unlock()
	held := f.held
	f.held = nil
	return held
}

// logBuffer is a log that many goroutines write.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(line)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newPublisher returns a publisher, its transport, and its log.
func newPublisher(t *testing.T) (*Publisher, *fake, *logBuffer) {
	t.Helper()
	f, log := new(fake), new(logBuffer)
	p := New(f, "tests", message.NewRegistry(envelope.JSON{}, envelope.NewRules()), slog.New(slog.NewTextHandler(log, nil)))
	p.Timeout, p.Overhead = time.Minute, 512
	return p, f, log
}

// setCapacity gives p room for so many bytes. It comes before the first event.
func (p *Publisher) setCapacity(bytes int64) {
	p.capacity, p.room = bytes, semaphore.NewWeighted(bytes)
}

// hasRoom reports whether n bytes more may be on their way.
func (p *Publisher) hasRoom(n int64) bool {
	if !p.room.TryAcquire(n) {
		return false
	}
	p.room.Release(n)
	return true
}

// fates gathers what becomes of events, by their numbers, in the order of the callbacks.
type fates struct {
	mu    sync.Mutex
	order []int
	errs  map[int]error
	last  message.Delivery
}

func newFates() *fates { return &fates{errs: map[int]error{}} }

func (f *fates) of(n int) func(message.Delivery, error) {
	return func(d message.Delivery, err error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.order = append(f.order, n)
		f.errs[n], f.last = err, d
	}
}

// check says whether each of the first n events had one call, as ok wants it.
func (f *fates) check(t *testing.T, n int, ok func(error) bool) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := slices.Sorted(slices.Values(f.order))
	for i := range n {
		if i >= len(seen) || seen[i] != i || !ok(f.errs[i]) {
			t.Fatalf("of %d events, these were called for: %v; number %d with %v", n, f.order, i, f.errs[i])
		}
	}
	if len(seen) != n {
		t.Errorf("%d calls, want %d", len(seen), n)
	}
}

func published(err error) bool { return err == nil }
