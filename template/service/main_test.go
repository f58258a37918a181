package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/ouroboros-forge/forge/template/service/dev/samples"
	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

const (
	group      = "test"
	partitions = 6
	patience   = 30 * time.Second // nothing here takes a second
)

// Every sample is handled or a dead letter, as it expects, and committed; when
// the context ends the service drains and returns nil.
func TestSamplesMeetTheirFates(t *testing.T) {
	all := load(t)
	kafka := startKafka(t, 0, all)
	service := startService(t, kafka.ListenAddrs()[0])
	service.awaitReady(t, http.StatusOK)
	check(t, kafka.ListenAddrs()[0], all)
	service.stop(t)
}

// A service with a small heap is not collected all the time.
func TestHasRoomForGarbage(t *testing.T) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		t.Skip("GOGC or GOMEMLIMIT says otherwise")
	}
	service := startService(t, freeAddress(t))
	service.awaitReady(t, http.StatusServiceUnavailable) // it runs
	runtime.GC()
	goal := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}}
	metrics.Read(goal)
	if got := goal[0].Value.Uint64(); got < 64<<20 {
		t.Errorf("garbage is collected at %d bytes", got)
	}
	service.stop(t)
}

// What is committed stays done: a second run handles only what came after.
func TestRestartGoesOnWhereItStopped(t *testing.T) {
	all := load(t)
	kafka := startKafka(t, 0, all)
	address := kafka.ListenAddrs()[0]
	for range 2 {
		service := startService(t, address)
		check(t, address, all)
		service.stop(t)
	}
	client := dial(t, address)
	letters, err := client.DeadLetters(t.Context(), samples.Topics(all)...)
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for _, s := range all {
		if s.Expect == samples.DeadLetter {
			want += 2 // it was sent to each run
		}
	}
	if len(letters) != want {
		t.Errorf("%d dead letters, want %d: a message was handled again after it was committed", len(letters), want)
	}
}

// Kafka away at the start is nothing to die of: the service says that it is
// alive but not ready, and goes to work when Kafka comes.
func TestWaitsForKafka(t *testing.T) {
	all := load(t)
	_, port, _ := net.SplitHostPort(freeAddress(t))
	service := startService(t, "127.0.0.1:"+port)
	service.awaitReady(t, http.StatusServiceUnavailable)
	if code := service.get("/livez"); code != http.StatusOK {
		t.Errorf("/livez says %d while Kafka is away", code)
	}

	number, _ := strconv.Atoi(port)
	startKafka(t, number, all)
	service.awaitReady(t, http.StatusOK)
	check(t, "127.0.0.1:"+port, all)
	service.stop(t)
}

// Kafka going away later is the same: not ready meanwhile, then back to work.
func TestOutlivesKafka(t *testing.T) {
	all := load(t)
	_, port, _ := net.SplitHostPort(freeAddress(t))
	number, _ := strconv.Atoi(port)
	data := kfake.DataDir(t.TempDir())
	kafka := startKafka(t, number, all, data)
	service := startService(t, "127.0.0.1:"+port)
	check(t, "127.0.0.1:"+port, all)
	kafka.Close()
	service.awaitReady(t, http.StatusServiceUnavailable)

	startKafka(t, number, all, data)
	service.awaitReady(t, http.StatusOK)
	check(t, "127.0.0.1:"+port, all)
	service.stop(t)
}

// A service that is told to stop while Kafka is away stops.
func TestStopsWithoutKafka(t *testing.T) {
	service := startService(t, freeAddress(t))
	service.awaitReady(t, http.StatusServiceUnavailable)
	service.stop(t)
}

// Settings that cannot work are told before anything starts.
func TestRefusesBadSettings(t *testing.T) {
	t.Setenv("KAFKA_BOOTSTRAP_SERVERS", "no-port")
	t.Setenv("KAFKA_MAX_WORKERS", "none")
	_, err := settings("")
	if err == nil {
		t.Fatal("it started")
	}
	for _, name := range []string{"KAFKA_BOOTSTRAP_SERVERS", "KAFKA_MAX_WORKERS"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not name %s: %v", name, err)
		}
	}
}

