//go:build http

package e2e

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/dev/samples"
	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/httpapi"
	"github.com/ouroboros-forge/forge/template/service/web"
)

const (
	senders  = 8
	accepted = 500 // before SIGTERM
)

// Whatever the binary answered with 202 is in its topic, also when a SIGTERM
// comes in the middle of it; and the service handles it.
func TestNothingAcceptedIsLost(t *testing.T) {
	path, sample := postable(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	broker := startKafka(ctx, t)
	loaded, err := samples.Load()
	if err != nil {
		t.Fatal(err)
	}
	if err := dial(t, broker).CreateTopics(ctx, partitions, samples.Topics(loaded)...); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	settings := []string{"KAFKA_BOOTSTRAP_SERVERS=" + broker, "KAFKA_GROUP_ID=" + group, "HTTP_ADDR=" + address}
	settings = append(settings, "SCHEMA_REGISTRY_URL="+registryURL(t)) //forge:if avro
	binary := build(t)
	first := start(ctx, t, binary, settings...)

	body, _ := sample.Posted()
	counts, enough := make(chan int, senders), make(chan struct{})
	var reached sync.WaitGroup
	reached.Add(accepted)
	go func() { reached.Wait(); close(enough) }()
	left := make(chan struct{}, accepted)
	for range accepted {
		left <- struct{}{}
	}
	for range senders {
		go func() {
			n := 0
			for postTo("http://"+address+path, body) {
				n++
				select {
				case <-left:
					reached.Done()
				default:
				}
			}
			counts <- n
		}()
	}
	select {
	case <-enough:
	case <-ctx.Done():
		t.Fatalf("%d requests were not accepted", accepted)
	}
	if code := first.terminate(t); code != 0 {
		t.Fatalf("exit code %d after SIGTERM under load", code)
	}
	total := 0
	for range senders {
		total += <-counts
	}
	there := written(ctx, t, broker, sample.Topic)
	t.Logf("%d were accepted, %d are in the topic", total, there)
	if there < total {
		t.Errorf("%d of %d that were accepted are not in the topic", total-there, total)
	}

	second := start(ctx, t, binary, settings...)
	if !postTo("http://"+address+path, body) {
		t.Error("the next run accepts nothing")
	}
	if code := second.terminate(t); code != 0 {
		t.Fatalf("exit code %d after SIGTERM", code)
	}
}

// postable returns a path and a sample that it takes.
func postable(t *testing.T) (string, samples.Sample) {
	t.Helper()
	all, err := samples.Load()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	api := httpapi.New(config.Config{}, log)
	web.Register(api, web.Deps{Log: log})
	for _, op := range api.Operations() {
		for _, s := range all {
			if _, ok := s.Posted(); ok && s.Topic == op.Topic && s.Expect == samples.Handled {
				return op.Path, s
			}
		}
	}
	t.Skip("no path in web/ takes a sample of dev/samples")
	return "", samples.Sample{}
}

// postTo posts a body and reports whether it was accepted.
func postTo(url, body string) bool {
	response, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(io.Discard, response.Body)
	return err == nil && response.StatusCode == http.StatusAccepted
}

// written returns how many messages a topic has.
func written(ctx context.Context, t *testing.T, broker, topic string) int {
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
	n := 0
	ends.Each(func(o kadm.ListedOffset) { n += int(o.Offset) })
	return n
}
