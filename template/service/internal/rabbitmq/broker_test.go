package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caarlos0/env/v11"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
)

// The broker of the tests: that of RABBITMQ_URL, or one that the script RABBITMQ_SH, or
// forge's own where RabbitMQ is installed, starts for the first test that needs it, and
// stops. Without, such tests are skipped, or failed with E2E=require.
var (
	brokerURL    = sync.OnceValue(startBroker)
	brokerScript = os.Getenv("RABBITMQ_SH")
	brokerDir    string // of the broker that the script started
	brokerMust   = os.Getenv("E2E") == "require"
)

const noBroker = "RABBITMQ_URL has no URL of one, nor RABBITMQ_SH the script that starts one"

func TestMain(m *testing.M) {
	code := m.Run()
	if brokerDir != "" {
		_ = exec.Command(brokerScript, "stop", brokerDir).Run()
		_ = os.RemoveAll(filepath.Dir(brokerDir))
	}
	os.Exit(code)
}

func startBroker() string {
	if url := os.Getenv("RABBITMQ_URL"); url != "" {
		return url
	}
	if found := "../../../../e2e/rabbitmq/rabbitmq.sh"; brokerScript == "" && isThere(found) && (brokerMust || isThere("/usr/lib/rabbitmq")) {
		brokerScript = found
	}
	if brokerScript == "" {
		return ""
	}
	dir, err := os.MkdirTemp("", "rabbitmq")
	if err != nil {
		panic(err)
	}
	brokerDir = filepath.Join(dir, "broker")
	start := exec.Command(brokerScript, "start", brokerDir, strconv.Itoa(26000+rand.IntN(1000)*3))
	start.Stderr = os.Stderr
	out, err := start.Output()
	if err != nil {
		panic(fmt.Errorf("%s start: %w", brokerScript, err))
	}
	return strings.TrimSpace(string(out))
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// settings returns settings for the broker with queues of the test's own, and then what
// else is given as names and values.
func settings(t *testing.T, more ...string) config.RabbitMQ {
	t.Helper()
	switch {
	case brokerURL() != "":
	case brokerMust:
		t.Fatal(noBroker)
	default:
		t.Skip("NOT TESTED on a real RabbitMQ: " + noBroker + " (E2E=require makes this a failure)")
	}
	cfg := settingsWithout(t, append([]string{"RABBITMQ_URL", brokerURL(), "RABBITMQ_QUEUE_PREFIX", fmt.Sprintf("test-%x.", rand.Uint64())}, more...)...)
	t.Cleanup(func() { removeQueues(t, cfg) })
	return cfg
}

// settingsWithout returns settings for tests that need no broker.
func settingsWithout(t *testing.T, more ...string) config.RabbitMQ {
	t.Helper()
	variables := map[string]string{
		"COMMIT_INTERVAL": "20ms", "RETRY_DELAY": "1ms", "RETRY_MAX_DELAY": "10ms",
		"PUBLISH_RETRY_DELAY": "20ms", "PUBLISH_RETRY_MAX_DELAY": "100ms", "DRAIN_TIMEOUT": "5s",
	}
	for i := 0; i < len(more); i += 2 {
		variables[more[i]] = more[i+1]
	}
	var cfg config.RabbitMQ
	if err := env.ParseWithOptions(&cfg, env.Options{Environment: variables}); err != nil {
		t.Fatal(err)
	}
	cfg.GroupID = "tests"
	return cfg
}

func removeQueues(t *testing.T, cfg config.RabbitMQ) {
	t.Helper()
	cfg.URL = config.Secret(brokerURL())
	conn := connect(t, cfg)
	defer Disconnect(conn)
	for _, topic := range []string{"payments", "receipts"} {
		if ch, err := conn.Channel(); err == nil {
			_ = ch.ExchangeDelete(cfg.QueuePrefix+topic, false, false)
			_ = ch.Close()
		}
		single := cfg
		single.Partitions = 1
		names := []string{queueName(single, topic, 0), cfg.QueuePrefix + topic + ".dlq"}
		for p := range max(cfg.Partitions, 2) {
			several := cfg
			several.Partitions = 2
			names = append(names, queueName(several, topic, p))
		}
		for _, name := range names {
			ch, err := conn.Channel()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = ch.QueueDelete(name, false, false, false)
			_ = ch.Close()
		}
	}
}

func connect(t *testing.T, cfg config.RabbitMQ) *amqp.Connection {
	t.Helper()
	conn, err := Connect(context.Background(), cfg, "test")
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// payment is what the tests publish and consume.
type payment struct {
	Account string `json:"account"`
	N       int    `json:"n"`
}

func (payment) Topic() string       { return "payments" }
func (p payment) Key() string       { return p.Account }
func (payment) MessageType() string { return "PaymentMade" }

func newRegistry() *message.Registry {
	return message.NewRegistry(envelope.JSON{}, envelope.NewRules())
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func newPublisher(t *testing.T, cfg config.RabbitMQ) *publisher.Publisher {
	t.Helper()
	p := NewPublisher(cfg, "tests", newRegistry(), slog.New(slog.NewTextHandler(t.Output(), nil)))
	t.Cleanup(func() { _ = p.Close(time.Second) })
	return p
}

// whyNot returns why nothing can be published, as far as that is known.
func whyNot(p *publisher.Publisher) error {
	tr := p.Transport.(*transport)
	tr.begin()
	return tr.health.Why()
}

// running is a consumer of payments that runs.
type running struct {
	*Consumer
	publisher *publisher.Publisher
	stop      func() error

	mu     sync.Mutex
	events []engine.Event
}

// consume runs a consumer until the test ends.
func consume(t *testing.T, cfg config.RabbitMQ, handle func(context.Context, message.Of[payment]) error) *running {
	t.Helper()
	return consumeWith(t, cfg, NewPublisher(cfg, "tests", newRegistry(), slog.New(slog.NewTextHandler(t.Output(), nil))), handle)
}

// consumeWith runs a consumer whose dead letters are published by p.
func consumeWith(t *testing.T, cfg config.RabbitMQ, p *publisher.Publisher, handle func(context.Context, message.Of[payment]) error) *running {
	t.Helper()
	registry, log := newRegistry(), slog.New(slog.NewTextHandler(t.Output(), nil))
	message.Register(registry, "payments", message.TypedHandlerFunc[payment](handle))
	r := &running{publisher: p}
	var err error
	if r.Consumer, err = NewConsumer(cfg, registry, r.publisher, log); err != nil {
		t.Fatal(err)
	}
	r.Observe(func(e engine.Event) {
		m := *e.Message
		e.Message = &m
		r.mu.Lock()
		defer r.mu.Unlock()
		r.events = append(r.events, e)
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		err := <-ended
		_ = r.publisher.Close(time.Second)
		return err
	})
	t.Cleanup(func() { _ = r.stop() })
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

// eventually waits until something is so.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

func isReady(r *running) func() bool { return func() bool { return r.Ready() == nil } }

// publishAll publishes payments 0 to n-1, those of one account with one key.
func publishAll(t *testing.T, p *publisher.Publisher, n, accounts int) {
	t.Helper()
	var mu sync.Mutex
	var errs []error
	for i := range n {
		p.PublishAsync(t.Context(), payment{fmt.Sprintf("account-%d", i%accounts), i}, func(_ message.Delivery, err error) {
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(errs...); err != nil || len(errs) != n {
		t.Fatalf("%d of %d events called back: %v", len(errs), n, err)
	}
}

// waitingIn returns how many messages are in a queue, ready to be delivered.
func waitingIn(t *testing.T, cfg config.RabbitMQ, queue string) int {
	t.Helper()
	cfg.URL = config.Secret(brokerURL())
	conn := connect(t, cfg)
	defer Disconnect(conn)
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return q.Messages
}

// get takes the next message of a queue away.
func get(t *testing.T, cfg config.RabbitMQ, queue string) (d amqp.Delivery, ok bool) {
	t.Helper()
	cfg.URL = config.Secret(brokerURL())
	conn := connect(t, cfg)
	defer Disconnect(conn)
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	d, ok, err = ch.Get(queue, false)
	if err != nil {
		t.Fatal(err)
	}
	if ok {
		if err := d.Ack(false); err != nil {
			t.Fatal(err)
		}
	}
	return d, ok
}

// proxy stands between clients and the broker.
type proxy struct {
	listener net.Listener
	mu       sync.Mutex
	conns    map[net.Conn]struct{}
	away     bool
	hung     bool          // connections stay, and say nothing
	held     chan struct{} // what is sent waits until it is closed
	frozen   map[net.Conn]struct{}
	end      chan struct{}
}

// through returns the settings with a proxy before the broker.
func through(t *testing.T, cfg config.RabbitMQ) (config.RabbitMQ, *proxy) {
	t.Helper()
	u, err := url.Parse(brokerURL())
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, conns: map[net.Conn]struct{}{}, frozen: map[net.Conn]struct{}{}, end: make(chan struct{})}
	go p.serve(u.Host)
	t.Cleanup(func() { _ = l.Close(); close(p.end); p.cut() })
	u.Host = l.Addr().String()
	cfg.URL = config.Secret(u.String())
	return cfg, p
}

func (p *proxy) serve(broker string) {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		_ = client.(*net.TCPConn).SetReadBuffer(1 << 17) // so that a few messages fill it
		server, err := net.Dial("tcp", broker)
		p.mu.Lock()
		if err != nil || p.away {
			_ = client.Close()
			if err == nil {
				_ = server.Close()
			}
			p.mu.Unlock()
			continue
		}
		p.conns[client], p.conns[server] = struct{}{}, struct{}{}
		p.mu.Unlock()
		go p.pipe(client, server)
		go p.pipe(server, client)
	}
}

func (p *proxy) pipe(to, from net.Conn) {
	_, _ = io.Copy(gate{to, p}, from)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range []net.Conn{to, from} {
		delete(p.conns, c)
		_ = c.Close()
	}
}

// cut cuts all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

// setAway makes the broker unreachable, or reachable again.
func (p *proxy) setAway(away bool) {
	p.mu.Lock()
	p.away = away
	p.mu.Unlock()
	if away {
		p.cut()
	}
}

// gate drops what it is given while its proxy hangs, and keeps it while that holds it.
type gate struct {
	to    net.Conn
	proxy *proxy
}

func (g gate) Write(b []byte) (int, error) {
	g.proxy.mu.Lock()
	hung, held := g.proxy.hung, g.proxy.held
	_, frozen := g.proxy.frozen[g.to]
	g.proxy.mu.Unlock()
	if frozen {
		<-g.proxy.end
	}
	if held != nil {
		<-held
	}
	if hung {
		return len(b), nil
	}
	return g.to.Write(b)
}

// freeze reads no more from the connections that there are, and lets new ones pass.
func (p *proxy) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.Copy(p.frozen, p.conns)
}

func (p *proxy) hang() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hung = true
}

// hold makes what is sent wait until release is called.
func (p *proxy) hold() (release func()) {
	held := make(chan struct{})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = held
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.held = nil
		close(held)
	})
}
