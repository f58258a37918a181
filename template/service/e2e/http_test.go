package e2e

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/ouroboros-forge/forge/template/service/app/apptest"
)

// Whatever was answered with 202 is in its topic, also when the service is stopped
// in the middle of it.
func TestNothingAcceptedIsLost(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	settings := map[string]string{"KAFKA_BOOTSTRAP_SERVERS": startKafka(ctx, t), "KAFKA_GROUP_ID": "e2e-http"}
	settings["SCHEMA_REGISTRY_URL"] = registryURL(t) //forge:if avro
	s := apptest.Start(t, settings)
	var topic, body string
	for _, sample := range messages(t) {
		if posted, ok := sample.Posted(); ok && topic == "" && sample.Expect == "handled" {
			topic, body = sample.Topic, posted
		}
	}
	if topic == "" {
		t.Skip("dev/samples has no message that is handled")
	}
	before := written(ctx, t, settings["KAFKA_BOOTSTRAP_SERVERS"], topic)
	const senders, enough = 8, 500
	var accepted atomic.Int64
	reached := make(chan struct{})
	var g errgroup.Group
	for range senders {
		g.Go(func() error {
			for isAccepted(s.Web+"/"+topic, body) {
				if accepted.Add(1) == enough {
					close(reached)
				}
			}
			return nil
		})
	}
	select {
	case <-reached:
	case <-ctx.Done():
		t.Fatalf("%d of %d requests were accepted", accepted.Load(), enough)
	}
	s.Stop()
	_ = g.Wait()
	if there := written(ctx, t, settings["KAFKA_BOOTSTRAP_SERVERS"], topic) - before; there < accepted.Load() {
		t.Errorf("%d were accepted, %d are in the topic", accepted.Load(), there)
	}
}

func isAccepted(url, body string) bool {
	response, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(io.Discard, response.Body)
	return err == nil && response.StatusCode == http.StatusAccepted
}

// written returns how many messages a topic has.
func written(ctx context.Context, t *testing.T, broker, topic string) (n int64) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
	return n
}
