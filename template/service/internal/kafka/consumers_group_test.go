package kafka

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
)

// held is a handler whose messages wait until they are let go.
type held struct {
	running atomic.Int32
	done    atomic.Int64
	release chan struct{}
}

func (h *held) Handle(context.Context, message.Of[payment]) error {
	h.running.Add(1)
	<-h.release
	h.running.Add(-1)
	h.done.Add(1)
	return nil
}

// Two consumers of one process have their own topics, groups and numbers of
// workers, are ready when both are, and drain side by side.
func TestTwoConsumersOfOneProcess(t *testing.T) {
	t.Parallel()
	const each = 10
	c := startCluster(t, kfake.SeedTopics(1, "payments", "audits"))
	cfg, err := config.FromMap(map[string]any{
		"bootstrap.servers": c.ListenAddrs(), "group.id": "shop",
		"kafka_fetch_max_wait": "50ms", "max_workers": each,
		"audit_max_workers": 1,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	auditing, err := cfg.Consumer("audit")
	if err != nil {
		t.Fatal(err)
	}
	publisher := newPublisher(t, any(cfg.Source).(config.Kafka))
	consumerOf := func(k config.Kafka, topic string) (*Consumer, *held) {
		h := &held{release: make(chan struct{})}
		registry := newRegistry()
		message.Register(registry, topic, h)
		consumer, err := NewConsumer(k, registry, publisher, quiet)
		if err != nil {
			t.Fatal(err)
		}
		return consumer, h
	}
	first, payments := consumerOf(any(cfg.Source).(config.Kafka), "payments")
	second, audits := consumerOf(any(auditing).(config.Kafka), "audits")

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return first.Run(ctx) })
	g.Go(func() error { return second.Run(ctx) })

	client := newClient(t, c)
	for i, value := range envelopes(t, 0, each) {
		for _, topic := range []string{"payments", "audits"} {
			record := &kgo.Record{Topic: topic, Key: fmt.Appendf(nil, "%d", i), Value: value}
			if err := client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, "as many payments run as there are workers", func() bool { return payments.running.Load() == each })
	eventually(t, "all audits are there", func() bool { return second.Stats().Records == each })
	eventually(t, "an audit runs", func() bool { return audits.running.Load() > 0 })
	if n := audits.running.Load(); n != 1 {
		t.Errorf("%d audits run at once, want one: it has one worker", n)
	}
	if code, body := ask(first, second, "/readyz"); code != http.StatusOK {
		t.Errorf("both consume, and /readyz says %d %s", code, body)
	}

	cancel()
	eventually(t, "both drain", func() bool { return drains(&running{Consumer: first}) && drains(&running{Consumer: second}) })
	if n, m := payments.running.Load(), audits.running.Load(); n != each || m != 1 {
		t.Errorf("%d payments and %d audits run while the consumers drain, want %d and 1", n, m, each)
	}
	close(payments.release)
	close(audits.release)
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for group, want := range map[string]map[string]int64{"shop": {"payments": each}, "shop-audit": {"audits": audits.done.Load()}} {
		got, err := kadm.NewClient(client).FetchOffsets(t.Context(), group)
		if err != nil {
			t.Fatal(err)
		}
		for topic, offset := range want {
			if o, ok := got.Lookup(topic, 0); !ok || o.At != offset || len(got) != 1 {
				t.Errorf("group %s committed %+v, want %s at %d alone", group, got, topic, offset)
			}
		}
	}
}

// ask returns what the service of two consumers answers to a probe.
func ask(first, second *Consumer, path string) (int, string) {
	server := ops.Server{Metrics: ops.NewMetrics()}
	server.Add(first, first.registry.Topics())
	server.Add(second, second.registry.Topics())
	handler, err := server.Handler()
	if err != nil {
		return 0, err.Error()
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}
