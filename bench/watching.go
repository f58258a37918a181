package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// What being watched costs: the service without metrics and health, as it is, and with
// spans of one message in a hundred.
const (
	unwatched = "forge-unwatched"
	watched   = "forge-watched"
	traced    = "forge-traced"
)

// watching compares throughput, in rounds that begin with another one each time.
func (b *bench) watching(ctx context.Context) error {
	name, err := b.fill(ctx, topic{b.messages, 1_000, 6})
	if err != nil {
		return err
	}
	jobs, err := b.watchedJobs(ctx, name)
	if err != nil {
		return err
	}
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer collector.Close()
	jobs[2].env = []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL, "OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.01"}
	rounds := map[string][]figures{}
	for round := range 5 * b.rounds { // a percent is less than one run differs from the next
		for i := range jobs {
			j := jobs[(round+i)%len(jobs)]
			f, err := b.runWatched(ctx, j)
			if err != nil {
				return err
			}
			rounds[j.name] = append(rounds[j.name], f)
		}
	}
	t := newTable("trivial handler", "messages/s", "CPU us/message", "compared with", "rate", "in half of the rounds", "CPU", "in half of the rounds")
	for _, of := range []struct{ title, name, other, against string }{
		{"without metrics and health", unwatched, "", ""},
		{"with them, asked for each second", watched, unwatched, "without"},
		{"`--with otel` beside that, 1 % sampled", traced, watched, "no tracing"},
	} {
		v := median(rounds[of.name])
		cells := []string{of.title, thousands(v.rate), fmt.Sprintf("%.2f", v.cpu), of.against, "", "", "", ""}
		if others := rounds[of.other]; others != nil {
			cells[4], cells[5] = ratios(rounds[of.name], others, func(f figures) float64 { return f.rate })
			cells[6], cells[7] = ratios(rounds[of.name], others, func(f figures) float64 { return f.cpu })
		}
		t.add(cells...)
	}
	return b.publish("watching", t.String()+fmt.Sprintf("\n%d rounds.", 5*b.rounds)+b.weather())
}

// watchedJobs builds the services that are compared.
func (b *bench) watchedJobs(ctx context.Context, topic string) ([]job, error) {
	project, err := renderService(ctx, filepath.Join(b.dir, "unwatched"))
	if err != nil {
		return nil, err
	}
	file := filepath.Join(project, "internal", "service", "service.go")
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	const adds = "\t\ts.ops.Add(made, c.registry.Topics())\n"
	if strings.Count(string(text), adds) != 1 {
		return nil, fmt.Errorf("%s does not have %q once", file, adds)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), adds, "", 1)), 0o600); err != nil {
		return nil, err
	}
	without, err := compile(ctx, project, ".")
	if err != nil {
		return nil, err
	}
	otel, _, err := buildService(ctx, filepath.Join(b.dir, "otel"), "--with", "otel")
	return []job{
		{name: unwatched, topic: topic, messages: b.messages, binary: without},
		{name: watched, topic: topic, messages: b.messages, binary: b.service},
		{name: traced, topic: topic, messages: b.messages, binary: otel},
	}, err
}

// runWatched runs a job while its metrics and its health, if it has them, are asked for
// each second, as by a Prometheus in a hurry.
func (b *bench) runWatched(ctx context.Context, j job) (figures, error) {
	if j.name == unwatched {
		return b.run(ctx, j)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return figures{}, err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return figures{}, err
	}
	asking, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		for each := time.NewTicker(time.Second); asking.Err() == nil; <-each.C {
			for _, path := range []string{"/metrics", "/readyz"} {
				if r, err := http.Get("http://" + address + path); err == nil { //nolint:noctx // the benchmark's own process
					_, _ = io.Copy(io.Discard, r.Body)
					_ = r.Body.Close()
				}
			}
		}
	}()
	j.env = append(slices.Clone(j.env), "OPS_ADDR="+address)
	return b.run(ctx, j)
}

// ratios returns the median of what a contender's figure is to the other's of the same
// round, and between what the middle half of the rounds lies.
func ratios(these, others []figures, of func(figures) float64) (middle, half string) {
	all := make([]float64, len(these))
	for i := range these {
		all[i] = of(these[i]) / of(others[i])
	}
	slices.Sort(all)
	n := len(all)
	return fmt.Sprintf("%.3f", all[n/2]), fmt.Sprintf("%.3f to %.3f", all[n/4], all[n-1-n/4])
}
