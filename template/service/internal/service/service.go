// Package service is the life of a service: it reads the settings, lets the
// user's Build put the parts together, runs them, and ends them in order.
//
//	main.go       Main: the command line
//	builder.go    Builder: what Build is given
//	service.go    New: settings, codec, registry, publisher, Build, consumers
//	life.go       Run: start, work, end
package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/httpapi" //forge:if http
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
	"github.com/ouroboros-forge/forge/template/service/internal/tracing" //forge:if otel
)

// Options say how a service is made.
type Options struct {
	File    string                                // a YAML file with settings, "" for none
	Over    map[string]string                     // settings over all others, by their names in the environment
	Observe func(consumer string, e engine.Event) // is called for what happens to each message; consumers then log errors only
	Log     io.Writer

	args         []string // of the command //forge:if avro
	dlqArgs      []string // of the command dlq //forge:if dlq
	onlyRegistry bool     // no setting matters but the Schema Registry's //forge:if avro
}

// Service is a service that was put together. Run runs it, once.
type Service struct {
	b         *Builder
	publisher *publisher.Publisher
	consumers []*source
	ops       *ops.Server
	listener  net.Listener     // of ops
	http      net.Listener     // of what is taken over HTTP //forge:if http
	shutdowns []task           // of codecs and handlers
	stopped   time.Time        // when the end began
	tracing   *tracing.Tracing //forge:if otel
}

// New makes the service that build puts together. It listens for /readyz and
// opens nothing else.
func New[S any](ctx context.Context, name string, build Build[S], o Options) (*Service, error) {
	s, err := assemble(ctx, name, build, o)
	if err != nil {
		return nil, err
	}
	s.ops.Checks, s.ops.Pprof = s.b.checks, s.b.Config.Ops.Pprof
	s.ops.Parts = map[string][]ops.Check{"http": {{Name: "publisher", Ask: s.publisher.Ready}}} //forge:if http
	if err := s.makeConsumers(o); err != nil {
		return nil, err
	}
	s.ops.Settings = s.b.Config.Shown()
	if s.http, err = listen(ctx, "HTTP_ADDR", s.b.Config.HTTP.Listen); err != nil { //forge:if http
		return nil, err //forge:if http
	} //forge:if http
	s.listener, err = listen(ctx, "OPS_ADDR", s.b.Config.Ops.Addr)
	return s, err
}

// assemble reads the settings and calls build. With an error the service is there
// all the same, for a command that only shows its settings. Wrong settings are all
// that it names: what else fails may come of them.
func assemble[S any](ctx context.Context, name string, build Build[S], o Options) (*Service, error) {
	var own S
	cfg, _ := config.Load(o.File, o.Over, &own) // Check says what is wrong, once the consumers' are read too
	cfg.Service = cmp.Or(cfg.Service, name)
	log := cfg.Log.Logger(o.Log)
	cfg.ExportOTel()                        //forge:if otel
	traces := tracing.New(cfg.Service, log) //forge:if otel
	log = traces.Logger(log)                //forge:if otel
	s := &Service{ops: &ops.Server{Service: cfg.Service, Version: version(), Metrics: ops.NewMetrics()}, b: &Builder{Log: log, Config: cfg}}
	codec, err := newCodec(cfg, log)
	if err != nil {
		return s, cmp.Or(cfg.Check(false), err)
	}
	registry := message.NewRegistry(codec, envelope.NewRules())
	s.publisher = newPublisher(cfg.Source, cfg.Service, registry, log)
	s.publisher.Observe = ops.CountPublished(s.ops.Metrics)
	s.publisher.Observe = traces.Published(s.publisher.Observe) //forge:if otel
	s.b.Registry, s.b.Publisher, s.b.Metrics = registry, s.publisher, s.ops.Metrics
	s.b.consumers = []consumer{{"", cfg.Source, registry}}
	s.tracing = traces                                            //forge:if otel
	s.b.Publisher = traces.Publisher(s.publisher)                 //forge:if otel
	s.b.starts = append(s.b.starts, task{"traces", traces.Start}) //forge:if otel
	s.b.API = httpapi.New(cfg, log)                               //forge:if http
	s.ops.Metrics.MustRegister(s.b.API.Metrics()...)              //forge:if http
	s.b.codec = codec                                             //forge:if avro
	s.ops.SetState(errors.New("starting"))
	err = callBuild(ctx, build, own, s.b)
	for _, unread := range cfg.CheckUnread(err == nil) {
		log.Warn("unknown setting", "setting", unread) // misspelt, or another program's
	}
	for _, c := range s.b.consumers {
		if doubt := c.source.Doubt(); doubt != "" {
			log.Warn(doubt)
		}
	}
	wrong := cfg.Check(len(registry.Topics()) > 0)
	wrong = o.settingsError(wrong) //forge:if avro
	return s, cmp.Or(wrong, err)
}

