package kafka

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
)

// network lies between a publisher and its brokers.
type network struct {
	mu    sync.Mutex
	away  bool
	lose  int         // answers to produce requests to lose, with their connection
	last  bool        // whether the network goes away with them
	say   *kerr.Error // what they say, if they are not lost but changed
	then  *kerr.Error // what the one after that says, nil for what the broker says
	conns map[*wire]bool
}

// wire is one connection.
type wire struct {
	net.Conn
	network *network
	doomed  chan struct{} // closed when the next answer is to be lost
	once    sync.Once
	change  *kerr.Error // what the next answer is to say, under the network's lock
}

// publishing returns a broker with the topic transfers, a publisher, and the
// network between them.
func publishing(t *testing.T, partitions int32) (*kfake.Cluster, *publisher.Publisher, *network) {
	t.Helper()
	cluster := startCluster(t, kfake.SeedTopics(partitions, "transfers"))
	p := newPublisher(t, quick(t, cluster))
	return cluster, p, through(p)
}

// through puts a network before a publisher.
func through(p *publisher.Publisher) *network {
	n := &network{conns: map[*wire]bool{}}
	addOption(p, kgo.Dialer(n.dial))
	return n
}

func (n *network) dial(ctx context.Context, kind, address string) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.away {
		return nil, &net.OpError{Op: "dial", Net: kind, Err: syscall.ECONNREFUSED}
	}
	c, err := (&net.Dialer{}).DialContext(ctx, kind, address)
	if err != nil {
		return nil, err
	}
	w := &wire{Conn: c, network: n, doomed: make(chan struct{})}
	n.conns[w] = true
	return w, nil
}

// cut takes the network away, join gives it back.
func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.away = true
	for w := range n.conns {
		_ = w.Close()
	}
	clear(n.conns)
}

func (n *network) join() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.away = false
}

// loseAnswers loses the next answers to produce requests, one a connection, and
// the network with the first of them, if last.
func (n *network) loseAnswers(count int, last bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lose, n.last, n.say = count, last, nil
}

// changeAnswer makes the next answer to a produce request say that it failed. The
// broker did what it was asked for.
func (n *network) changeAnswer(say *kerr.Error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lose, n.say = 1, say
}

// changed reports whether it did.
func (n *network) changed() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lose == 0 && n.say == nil
}

func (n *network) lostAll() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lose == 0
}

func (w *wire) Write(b []byte) (int, error) {
	w.network.mu.Lock()
	if len(b) > 6 && binary.BigEndian.Uint16(b[4:]) == produceKey && w.network.lose > 0 {
		w.network.lose--
		if w.network.say != nil {
			w.change = w.network.say
		} else {
			w.once.Do(func() { close(w.doomed) })
		}
	}
	w.network.mu.Unlock()
	return w.Conn.Write(b)
}

func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	select {
	case <-w.doomed: // the broker has done what it was asked for
		w.network.mu.Lock()
		last := w.network.last
		w.network.mu.Unlock()
		if last {
			w.network.cut()
		}
		_ = w.Close()
		return 0, io.EOF
	default:
		w.alter(b[:n])
		return n, err
	}
}

// alter makes the answer to a produce request say what it is to say.
func (w *wire) alter(answer []byte) {
	w.network.mu.Lock()
	defer w.network.mu.Unlock()
	topic := transfer{}.Topic()
	at := bytes.Index(answer, []byte(topic))
	if w.change == nil || at < 0 {
		return
	}
	// After the topic come the number of partitions, the partition, and what
	// became of it.
	binary.BigEndian.PutUint16(answer[at+len(topic)+1+4:], uint16(w.change.Code))
	w.change, w.network.say = nil, nil
	if then := w.network.then; then != nil {
		w.network.lose, w.network.say, w.network.then = 1, then, nil
	}
}
