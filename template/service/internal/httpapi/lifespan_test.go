//go:build !jetstream && !rabbitmq && !share

package httpapi_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/httpapi"
	"github.com/ouroboros-forge/forge/template/service/internal/kafka"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
)

// received hands on what it handles.
type received chan string

func (r received) Handle(_ context.Context, m message.Of[Payment]) error {
	r <- m.Body.ID
	return nil
}

// application is a web service of somebody's own, in whose life the consumer
// loop has its place: it is started before the first request, and stopped after
// the last. kavari's documentation has this example.
type application struct {
	server    *httptest.Server
	publisher *publisher.Publisher
	stopLoop  context.CancelFunc
	loop      chan error
}

func start(t *testing.T, cfg config.Config, handled received) *application {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	registry := message.NewRegistry(envelope.JSON{}, envelope.NewRules())
	a := &application{publisher: kafka.NewPublisher(cfg.Source, cfg.Service, registry, log), loop: make(chan error, 1)}
	message.Register(registry, "payments", handled)
	consumer, err := kafka.NewConsumer(cfg.Source, registry, a.publisher, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	a.stopLoop = cancel
	go func() { a.loop <- consumer.Run(ctx) }()

	api := httpapi.New(cfg, log)
	httpapi.Post(api, "/payments", httpapi.EndpointFunc[Payment](func(ctx context.Context, r httpapi.Request[Payment]) error {
		return a.publisher.Publish(ctx, r.Body)
	}))
	a.server = httptest.NewServer(api)
	return a
}

func (a *application) stop(t *testing.T) {
	t.Helper()
	a.server.Close()
	a.stopLoop()
	if err := <-a.loop; err != nil {
		t.Errorf("the loop ended with %v", err)
	}
	if err := a.publisher.Close(10 * time.Second); err != nil {
		t.Errorf("the publisher ended with %v", err)
	}
}

func (a *application) post(t *testing.T, id string) {
	t.Helper()
	response, err := http.Post(a.server.URL+"/payments", "application/json", strings.NewReader(`{"id": "`+id+`", "amount": 1}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusAccepted {
		t.Fatalf("%s is answered with %s", id, response.Status)
	}
}

func await(t *testing.T, handled received, id string) {
	t.Helper()
	select {
	case got := <-handled:
		if got != id {
			t.Errorf("handled %s, want %s", got, id)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("%s was not handled", id)
	}
}

func TestAWebServiceStartsAndStopsTheConsumerLoop(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "payments"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	cfg, err := config.FromMap(map[string]string{
		"KAFKA_BOOTSTRAP_SERVERS": cluster.ListenAddrs()[0], "KAFKA_GROUP_ID": "payments",
		"KAFKA_FETCH_MAX_WAIT": "50ms", "KAFKA_HEARTBEAT_INTERVAL": "100ms",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	handled := make(received)
	for _, id := range []string{"p-1", "p-2"} { // in its second life it goes on where the first ended
		a := start(t, cfg, handled)
		a.post(t, id)
		await(t, handled, id)
		a.stop(t)
	}
	a := start(t, cfg, handled)
	a.post(t, "p-3")
	await(t, handled, "p-3") // not one of those before, which were committed
	a.stop(t)
}
