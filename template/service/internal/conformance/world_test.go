package conformance_test

import (
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope/envelopetest"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

const patience = 60 * time.Second

// world is a broker with the topics of the subject, and what was sent to them.
type world struct {
	t       *testing.T
	broker  string
	address string // where the subject finds the broker: behind the line, if it can be cut
	line    *wire
	log     string
	suffix  string         // of topics and group: what is on a broker from other tests is none of ours
	sent    map[string]int // by key, how many
}

// newWorld starts a broker, or takes the one that CONFORMANCE_BROKER names. That is for one
// test after the other, as CONFORMANCE_LINE is.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, broker: os.Getenv("CONFORMANCE_BROKER"), log: filepath.Join(t.TempDir(), "handled"), sent: map[string]int{}}
	if w.broker == "" {
		t.Parallel()
		broker, stop, err := embedded.Start(0)
		if err != nil {
			t.Skip(err)
		}
		t.Cleanup(stop)
		w.broker = broker
	} else {
		w.suffix = "-" + strings.ToLower(rand.Text())
	}
	if err := embedded.CreateTopics(t.Context(), w.broker, "items"+w.suffix, "made"+w.suffix); err != nil {
		t.Fatal(err)
	}
	w.address = w.broker
	if at, to, ok := strings.Cut(os.Getenv("CONFORMANCE_LINE"), ","); ok {
		w.line = newWire(t, at, to)
		w.address = at
	} else if u, err := url.Parse(w.broker); err == nil && u.Host != "" { // the others tell their clients where they are
		w.line = newWire(t, "127.0.0.1:0", u.Host)
		u.Host = w.line.listener.Addr().String()
		w.address = u.String()
	}
	return w
}

// needsLine skips a test where the line cannot be cut.
func (w *world) needsLine() {
	if w.line == nil {
		w.t.Skip("the clients of this broker do not stay behind a proxy unless CONFORMANCE_LINE says how")
	}
}

// send sends one message for each of what is to be done, all of one key.
func (w *world) send(key string, all ...string) {
	w.t.Helper()
	var messages []*message.Message
	for _, do := range all {
		messages = append(messages, w.next(key, do))
	}
	w.sendAll(messages)
}

// sendMany sends n messages of many keys in turn.
func (w *world) sendMany(n int, do string) {
	w.t.Helper()
	var messages []*message.Message
	for i := range n {
		messages = append(messages, w.next(fmt.Sprintf("k%d", i%17), do))
	}
	w.sendAll(messages)
}

// next returns the next message of a key.
func (w *world) next(key, do string) *message.Message {
	n := w.sent[key]
	w.sent[key]++
	body := fmt.Sprintf(`{"key":%q,"n":%d,"do":%q}`, key, n, do)
	return &message.Message{Topic: "items" + w.suffix, Key: []byte(key), Value: []byte(envelopetest.Envelope("Item", fmt.Sprintf("%s-%d", key, n), body))}
}

func (w *world) sendAll(messages []*message.Message) {
	w.t.Helper()
	if err := embedded.Send(w.t.Context(), w.broker, messages...); err != nil {
		w.t.Fatal(err)
	}
}

// missing returns how many messages were not handled yet.
func (w *world) missing() int {
	seen, n := map[line]bool{}, 0
	for _, l := range w.handled() {
		seen[line{key: l.key, n: l.n}] = true
	}
	for _, sent := range w.sent {
		n += sent
	}
	return n - len(seen)
}

// disorder returns how many messages were handled for the first time after a later one
// of their key.
func disorder(all []line) (n int) {
	if !isOrdered {
		return 0
	}
	last := map[string]int{}
	seen := map[line]bool{}
	for _, l := range all {
		if place := (line{key: l.key, n: l.n}); !seen[place] {
			seen[place] = true
			if next, known := last[l.key]; known && l.n < next {
				n++
			}
			last[l.key] = max(last[l.key], l.n)
		}
	}
	return n
}

// expectAll waits until all is handled, and says what was lost or came out of order.
func (w *world) expectAll() {
	w.t.Helper()
	for late := time.Now().Add(patience); w.missing() > 0 && time.Now().Before(late); {
		time.Sleep(20 * time.Millisecond)
	}
	lost, wrong := w.missing(), disorder(w.handled())
	w.t.Logf("conformance: %s: lost %d, out of order %d", strings.TrimPrefix(w.t.Name(), "TestThe"), lost, wrong)
	if lost+wrong > 0 {
		w.t.Fatalf("lost %d, out of order %d", lost, wrong)
	}
}

// await waits until what is true.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for late := time.After(patience); !ok(); {
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("not true after %v: %s", patience, what)
		}
	}
}

// rounds is how often a service is killed, or a connection cut.
func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("CONFORMANCE_ROUNDS")); err == nil {
		return n
	}
	if testing.Short() {
		return 1
	}
	return 4
}

// wire is a line to the broker that can be cut.
type wire struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	conns map[net.Conn]bool
	away  bool
}

func newWire(t *testing.T, at, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: l, to: to, conns: map[net.Conn]bool{}}
	t.Cleanup(func() { _ = l.Close(); w.setAway(true) })
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			go w.pass(from)
		}
	}()
	return w
}

// pass joins a connection to one of the broker's, until either ends.
func (w *wire) pass(from net.Conn) {
	defer func() { _ = from.Close() }()
	to, err := net.Dial("tcp", w.to)
	if err != nil || !w.add(from, to) {
		return
	}
	defer func() { _ = to.Close() }()
	go func() { _, _ = io.Copy(to, from); _ = to.Close() }()
	_, _ = io.Copy(from, to)
}

func (w *wire) add(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range conns {
		w.conns[c] = true
	}
	return !w.away
}

// cut cuts all connections.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		_ = c.Close()
	}
	clear(w.conns)
}

// setAway has the broker away, or back.
func (w *wire) setAway(away bool) {
	w.mu.Lock()
	w.away = away
	w.mu.Unlock()
	w.cut()
}
