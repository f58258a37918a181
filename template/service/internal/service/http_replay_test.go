//go:build !rabbitmq

package service_test

import (
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/service/servicetest"
)

// Whatever was answered with 202 is in its topic, also when the service is
// stopped in the middle of it.
func TestHTTPLosesNothingAcceptedAtTheEnd(t *testing.T) {
	s := servicetest.Start(t, posting, nil)
	const senders, before = 8, 200
	var (
		all    sync.WaitGroup
		mu     sync.Mutex
		ids    = map[string]bool{}
		enough = make(chan struct{})
	)
	for range senders {
		all.Go(func() {
			for {
				got, err := post(s.Web, valid)
				if err != nil {
					return // it listens no more
				}
				if got.status != http.StatusAccepted {
					continue
				}
				mu.Lock()
				if ids[got.MessageID] = true; len(ids) == before {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	select {
	case <-enough:
	case <-t.Context().Done():
		t.Fatal("nothing is accepted")
	}
	s.Stop()
	all.Wait()
	second := servicetest.Start(t, posting, map[string]string{embedded.Address: s.Broker, groupID: "another"})
	awaitMetric(t, second, `consumer_events_total{class="",event="`+engine.Handled.String()+`",topic="opened"} `+strconv.Itoa(len(ids)))
}
