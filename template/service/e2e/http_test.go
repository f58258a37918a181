//go:build !rabbitmq

package e2e

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ouroboros-forge/forge/template/service/app/apptest"
)

// Whatever was answered with 202 is in its topic, which keeps it, also when the service is stopped
// in the middle of it.
func TestNothingAcceptedIsLost(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	settings := startBroker(ctx, t)
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
	before := written(ctx, t, settings, topic)
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
	if there := written(ctx, t, settings, topic) - before; there < accepted.Load() {
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
