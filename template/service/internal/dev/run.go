package dev

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	"github.com/ouroboros-forge/forge/template/service/internal/samples"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
)

const usualRegistryPort = 8085 // where -send looks for the Schema Registry //forge:if avro

const patience = 20 * time.Second // for the samples to be done

// settings go over the user's: they lead to the embedded broker, and keep nobody
// waiting.
func settings(broker string) map[string]string {
	all := embedded.Settings(broker)
	maps.Copy(all, map[string]string{
		"KAFKA_GROUP_ID":        "dev",
		"KAFKA_COMMIT_INTERVAL": "100ms",
		"KAFKA_DRAIN_TIMEOUT":   "3s",
		"KAFKA_FETCH_MAX_WAIT":  "50ms",
		"OPS_ADDR":              "127.0.0.1:0",
		"HTTP_ADDR":             httpAddr(), //forge:if http
		"LOG_LEVEL":             cmp.Or(os.Getenv("LOG_LEVEL"), "warn"),
	})
	return all
}

// run starts broker and service, sends the samples and reports. With once it
// ends when they are done; otherwise when ctx does.
func run[S any](ctx context.Context, name string, build service.Build[S], all []samples.Sample, once bool, out *report) error {
	broker, err := embedded.Start(usualPort)
	if err != nil {
		return err
	}
	defer broker.Close()
	over := settings(broker.Addr)
	registry, err := embedded.StartRegistry(usualRegistryPort) //forge:if avro
	if err != nil {                                            //forge:if avro
		return err //forge:if avro
	} //forge:if avro
	defer registry.Close()                     //forge:if avro
	over["SCHEMA_REGISTRY_URL"] = registry.URL //forge:if avro
	s, err := service.New(ctx, name, build, service.Options{Over: over, Observe: out.event, Log: os.Stderr})
	if err != nil {
		return err
	}
	for _, sample := range all {
		if !slices.Contains(s.Topics(), sample.Topic) {
			return fmt.Errorf("dev/samples: sample %q is for topic %q, which has no handler", sample.Name, sample.Topic)
		}
	}
	if err := embedded.CreateTopics(ctx, broker.Addr, slices.Concat(s.Topics(), s.Published())...); err != nil {
		return err
	}
	out.begin(broker.Addr, s)

	ctx, end := context.WithCancel(ctx)
	defer end()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.Run(ctx) })
	g.Go(func() error {
		err := try(ctx, broker.Addr, s, all, out)
		if once {
			end()
			return err
		}
		out.invite(err, s, all) //forge:if http
		out.conclude(ctx, err, broker.Addr, s)
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	out.say("%s\n", out.paint(dim, "stopped; everything handled is committed"))
	return nil
}

// try sends the samples and returns nil once each has become what it expects.
func try(ctx context.Context, broker string, s *service.Service, all []samples.Sample, out *report) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("gave up after %v; http://%s/readyz says more", patience, s.OpsAddr()))
	defer cancel()
	all, err := samples.Encode(ctx, s.RegistryURL(), s.SchemaTopics(), all) //forge:if avro
	if err != nil {                                                         //forge:if avro
		return err //forge:if avro
	} //forge:if avro
	records := samples.Records(all)
	if err := embedded.Send(ctx, broker, records...); err != nil {
		return fmt.Errorf("sending the samples: %w", err)
	}
	var wrong []error
	for i, sample := range all {
		e, err := out.journal.Await(ctx, records[i])
		wrong = append(wrong, cmp.Or(err, sample.Check(e)))
	}
	if err := errors.Join(wrong...); err != nil {
		return err
	}
	out.met(all)
	return nil
}
