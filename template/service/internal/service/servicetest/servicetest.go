// Package servicetest runs a service in a test as main.go runs it, on an
// embedded broker.
package servicetest

import (
	"context"
	"io"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/samples"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
)

const (
	brokers      = "KAFKA_BOOTSTRAP_SERVERS"
	readyTimeout = 2 * time.Second // on the embedded broker
	patience     = 30 * time.Second
)

// Service is a running service.
type Service struct {
	*samples.Journal // what became of its messages

	Broker   string // host:port; a service with it as KAFKA_BOOTSTRAP_SERVERS goes on where this one stopped
	Ops      string // http://host:port of /readyz and /metrics
	Registry string // URL of the Schema Registry //forge:if avro
	Web      string // http://host:port of what is taken over HTTP //forge:if http

	t    testing.TB
	end  context.CancelFunc
	done chan struct{} // closed when the service has ended
	err  error         // set before
}

// Start runs the service that build puts together until the test ends, or Stop.
// The settings go over all others. Unless they name a broker, there is an
// embedded one. All topics are created, consumed and published ones. A service
// that is not ready within 2 s (30 s on a named broker) ends the test with the answer of /readyz.
func Start[S any](t testing.TB, build service.Build[S], settings map[string]string) *Service {
	t.Helper()
	over := embedded.Settings("")
	maps.Copy(over, map[string]string{
		"KAFKA_GROUP_ID":           "test",
		"KAFKA_COMMIT_INTERVAL":    "50ms",
		"KAFKA_HEARTBEAT_INTERVAL": "100ms",
		"KAFKA_FETCH_MAX_WAIT":     "50ms",
		"OPS_ADDR":                 "127.0.0.1:0",
		"HTTP_ADDR":                "127.0.0.1:0", //forge:if http
		"LOG_LEVEL":                "warn",
	})
	maps.Copy(over, settings)
	timeout := patience
	if over[brokers] == "" {
		broker, err := embedded.Start(0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(broker.Close)
		over[brokers], timeout = broker.Addr, readyTimeout
	}
	if over["SCHEMA_REGISTRY_URL"] == "" { //forge:if avro
		registry, err := embedded.StartRegistry(0) //forge:if avro
		if err != nil {                            //forge:if avro
			t.Fatal(err) //forge:if avro
		} //forge:if avro
		t.Cleanup(registry.Close)                  //forge:if avro
		over["SCHEMA_REGISTRY_URL"] = registry.URL //forge:if avro
	} //forge:if avro
	s := &Service{Journal: samples.NewJournal(), Broker: over[brokers], t: t, done: make(chan struct{})}
	built, err := service.New(t.Context(), "test", build, service.Options{Over: over, Observe: s.Observe, Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	s.Ops = "http://" + built.OpsAddr()
	s.Registry = built.RegistryURL()     //forge:if avro
	s.Web = "http://" + built.HTTPAddr() //forge:if http
	if err := embedded.CreateTopics(t.Context(), s.Broker, append(built.Topics(), built.Published()...)...); err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, s.end = context.WithCancel(context.WithoutCancel(t.Context()))
	go func() {
		defer close(s.done)
		s.err = built.Run(ctx)
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

// Send produces messages in their order. Outcome then waits for each.
func (s *Service) Send(records ...*kgo.Record) {
	s.t.Helper()
	if err := embedded.Send(s.t.Context(), s.Broker, records...); err != nil {
		s.t.Fatal(err)
	}
}

// SendSamples produces sample messages and returns them as they were sent.
func (s *Service) SendSamples(all []samples.Sample) (sent []*kgo.Record) {
	s.t.Helper()
	all, err := samples.Encode(s.t.Context(), s.Registry, nil, all) //forge:if avro
	if err != nil {                                                 //forge:if avro
		s.t.Fatal(err) //forge:if avro
	} //forge:if avro
	sent = samples.Records(all)
	s.Send(sent...)
	return sent
}

// Outcome waits until a message that was sent was handled, is a dead letter, or
// was given up in another way, and returns that event. Its error says why.
func (s *Service) Outcome(sent *kgo.Record) engine.Event {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	e, err := s.Await(ctx, sent)
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

// Published waits for the first n messages of a topic, dead letters or what was
// published, and returns them.
func (s *Service) Published(topic string, n int) (all []*kgo.Record) {
	s.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Broker), kgo.ConsumeTopics(topic))
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	for len(all) < n && ctx.Err() == nil {
		all = append(all, client.PollFetches(ctx).Records()...)
	}
	if len(all) < n {
		s.t.Fatalf("%d messages in %s after %v, want %d", len(all), topic, patience, n)
	}
	return all[:n]
}
