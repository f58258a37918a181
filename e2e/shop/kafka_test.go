package shop

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// kafka is an embedded Kafka.
type kafka struct {
	t      *testing.T
	addr   string
	client *kgo.Client
	admin  *kadm.Client
}

func newKafka(t *testing.T) broker { return startKafka(t) }

func startKafka(t *testing.T, options ...kfake.Opt) *kafka {
	t.Helper()
	cluster, err := kfake.NewCluster(append(options, kfake.NumBrokers(1), kfake.DataDir(t.TempDir()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	b := &kafka{t: t, addr: cluster.ListenAddrs()[0]}
	if b.client, err = kgo.NewClient(kgo.SeedBrokers(b.addr)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.client.Close)
	b.admin = kadm.NewClient(b.client)
	if _, err := b.admin.CreateTopics(t.Context(), 6, 1, nil, "orders", "payments", "order-accepted"); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *kafka) address() string { return b.addr }

func (b *kafka) send(first, end int) {
	b.t.Helper()
	var all []*kgo.Record
	for m := range toSend(first, end) {
		all = append(all, &kgo.Record{Topic: m.topic, Key: []byte(m.key), Value: m.value})
	}
	if err := b.client.ProduceSync(b.t.Context(), all...).FirstErr(); err != nil {
		b.t.Fatal(err)
	}
}

func orderID(i int) string   { return fmt.Sprintf("order-%05d", i) }
func paymentID(i int) string { return fmt.Sprintf("payment-%05d", i) }

func (b *kafka) awaitDone(groups ...string) {
	b.t.Helper()
	await(b.t, func() (bool, string) {
		lags, err := b.admin.Lag(b.t.Context(), groups...)
		if err != nil {
			return false, err.Error()
		}
		for _, group := range groups {
			if n := lags[group].Lag.Total(); n != 0 || len(lags[group].Lag) == 0 {
				return false, fmt.Sprintf("%s is %d behind", group, n)
			}
		}
		return true, ""
	})
}

func (b *kafka) deadLetters() (n int64) {
	b.t.Helper()
	ends, err := b.admin.ListEndOffsets(b.t.Context(), "orders.dlq", "payments.dlq", "order-accepted.dlq")
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
	return n
}

func (b *kafka) accepted() []string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	ends, err := b.admin.ListEndOffsets(ctx, "order-accepted")
	if err != nil {
		b.t.Fatal(err)
	}
	missing := int64(0)
	ends.Each(func(o kadm.ListedOffset) { missing += o.Offset })
	reader, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.ConsumeTopics("order-accepted"))
	if err != nil {
		b.t.Fatal(err)
	}
	defer reader.Close()
	var ids []string
	for missing > 0 {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			b.t.Fatal(err)
		}
		for _, r := range fetches.Records() {
			ids = append(ids, messageID(b.t, r.Value))
			missing--
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// shareKafka is an embedded Kafka that is asked as share groups are. What it counts may
// have a message that is done until the next one is, so it is not waited for.
type shareKafka struct{ *kafka }

func newShareKafka(t *testing.T) broker {
	// A member that was killed is missed sooner than after 45 s.
	return shareKafka{startKafka(t, kfake.BrokerConfigs(map[string]string{"group.share.heartbeat.interval.ms": "1000", "group.share.session.timeout.ms": "6000"}))}
}

func (shareKafka) awaitDone(...string) {}
