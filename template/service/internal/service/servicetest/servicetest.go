// Package servicetest runs a service in a test as main.go runs it, on an
// embedded broker.
package servicetest

import (
	"context"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
)

const (
	readyTimeout = 2 * time.Second // on the embedded broker
	patience     = 30 * time.Second
)

// Service is a running service.
type Service struct {
	Broker   string // host:port; a service with it as embedded.Address goes on where this one stopped
	Ops      string // http://host:port of /readyz and /metrics
	Registry string // URL of the Schema Registry //forge:if avro
	Web      string // http://host:port of what is taken over HTTP //forge:if http

	t       testing.TB
	service *service.Service
	end     context.CancelFunc
	done    chan struct{} // closed when the service has ended
	err     error         // set before

	mu      sync.Mutex
	events  map[place]engine.Event // the last of each message
	changed chan struct{}          // closed at the next event
}

// Start runs the service that build puts together until the test ends, or Stop.
// The settings go over all others. Unless they name a broker, there is an
// embedded one. All topics are created, consumed and published ones. A service
// that is not ready within 2 s (30 s on a named broker) ends the test with the
// answer of /readyz.
func Start[S any](t testing.TB, build service.Build[S], settings map[string]string) *Service {
	t.Helper()
	over := embedded.Settings("", "test")
	over["HTTP_ADDR"] = "127.0.0.1:0" //forge:if http
	maps.Copy(over, settings)
	timeout := patience
	if over[embedded.Address] == "" {
		broker, stop, err := embedded.Start(0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
		over[embedded.Address], timeout = broker, readyTimeout
	}
	if over["SCHEMA_REGISTRY_URL"] == "" { //forge:if avro
		registry, err := embedded.StartRegistry(0) //forge:if avro
		if err != nil {                            //forge:if avro
			t.Fatal(err) //forge:if avro
		} //forge:if avro
		t.Cleanup(registry.Close)                  //forge:if avro
		over["SCHEMA_REGISTRY_URL"] = registry.URL //forge:if avro
	} //forge:if avro
	s := &Service{Broker: over[embedded.Address], t: t, done: make(chan struct{}), events: make(map[place]engine.Event), changed: make(chan struct{})}
	var err error
	s.service, err = service.New(t.Context(), "test", build, service.Options{Over: over, Observe: s.observe, Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	s.Ops = "http://" + s.service.OpsAddr()
	s.Registry = s.service.RegistryURL()     //forge:if avro
	s.Web = "http://" + s.service.HTTPAddr() //forge:if http
	if err := embedded.CreateTopics(t.Context(), s.Broker, slices.Concat(s.service.Topics(), s.service.Published())...); err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, s.end = context.WithCancel(context.WithoutCancel(t.Context()))
	go func() {
		defer close(s.done)
		s.err = s.service.Run(ctx)
	}()
	t.Cleanup(s.Stop)
	s.awaitReady(timeout)
	return s
}

// Stop ends the service as SIGTERM does. It is an error of the test when the
// service does not end in order.
func (s *Service) Stop() {
	s.t.Helper()
	s.end()
	select {
	case <-s.done:
		if s.err != nil {
			s.t.Errorf("the service ended with: %v", s.err)
			s.err = nil // said
		}
	case <-time.After(patience):
		s.t.Fatalf("the service did not end within %v", patience)
	}
}

func (s *Service) awaitReady(timeout time.Duration) {
	s.t.Helper()
	late := time.After(timeout)
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		code, body := s.Get("/readyz")
		if code == http.StatusOK {
			return
		}
		select {
		case <-again.C:
		case <-s.done:
			s.t.FailNow() // Stop says why
		case <-late:
			s.t.Fatalf("the service is not ready after %v: /readyz says: %s", timeout, body)
		}
	}
}

// Get returns the status and the body of a path of the service's ops server.
func (s *Service) Get(path string) (int, string) {
	response, err := http.Get(s.Ops + path) //nolint:noctx // it answers in time
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(body)
}
