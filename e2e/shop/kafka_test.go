package shop

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// broker is the embedded one, in this process: what it has outlives the service.
type broker struct {
	t      *testing.T
	addr   string
	client *kgo.Client
	admin  *kadm.Client
}

func newBroker(t *testing.T) *broker {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	b := &broker{t: t, addr: cluster.ListenAddrs()[0]}
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

// send produces the orders and payments from number first on, up to number end.
func (b *broker) send(first, end int) {
	b.t.Helper()
	var all []*kgo.Record
	for i := first; i < end; i++ {
		customer := fmt.Sprintf("customer-%d", i%200)
		all = append(all,
			newRecord("orders", customer, "OrderCreated", orderID(i), fmt.Sprintf(`{"id":"A-%d","customer":%q,"cents":%d}`, i, customer, i+1)),
			newRecord("payments", customer, "PaymentCreated", paymentID(i), fmt.Sprintf(`{"id":"P-%d","orderId":"A-%d","cents":%d}`, i, i, i+1)))
	}
	if err := b.client.ProduceSync(b.t.Context(), all...).FirstErr(); err != nil {
		b.t.Fatal(err)
	}
}

func orderID(i int) string   { return fmt.Sprintf("order-%05d", i) }
func paymentID(i int) string { return fmt.Sprintf("payment-%05d", i) }

func newRecord(topic, key, messageType, id, body string) *kgo.Record {
	const envelope = `{"header":{"messageType":%[1]q,"schemaName":%[1]q,"schemaVersion":"1","messageId":%[2]q,"correlationId":%[2]q,"timestamp":%[3]q,"producer":"test"},"body":%[4]s}`
	value := fmt.Appendf(nil, envelope, messageType, id, time.Now().UTC().Format(time.RFC3339), body)
	return &kgo.Record{Topic: topic, Key: []byte(key), Value: value}
}

// awaitCommitted waits until the groups have committed all that is there.
func (b *broker) awaitCommitted(groups ...string) {
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

// deadLetters returns how many there are.
func (b *broker) deadLetters() (n int64) {
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

// accepted returns the ids of the events that are published, sorted, each once.
func (b *broker) accepted() []string {
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
			var value struct{ Header struct{ MessageID string } }
			if err := json.Unmarshal(r.Value, &value); err != nil {
				b.t.Fatal(err)
			}
			ids = append(ids, value.Header.MessageID)
			missing--
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
