package kafka

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// transact writes messages to partition 0 of payments in one transaction.
func transact(t *testing.T, c *kfake.Cluster, id string, commit kgo.TransactionEndTry, values ...[]byte) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.TransactionalID(id))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		client.Produce(t.Context(), &kgo.Record{Topic: "payments", Value: v}, nil)
	}
	if err := errors.Join(client.Flush(t.Context()), client.EndTransaction(t.Context(), commit)); err != nil {
		t.Fatal(err)
	}
}

func TestMessagesOfAbortedTransactionsAreHandledOnlyIfTheyAreToBe(t *testing.T) {
	t.Parallel()
	for level, want := range map[string]string{"read_uncommitted": "[0 1 2 3 4 5 6]", "read_committed": "[0 3 4 5 6]"} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t, topicOf(1))
			values := envelopes(t, 0, 7)
			produce(t, c, 0, values[:1]...)
			transact(t, c, "aborts", kgo.TryAbort, values[1:3]...)
			transact(t, c, "commits", kgo.TryCommit, values[3:5]...)
			produce(t, c, 0, values[5:]...)
			var got []int
			cfg := settings(t, c, "KAFKA_ISOLATION_LEVEL", level, "ORDERING", "partition")
			r := consume(t, cfg, func(_ context.Context, m message.Of[payment]) error {
				got = append(got, m.Body.N)
				if m.Body.N == 6 {
					return message.Permanent(errors.New("the last one"))
				}
				return nil
			}, "payments")
			r.await(t, engine.DeadLettered, 1)
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(got) != want {
				t.Errorf("handled %v, want %s", got, want)
			}
			if at := committed(t, c, 0); at != 9 { // two markers lie between
				t.Errorf("committed %d, want 9", at)
			}
		})
	}
}
