package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/ouroboros-forge/forge/template/service/dev/samples"
)

// run starts broker and service, sends the samples and reports. With once it
// ends when they have met their fate; otherwise when ctx does.
func run(ctx context.Context, all []samples.Sample, once bool, out *report) error {
	kafka, err := startBroker()
	if err != nil {
		return err
	}
	defer kafka.Close()
	defer kafka.registry.Close() //forge:if avro
	service, err := newService(ctx, kafka, out.event)
	if err != nil {
		return err
	}
	if err := check(all, service.topics); err != nil {
		return err
	}
	if err := kafka.create(service.topics); err != nil {
		return err
	}
	out.begin(kafka, service)

	ctx, end := context.WithCancel(ctx)
	defer end()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return service.run(ctx) })
	g.Go(func() error {
		err := try(ctx, kafka, all, out)
		if once {
			end()
			return err
		}
		if err != nil && ctx.Err() == nil {
			out.wrong(err) // somebody looks into it, and sees what they send next too
		}
		if err == nil {
			service.door.invite(out) //forge:if http
			out.next(kafka, service)
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	out.end()
	return nil
}

// check refuses samples that nobody would handle.
func check(all []samples.Sample, topics []string) error {
	for _, s := range all {
		if !slices.Contains(topics, s.Topic) {
			return fmt.Errorf("dev/samples: sample %q is for topic %q, which handlers.Register does not register", s.Name, s.Topic)
		}
	}
	return nil
}

// try sends the samples and returns nil once each met the fate it expects, by
// what the service says and by what lies in the broker.
func try(ctx context.Context, kafka *broker, all []samples.Sample, out *report) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("gave up after %v", patience))
	defer cancel()
	client, err := samples.Dial(kafka.addr)
	if err != nil {
		return err
	}
	defer client.Close()
	if all, err = samples.Encode(ctx, kafka.registry.url, all); err != nil { //forge:if avro
		return errors.Join(err, context.Cause(ctx)) //forge:if avro
	} //forge:if avro
	sent, err := client.Send(ctx, all)
	if err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	if err := out.await(ctx, sent); err != nil {
		return err
	}
	if err := client.Check(ctx, group, sent); err != nil {
		return fmt.Errorf("samples met another fate than they expect:\n%w", err)
	}
	out.met(sent)
	return nil
}
