package kafka

import (
	"net"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

// frozen is a broker's network, which can be made to hang: connections are taken, and
// nothing is read from them.
type frozen struct {
	mu   sync.Mutex
	thaw chan struct{} // nil while it does not hang
}

func (f *frozen) freeze() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.thaw = make(chan struct{})
}

func (f *frozen) resume() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.thaw != nil {
		close(f.thaw)
	}
	f.thaw = nil
}

func (f *frozen) wait() {
	f.mu.Lock()
	thaw := f.thaw
	f.mu.Unlock()
	if thaw != nil {
		<-thaw
	}
}

type frozenListener struct {
	net.Listener
	*frozen
}

func (l frozenListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return frozenConn{c, l.frozen}, err
}

type frozenConn struct {
	net.Conn
	*frozen
}

func (c frozenConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.wait()
	return n, err
}

// startFreezable starts a broker that can be made to hang.
func startFreezable(t *testing.T) (*kfake.Cluster, *frozen) {
	t.Helper()
	f := new(frozen)
	c := startCluster(t, topicOf(1), kfake.ListenFn(func(network, address string) (net.Listener, error) {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), network, address)
		return frozenListener{l, f}, err
	}))
	t.Cleanup(f.resume)
	return c, f
}

// accepted are the connections that brokers took.
type accepted struct {
	net.Listener
	mu  sync.Mutex
	all []net.Conn
}

func (a *accepted) listen(network, address string) (_ net.Listener, err error) {
	a.Listener, err = net.Listen(network, address)
	return a, err
}

func (a *accepted) Accept() (net.Conn, error) {
	c, err := a.Listener.Accept()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, c)
	return c, err
}

// cut closes them.
func (a *accepted) cut() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.all {
		if c != nil {
			_ = c.Close()
		}
	}
	a.all = nil
}
