package kafka

import (
	"bytes"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// stopsWithin stops a consumer and expects that nobody has to kill it.
func stopsWithin(t *testing.T, r *running, d time.Duration) {
	t.Helper()
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	select {
	case err := <-stopped:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(d):
		t.Errorf("it has not stopped within %v", d)
	}
}

// TestAStopIsHeardWhileABrokerDoesNotAnswer: a broker that takes a connection and
// says nothing held a stop up for 65 s, and one that hangs later as long as
// KAFKA_READ_TIMEOUT.
func TestAStopIsHeardWhileABrokerDoesNotAnswer(t *testing.T) {
	t.Parallel()
	t.Run("connecting", func(t *testing.T) {
		t.Parallel()
		address, asked := mute(t)
		r := consume(t, settings(t, nil, "KAFKA_BOOTSTRAP_SERVERS", address), succeed, "payments")
		<-asked
		stopsWithin(t, r, time.Second)
	})
	for request, wait := range map[kmsg.Key]time.Duration{createTopicsKey: time.Second, kmsg.JoinGroup: closingTimeout + time.Second} {
		t.Run(request.Name(), func(t *testing.T) {
			t.Parallel()
			c := startCluster(t, topicOf(1))
			var once sync.Once
			asked, release := make(chan struct{}), make(chan struct{})
			c.ControlKey(int16(request), func(kmsg.Request) (kmsg.Response, error, bool) {
				once.Do(func() { close(asked) })
				c.SleepControl(func() { <-release })
				return nil, nil, false
			})
			r := consume(t, settings(t, c), succeed, "payments")
			t.Cleanup(func() { close(release) })
			<-asked
			stopsWithin(t, r, wait)
		})
	}
}

// mute listens like a broker that hangs, and tells of the first question of franz-go's.
func mute(t *testing.T) (address string, asked <-chan struct{}) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	first := make(chan struct{})
	once := sync.OnceFunc(func() { close(first) })
	go func() {
		var conns []net.Conn // that are held until the listener closes
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			conns = append(conns, c)
			go func() {
				question := make([]byte, 1024)
				if n, _ := c.Read(question); bytes.Contains(question[:n], []byte("kgo")) {
					once()
				}
			}()
		}
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	return l.Addr().String(), first
}

// TestThePublisherClosesWhileABrokerDoesNotAnswer: its dial knows no context
// either, but nobody waits for it any more.
func TestThePublisherClosesWhileABrokerDoesNotAnswer(t *testing.T) {
	t.Parallel()
	address, asked := mute(t)
	p := unclosed(settings(t, nil, "KAFKA_BOOTSTRAP_SERVERS", address, "DRAIN_TIMEOUT", "100ms"))
	p.PublishAsync(t.Context(), territoryCreated{1}, nil)
	<-asked
	closed := make(chan error, 1)
	go func() { closed <- p.Close(producerOf(p).cfg.DrainTimeout) }()
	select {
	case err := <-closed:
		if err == nil {
			t.Error("closed without a word of the event that was not published")
		}
	case <-time.After(2 * closingTimeout):
		t.Error("Close waits for the dial")
	}
}
