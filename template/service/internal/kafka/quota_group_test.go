package kafka

import (
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
)

// A broker that answers no fetch for longer than a session keeps no heartbeat from it:
// the member is in its group when fetches are answered again.
func TestAFetchThatHangsDelaysNoHeartbeat(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1), kfake.BrokerConfigs(map[string]string{"group.min.session.timeout.ms": "1000"}))
	r := consume(t, settings(t, c, "KAFKA_SESSION_TIMEOUT", "2s", "KAFKA_HEARTBEAT_INTERVAL", "200ms"), succeed, "payments")
	produce(t, c, 0, envelopes(t, 0, 1)...)
	r.await(t, engine.Handled, 1)
	first := r.session.Load()
	var once sync.Once
	hangs, answer := make(chan struct{}), make(chan struct{})
	c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		once.Do(func() {
			close(hangs)
			c.SleepControl(func() { <-answer })
		})
		return nil, nil, false
	})
	<-hangs
	time.AfterFunc(5*time.Second, func() { close(answer) }) // more than two sessions
	<-answer
	produce(t, c, 0, envelopes(t, 1, 2)...)
	r.await(t, engine.Handled, 2)
	if r.session.Load() != first {
		t.Error("the session ended")
	}
}

// A quota below one batch lets nothing through. The service says so, and by which
// setting the quota is found, until messages come.
func TestAQuotaThatLetsNothingThroughIsNotReady(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	var throttled atomic.Bool
	throttled.Store(true)
	c.ControlKey(int16(kmsg.Fetch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		response := kreq.ResponseKind().(*kmsg.FetchResponse)
		response.ThrottleMillis = 200
		return response, nil, throttled.Load()
	})
	produce(t, c, 0, envelopes(t, 0, 1)...)
	var log logBuffer
	r := consumeLogging(t, settings(t, c), slog.New(slog.NewTextHandler(&log, nil)), succeed, "payments")
	said := map[string]bool{} // it says for how long
	eventually(t, "not ready, and why", func() bool {
		if err := r.Ready(); err != nil && strings.Contains(err.Error(), "KAFKA_CLIENT_ID") {
			said[err.Error()] = true
		}
		return len(said) == 2
	})
	if n := strings.Count(log.String(), "throttle KAFKA_CLIENT_ID"); n > 1 {
		t.Errorf("the log says it %d times:\n%s", n, &log)
	}
	throttled.Store(false)
	r.await(t, engine.Handled, 1)
	eventually(t, "ready", func() bool { return r.Ready() == nil })
}
