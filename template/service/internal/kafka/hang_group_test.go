package kafka

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// TestAnIdleServiceKnowsThatABrokerHangs: its client would say so after 24 s and more,
// and ready it was meanwhile.
func TestAnIdleServiceKnowsThatABrokerHangs(t *testing.T) {
	t.Parallel()
	c, network := startFreezable(t)
	r, log := consumeLogged(t, settings(t, c))
	eventually(t, "it consumes", func() bool { return r.Ready() == nil })
	network.freeze()
	began := time.Now()
	eventually(t, "not ready", func() bool { return r.Ready() != nil })
	if err, took := r.Ready(), time.Since(began); took > 10*time.Second || !strings.Contains(err.Error(), "broker 0 ("+c.ListenAddrs()[0]+") does not answer") {
		t.Errorf("after %v it is not ready because of %v", took, err)
	}
	for time.Since(began) < 15*time.Second { // between two attempts
		if r.Ready() == nil {
			t.Fatal("ready although nothing answers")
		}
		<-time.After(time.Millisecond)
	}
	network.resume()
	resumed := time.Now()
	eventually(t, "ready again", func() bool { return r.Ready() == nil })
	if took := time.Since(resumed); took > time.Second {
		t.Errorf("ready again after %v", took)
	}
	produce(t, c, 0, envelopes(t, 0, 1)...)
	r.await(t, engine.Handled, 1)
	for _, line := range []string{"level=WARN msg=\"not consuming, retrying\"", "level=INFO msg=\"consuming again\""} {
		if n := strings.Count(log.String(), line); n != 1 {
			t.Errorf("%d lines with %s, want 1:\n%s", n, line, log)
		}
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
}

// TestAStopWithABrokerThatHangs: it takes no longer than it has to, and says what of
// which partition could not be done, and whose fault that is.
func TestAStopWithABrokerThatHangs(t *testing.T) {
	t.Parallel()
	t.Run("nothing to commit", func(t *testing.T) {
		t.Parallel()
		c, network := startFreezable(t)
		r := consume(t, settings(t, c), succeed, "payments")
		eventually(t, "it consumes", func() bool { return r.Ready() == nil })
		network.freeze()
		began := time.Now()
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 2*closingTimeout {
			t.Errorf("it took %v", took)
		}
	})
	for drain, want := range map[string]string{"10s": "broker 0 (127.0.0.1:", "2s": "brokers at 127.0.0.1:"} {
		t.Run("a commit, "+drain, func(t *testing.T) {
			t.Parallel()
			c, network := startFreezable(t)
			log := new(logBuffer)
			runs, release := make(chan struct{}), make(chan struct{})
			cfg := settings(t, c, "DRAIN_TIMEOUT", drain, "COMMIT_INTERVAL", "1m")
			r := consumeLogging(t, cfg, slog.New(slog.NewTextHandler(log, nil)), func(context.Context, message.Of[payment]) error {
				close(runs)
				<-release
				return nil
			}, "payments")
			produce(t, c, 0, envelopes(t, 0, 1)...)
			<-runs
			network.freeze()
			close(release)
			r.await(t, engine.Handled, 1)
			began := time.Now()
			err := r.stop()
			if err == nil || !strings.Contains(err.Error(), "payments/0") || !strings.Contains(err.Error(), "the last commit was not confirmed") || !strings.Contains(err.Error(), want) {
				t.Errorf("it ended with %v, want the partition and %s", err, want)
			}
			if took := time.Since(began); took > r.cfg.DrainTimeout+closingTimeout+time.Second {
				t.Errorf("it took %v", took)
			}
			if log.line("all committed") != "" {
				t.Errorf("the log says that all is committed:\n%s", log)
			}
		})
	}
}

// TestASessionThatBeginsDoesNotHideABrokerThatHangs: one that leads partitions hangs,
// while the group's coordinator goes on.
func TestASessionThatBeginsDoesNotHideABrokerThatHangs(t *testing.T) {
	t.Parallel()
	log := new(logBuffer)
	h := newHealth(slog.New(slog.NewTextHandler(log, nil)))
	hanging := errors.New("broker 1 does not answer")
	h.enter(nil)
	h.probed(hanging)
	for range 2 { // sessions that its partitions end
		h.enter(errors.New("joining"))
		h.fail(errors.New("no leader"))
		h.enter(nil)
		if err := h.why(); !errors.Is(err, hanging) {
			t.Errorf("a session began, not ready because of %v", err)
		}
	}
	h.probed(nil)
	if err := h.why(); err != nil || strings.Count(log.String(), "consuming again") != 1 || strings.Count(log.String(), "not consuming") != 1 {
		t.Errorf("at the end not ready because of %v, the log is\n%s", err, log)
	}
}
