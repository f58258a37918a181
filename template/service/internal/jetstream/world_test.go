package jetstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
)

// broker is a NATS server behind a network that can be cut.
type broker struct {
	t        *testing.T
	options  server.Options
	listener net.Listener
	client   jetstream.JetStream // past the network
	deaf     atomic.Bool         // what the server says is lost
	mute     atomic.Bool         // what it is told

	mu     sync.Mutex
	server *server.Server
	away   bool
	conns  map[net.Conn]bool
}

func startBroker(t *testing.T, change ...func(*server.Options)) *broker {
	t.Helper()
	b := &broker{t: t, options: server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true}, conns: map[net.Conn]bool{}}
	for _, f := range change {
		f(&b.options)
	}
	b.start()
	t.Cleanup(b.stop)
	var err error
	if b.listener, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.listener.Close(); b.cut() })
	go b.serve()
	conn, err := nats.Connect(b.server.ClientURL(), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if b.client, err = jetstream.New(conn); err != nil {
		t.Fatal(err)
	}
	return b
}

// start starts the server, again with what it had.
func (b *broker) start() {
	b.t.Helper()
	s, err := server.NewServer(&b.options)
	if err != nil {
		b.t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		b.t.Fatal("no server")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.options.Port = s.Addr().(*net.TCPAddr).Port
	b.server = s
}

func (b *broker) stop() {
	b.mu.Lock()
	s := b.server
	b.mu.Unlock()
	s.Shutdown()
	s.WaitForShutdown()
}

func (b *broker) url() string { return "nats://" + b.listener.Addr().String() }

func (b *broker) serve() {
	for {
		in, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.mu.Lock()
		port := b.options.Port
		b.mu.Unlock()
		out, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		b.mu.Lock()
		if err != nil || b.away {
			_ = in.Close()
			if err == nil {
				_ = out.Close()
			}
			b.mu.Unlock()
			continue
		}
		b.conns[in], b.conns[out] = true, true
		b.mu.Unlock()
		go b.pipe(out, in, &b.mute)
		go b.pipe(in, out, &b.deaf)
	}
}

// pipe passes on what it reads, unless that is to be lost.
func (b *broker) pipe(to, from net.Conn, isLost *atomic.Bool) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err == nil && !isLost.Load() {
			_, err = to.Write(buffer[:n])
		}
		if err != nil {
			_ = to.Close()
			_ = from.Close()
			return
		}
	}
}

// cut closes all connections.
func (b *broker) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.conns {
		_ = c.Close()
	}
	clear(b.conns)
}

// leave takes the network away until it is back.
func (b *broker) leave(away bool) {
	b.mu.Lock()
	b.away = away
	b.mu.Unlock()
	if away {
		b.cut()
	}
}

// settings are those of a service at the broker.
func (b *broker) settings(change ...func(*config.JetStream)) config.JetStream {
	cfg := config.JetStream{
		URLs: []string{b.url()}, GroupID: "tests", Deliver: "all", Partitions: 3, Replicas: 1, AckWait: 3 * time.Second, Client: "tests",
		Engine: config.Engine{
			MaxWorkers: 16, Ordering: "key", MaxPollRecords: 4096, MaxBufferBytes: 1 << 28, ErrorPolicy: "dead-letter",
			RetryPolicy: "fixed", RetryMaxAttempts: 1, RetryDelay: 10 * time.Millisecond, RetryMaxDelay: 10 * time.Millisecond,
			CommitInterval: 50 * time.Millisecond, DrainTimeout: 5 * time.Second, HandlerTimeout: 20 * time.Second,
		},
		Publish: config.Publish{PublishRetryPolicy: "fixed", PublishRetryDelay: 10 * time.Millisecond, PublishRetryMaxDelay: 10 * time.Millisecond, PublishTimeout: 30 * time.Second},
	}
	for _, f := range change {
		f(&cfg)
	}
	return cfg
}

// payment is what the tests' handlers get, and what they publish.
type payment struct {
	N  int    `json:"n"`
	Of string `json:"of"`
}

func (payment) Topic() string       { return "payments" }
func (p payment) Key() string       { return p.Of }
func (payment) MessageType() string { return "PaymentReceived" }

func newRegistry() *message.Registry {
	return message.NewRegistry(envelope.JSON{}, envelope.NewRules())
}

var quiet = slog.New(slog.DiscardHandler)

