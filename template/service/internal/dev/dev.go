// Package dev runs a service on an embedded broker with sample messages, and
// prints what becomes of them.
package dev

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	"github.com/ouroboros-forge/forge/template/service/internal/samples"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
)

const usualRegistryPort = 8085 // where -send looks for the Schema Registry //forge:if avro

var patience = 20 * time.Second // for the samples to be done

// Main does what the command line asks for and exits. The samples are the files
// samples/*.json.
func Main[S any](name string, build service.Build[S], files fs.FS) {
	once := flag.Bool("once", false, "end when all samples are done; exit 1 if one ended otherwise than expected")
	send := flag.Bool("send", false, "send the samples to a running broker and end")
	var to samples.Target
	flag.StringVar(&to.Broker, "broker", fmt.Sprintf("127.0.0.1:%d", embedded.Port), "where -send sends them")
	flag.StringVar(&to.Registry, "registry", fmt.Sprintf("http://127.0.0.1:%d", usualRegistryPort), "where -send finds the schemas") //forge:if avro
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "dev: no argument %q is known; see -help\n", flag.Arg(0))
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop)       // restores the default handler, so that a second signal kills the process
	dir, _ := fs.Sub(files, "samples") // it is a valid path
	all, err := samples.Load(dir)
	switch {
	case err != nil:
	case *send:
		err = sendTo(ctx, to, all)
	default:
		err = run(ctx, name, build, all, *once, newReport(os.Stdout, isTerminal(os.Stdout)))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dev:", err)
		os.Exit(1)
	}
}

// sendTo sends the samples to a broker that is already there.
func sendTo(ctx context.Context, to samples.Target, all []samples.Sample) error {
	_, address, _ := strings.Cut(to.Broker, "//") // of a URL
	if u, err := url.Parse("//" + cmp.Or(address, to.Broker)); err != nil || u.Port() == "" {
		return fmt.Errorf("-broker %q: it must be host:port, or a URL with both", config.Redact(to.Broker))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 5*time.Second, fmt.Errorf("no broker with these topics answers at %s; is `make dev` running?", config.Redact(to.Broker)))
	defer cancel()
	if _, err := to.Send(ctx, all); err != nil {
		return cmp.Or(context.Cause(ctx), err)
	}
	fmt.Printf("%d samples sent to %s\n", len(all), config.Redact(to.Broker))
	return nil
}

// run starts broker and service, sends the samples and reports. With once it
// ends when they are done; otherwise when ctx does.
func run[S any](ctx context.Context, name string, build service.Build[S], all []samples.Sample, once bool, out *report) error {
	broker, closeBroker, err := embedded.Start(embedded.Port)
	if err != nil {
		return err
	}
	defer closeBroker()
	over := embedded.Settings(broker, "dev")
	over["DRAIN_TIMEOUT"] = "3s"
	over["LOG_LEVEL"] = cmp.Or(os.Getenv("LOG_LEVEL"), over["LOG_LEVEL"])
	over["OPS_ADDR"] = cmp.Or(os.Getenv("OPS_ADDR"), over["OPS_ADDR"])
	over["HTTP_ADDR"] = cmp.Or(os.Getenv("HTTP_ADDR"), httpAddr()) //forge:if http
	registry, err := embedded.StartRegistry(usualRegistryPort)     //forge:if avro
	if err != nil {                                                //forge:if avro
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
	if err := embedded.CreateTopics(ctx, broker, slices.Concat(s.Topics(), s.Published())...); err != nil {
		return err
	}
	out.begin(broker, s)

	ctx, end := context.WithCancel(ctx)
	defer end()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.Run(ctx) })
	g.Go(func() error {
		err := try(ctx, broker, s, all, out)
		if once {
			end()
			return err
		}
		out.invite(err, s, all) //forge:if http
		out.conclude(ctx, err, broker, s)
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	out.say("stopped: %s\n", out.summary())
	return nil
}

// try sends the samples and returns nil once each has become what it expects.
func try(ctx context.Context, broker string, s *service.Service, all []samples.Sample, out *report) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("gave up after %v", patience))
	defer cancel()
	to := samples.Target{Broker: broker}
	to.Registry, to.Awaited = s.RegistryURL(), s.SchemaTopics() //forge:if avro
	sent, err := to.Send(ctx, all)
	if err != nil {
		return fmt.Errorf("sending the samples: %w", err)
	}
	var wrong []error
	for i, sample := range all {
		place := placeOf(sent[i])
		e, err := out.outcome(ctx, s.FirstConsumer(sample.Topic), place)
		if err != nil {
			err = fmt.Errorf("sample %q, %s, is not done: %w", sample.Name, place, err)
		} else {
			err = sample.Check(e)
		}
		wrong = append(wrong, err)
	}
	if err := errors.Join(wrong...); err != nil {
		return err
	}
	out.say("\n%d samples met what they expect\n", len(all))
	return nil
}