// service is a run of main's wiring in this process.
type service struct {
	ops  string // http://host:port
	web  string // the same, of the web service //forge:if http
	end  context.CancelFunc
	done chan error
}

// testSettings are settings that make nobody wait, and none of the project's .env
// or of whoever runs the tests.
func testSettings(t *testing.T, broker string) config.Config {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, s := range config.Settings() {
		t.Setenv(s.Name, "")
	}
	registry := registryURL(t) //forge:if avro
	for name, value := range map[string]string{
		"KAFKA_BOOTSTRAP_SERVERS":  broker,
		"KAFKA_GROUP_ID":           group,
		"KAFKA_COMMIT_INTERVAL":    "50ms",
		"KAFKA_HEARTBEAT_INTERVAL": "100ms",
		"KAFKA_FETCH_MAX_WAIT":     "50ms",
		"KAFKA_METADATA_BACKOFF":   "20ms",
		"OPS_ADDR":                 freeAddress(t),
		"HTTP_ADDR":                freeAddress(t), //forge:if http
		"SCHEMA_REGISTRY_URL":      registry,       //forge:if avro
		"SCHEMA_REGISTRY_FORMAT":   schemaFormat,   //forge:if avro
		"LOG_LEVEL":                "error",
	} {
		t.Setenv(name, value)
	}
	cfg, err := settings("")
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// startService starts the service with settings that make nobody wait.
func startService(t *testing.T, broker string) *service {
	t.Helper()
	return startWith(t, testSettings(t, broker))
}

func startWith(t *testing.T, cfg config.Config) *service {
	t.Helper()
	ctx, end := context.WithCancel(context.Background())
	s := &service{ops: "http://" + cfg.Ops.Addr, end: end, done: make(chan error, 1)}
	s.web = "http://" + cfg.HTTP.Listen //forge:if http
	go func() { s.done <- run(ctx, cfg) }()
	t.Cleanup(end)
	return s
}

// stop ends the service as a signal does and fails unless it ends well.
func (s *service) stop(t *testing.T) {
	t.Helper()
	s.end()
	select {
	case err := <-s.done:
		if err != nil {
			t.Fatalf("it ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("it did not end")
	}
}

// awaitReady returns once /readyz answers with code.
func (s *service) awaitReady(t *testing.T, code int) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	late := time.After(patience)
	for s.get("/readyz") != code {
		select {
		case <-again.C:
		case err := <-s.done:
			t.Fatalf("it ended with %v", err)
		case <-late:
			t.Fatalf("/readyz never said %d", code)
		}
	}
}

// get returns the status code of a path, or 0 if nobody answers.
func (s *service) get(path string) int {
	response, err := http.Get(s.ops + path)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// check sends the samples and waits until each has met its fate.
func check(t *testing.T, broker string, all []samples.Sample) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	client := dial(t, broker)
	all = encoded(ctx, t, all) //forge:if avro
	sent, err := client.Send(ctx, all)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Check(ctx, group, sent); err != nil {
		t.Fatal(err)
	}
}

// startKafka starts an embedded broker with the samples' topics. Port 0 is any.
func startKafka(t *testing.T, port int, all []samples.Sample, options ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	options = append(options, kfake.NumBrokers(1), kfake.Ports(port), kfake.SeedTopics(partitions, samples.Topics(all)...))
	kafka, err := kfake.NewCluster(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	return kafka
}

func dial(t *testing.T, broker string) *samples.Client {
	t.Helper()
	client, err := samples.Dial(broker)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func load(t *testing.T) []samples.Sample {
	t.Helper()
	all, err := samples.Load()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// freeAddress returns a loopback address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