func newTestPublisher(t *testing.T, cfg config.JetStream) *publisher.Publisher {
	t.Helper()
	registry := newRegistry()
	registry.Publishes(payment{})
	p := NewPublisher(cfg, "tests", registry, quiet)
	t.Cleanup(func() { _ = p.Close(0) })
	return p
}

// publish publishes payments to the broker, past the network: with the numbers
// in [from, to), of as many accounts.
func (b *broker) publish(from, to, accounts int) {
	b.t.Helper()
	cfg := b.settings()
	cfg.URLs = []string{b.server.ClientURL()}
	p := newTestPublisher(b.t, cfg)
	for n := from; n < to; n++ {
		p.PublishAsync(b.t.Context(), payment{N: n, Of: fmt.Sprint("account-", n%accounts)}, func(_ message.Delivery, err error) {
			if err != nil {
				b.t.Error(err)
			}
		})
	}
	if err := p.Flush(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// running is a consumer that runs until its test ends or stop is called.
type running struct {
	*Consumer
	stop   func() error
	log    *logBuffer
	mu     sync.Mutex
	events []engine.Event
}

func consume(t *testing.T, cfg config.JetStream, handle func(context.Context, message.Of[payment]) error) *running {
	t.Helper()
	registry, r := newRegistry(), &running{log: new(logBuffer)}
	message.Register(registry, "payments", message.TypedHandlerFunc[payment](handle))
	log := slog.New(slog.NewTextHandler(r.log, nil))
	publisher := newTestPublisher(t, cfg)
	c, err := NewConsumer(cfg, registry, publisher, log)
	if err != nil {
		t.Fatal(err)
	}
	r.Consumer = c
	c.Observe(func(e engine.Event) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.events = append(r.events, e)
	})
	ctx, cancel := context.WithCancel(t.Context())
	if err := registry.Startup(ctx); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- errors.Join(c.Run(ctx), registry.Shutdown(context.WithoutCancel(ctx))) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("at the end: %+v, ready: %v\n%s", r.Stats(), r.Ready(), r.log)
		}
		_ = r.stop()
	})
	return r
}

func (r *running) count(kind engine.EventKind) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

func (r *running) await(t *testing.T, kind engine.EventKind, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d %v", n, kind), func() bool { return r.count(kind) >= n })
}

// book notes what was handled, by key in the order of the handlers' ends.
type book struct {
	mu     sync.Mutex
	of     map[string][]int
	inside map[string]int // handlers of a key that run
	beside []string       // keys of which two ran
}

func newBook() *book { return &book{of: map[string][]int{}, inside: map[string]int{}} }

func (b *book) note(m message.Of[payment], work func()) {
	b.mu.Lock()
	if b.inside[m.Body.Of]++; b.inside[m.Body.Of] > 1 {
		b.beside = append(b.beside, m.Body.Of)
	}
	b.mu.Unlock()
	work()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inside[m.Body.Of]--
	b.of[m.Body.Of] = append(b.of[m.Body.Of], m.Body.N)
}

// firsts returns the numbers of a key without those that came again.
func (b *book) firsts(key string) (all []int) {
	for _, n := range b.of[key] {
		if !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return all
}

// distinct returns how many payments were handled.
func (b *book) distinct() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key := range b.of {
		n += len(b.firsts(key))
	}
	return n
}

// check reports what was lost, or handled for the first time behind a later one.
func (b *book) check(t *testing.T, total, accounts int) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for a := range accounts {
		key := fmt.Sprint("account-", a)
		var want []int
		for n := a; n < total; n += accounts {
			want = append(want, n)
		}
		if got := b.firsts(key); !slices.Equal(got, want) {
			t.Errorf("%s: handled %v, want %v", key, got, want)
		}
	}
	if len(b.beside) > 0 {
		t.Errorf("keys with two handlers at once: %v", b.beside)
	}
}

// pending returns how many messages the group has not acknowledged.
func (b *broker) pending(durables ...string) (n int) {
	for _, d := range durables {
		c, err := b.client.Consumer(b.t.Context(), "payments", d)
		if err != nil {
			return -1
		}
		n += c.CachedInfo().NumAckPending + int(c.CachedInfo().NumPending)
	}
	return n
}

var partitions = []string{"tests-0", "tests-1", "tests-2"}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

// logBuffer holds what was logged.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) has(words ...string) bool {
	for line := range strings.Lines(l.String()) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			return true
		}
	}
	return false
}