// makeConsumers makes the consumers. A service that does other things may do
// without the first.
func (s *Service) makeConsumers(o Options) error {
	logging := s.b.Config.Log
	if o.Observe != nil {
		logging.Level = slog.LevelError
	}
	others := len(s.b.consumers) - 1 + len(s.b.besides)
	others += len(s.b.API.Operations()) //forge:if http
	for i, c := range s.b.consumers {
		if i == 0 && len(c.registry.Topics()) == 0 && others > 0 {
			continue
		}
		made, err := newSource(c.source, c.registry, s.publisher, logging.Logger(o.Log))
		if err != nil && c.name != "" {
			err = fmt.Errorf("consumer %q: %w", c.name, err)
		}
		if err != nil {
			return err
		}
		s.ops.Add(made, c.registry.Topics())
		if o.Observe != nil {
			made.Observe(func(e engine.Event) { o.Observe(c.name, e) })
		}
		made.Trace(s.tracing.Consumer(made.Name()))   //forge:if otel
		made.Observe(s.tracing.Observer(made.Name())) //forge:if otel
		s.consumers = append(s.consumers, made)
		s.addRegistry("consumer "+made.Name(), c.registry)
	}
	if len(s.consumers) == 0 { // the codec starts all the same
		s.addRegistry("codec", s.b.Registry)
	}
	return nil
}

// addRegistry has the codecs and handlers of a registry started, and shut down.
func (s *Service) addRegistry(name string, r *message.Registry) {
	s.b.starts = append(s.b.starts, task{name, r.Startup})
	s.shutdowns = append(s.shutdowns, task{name, r.Shutdown})
}

// listen listens on the address that the setting called name has.
func listen(ctx context.Context, name, addr string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s=%q: %w: it must be an address of this machine with a free port", name, addr, err)
	}
	return l, nil
}

// Topics returns the topics that are consumed, by all consumers.
func (s *Service) Topics() (all []string) {
	for _, c := range s.b.consumers {
		all = append(all, c.registry.Topics()...)
	}
	return all
}

// FirstConsumer returns the name of the first consumer of a topic; "" is that of
// the service's own.
func (s *Service) FirstConsumer(topic string) string {
	for _, c := range s.b.consumers {
		if slices.Contains(c.registry.Topics(), topic) {
			return c.name
		}
	}
	return ""
}

// Published returns the topics that the service publishes to.
func (s *Service) Published() []string { return s.b.Registry.PublishedTopics() }

// OpsAddr returns host and port of /livez, /readyz, /status and /metrics.
func (s *Service) OpsAddr() string { return s.listener.Addr().String() }

// release is the version that a build without .git is given, by -ldflags -X.
var release string

// version says what the binary was built from, as far as Go has noted it: the tag, or
// time and commit, and whether there were changes.
func version() string {
	var noted string
	if info, ok := debug.ReadBuildInfo(); ok {
		noted = info.Main.Version
	}
	return fmt.Sprintf("%s, %s", cmp.Or(release, noted, "unknown"), runtime.Version())
}
