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
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/httpapi" //forge:if http
	"github.com/ouroboros-forge/forge/template/service/internal/kafka"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
)

// Options say how a service is made.
type Options struct {
	File    string                                // a YAML file with settings, "" for none
	Over    map[string]string                     // settings over all others, by their names in the environment
	Observe func(consumer string, e engine.Event) // is called for what happens to each message; consumers then log errors only
	Log     io.Writer

	args         []string // of the command //forge:if avro
	onlyRegistry bool     // no setting matters but the Schema Registry's //forge:if avro
}

// Service is a service that was put together. Run runs it, once.
type Service struct {
	b         *Builder
	publisher *kafka.Publisher
	consumers []*kafka.Consumer
	metrics   *prometheus.Registry
	ops       *ops.Server
	listener  net.Listener // of ops
	http      net.Listener // of what is taken over HTTP //forge:if http
	state     state
	stopped   time.Time // when the end began
}

// New makes the service that build puts together. It listens for /readyz and
// opens nothing else.
func New[S any](ctx context.Context, name string, build Build[S], o Options) (*Service, error) {
	s, err := assemble(ctx, name, build, o)
	if err != nil {
		return nil, err
	}
	for _, name := range s.b.Config.CheckUnread() {
		s.b.Log.Warn("unknown setting", "setting", name) // misspelt, or another program's
	}
	if err := s.makeConsumers(o); err != nil {
		return nil, err
	}
	return s, s.listen(ctx)
}

// assemble reads the settings and calls build. With an error of build's the
// service is there all the same, for a command that only shows its settings.
func assemble[S any](ctx context.Context, name string, build Build[S], o Options) (*Service, error) {
	var own S
	cfg, err := config.Load(o.File, o.Over, &own)
	err = o.settingsError(err) //forge:if avro
	if err != nil {
		return nil, err
	}
	cfg.Service = cmp.Or(cfg.Service, name)
	log := cfg.Log.Logger(o.Log)
	codec, err := newCodec(cfg, log)
	if err != nil {
		return nil, err
	}
	registry := message.NewRegistry(codec, envelope.NewRules())
	s := &Service{publisher: kafka.NewPublisher(cfg.Kafka, cfg.Service, registry, log), metrics: ops.NewMetrics()}
	s.b = &Builder{
		Log: log, Config: cfg, Registry: registry, Publisher: s.publisher, Metrics: s.metrics,
		consumers: []consumer{{"", cfg.Kafka, registry}},
	}
	s.b.API = httpapi.New(cfg, log) //forge:if http
	s.b.codec = codec               //forge:if avro
	s.state.set(errors.New("starting"))
	return s, callBuild(ctx, build, own, s.b)
}

// makeConsumers makes the consumers. A service that does other things may do
// without the first.
func (s *Service) makeConsumers(o Options) error {
	logging := s.b.Config.Log
	if o.Observe != nil {
		logging.Level = "error"
	}
	others := len(s.b.consumers) - 1 + len(s.b.besides)
	others += len(s.b.API.Operations()) //forge:if http
	for i, c := range s.b.consumers {
		if i == 0 && len(c.registry.Topics()) == 0 && others > 0 {
			continue
		}
		made, err := kafka.NewConsumer(c.kafka, c.registry, s.publisher, logging.Logger(o.Log))
		if err != nil && c.name != "" {
			err = fmt.Errorf("consumer %q: %w", c.name, err)
		}
		if err != nil {
			return err
		}
		if o.Observe != nil {
			made.Observe(func(e engine.Event) { o.Observe(c.name, e) })
		}
		s.consumers = append(s.consumers, made)
	}
	if len(s.consumers) == 0 { // each consumer starts its registry itself
		s.b.starts = append(s.b.starts, hook{"codec", s.b.Registry.Startup})
		s.b.closers = append([]hook{{"codec", s.b.Registry.Shutdown}}, s.b.closers...)
	}
	return nil
}

// listen makes what answers /livez, /readyz and /metrics.
func (s *Service) listen(ctx context.Context) (err error) {
	s.ops = &ops.Server{State: s.state.get, Metrics: s.metrics}
	for _, c := range s.consumers {
		s.ops.Consumers = append(s.ops.Consumers, c)
	}
	for _, h := range s.b.checks {
		s.ops.Checks = append(s.ops.Checks, ops.Check{Name: h.name, Ask: h.call})
	}
	if err := s.listenHTTP(ctx); err != nil { //forge:if http
		return err //forge:if http
	} //forge:if http
	addr := s.b.Config.Ops.Addr
	if s.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", addr); err != nil {
		return fmt.Errorf("OPS_ADDR=%q: %w", addr, err)
	}
	return nil
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

// OpsAddr returns host and port of /livez, /readyz and /metrics.
func (s *Service) OpsAddr() string { return s.listener.Addr().String() }

// state is why the service does not work, nil when it does.
type state struct{ err atomic.Pointer[error] }

func (s *state) set(err error) { s.err.Store(&err) }

func (s *state) get() error { return *s.err.Load() }
