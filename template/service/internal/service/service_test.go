package service_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope/envelopetest"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
	"github.com/ouroboros-forge/forge/template/service/internal/service/servicetest"
)

type none struct{}

type opened struct {
	ID string `json:"id" validate:"required"`
}

func (opened) MessageType() string { return "AccountOpened" }
func (opened) Topic() string       { return "opened" }
func (o opened) Key() string       { return o.ID }

// handle registers f for the messages on a topic.
func handle(r *message.Registry, topic string, f func(context.Context, message.Of[opened]) error) {
	message.Register(r, topic, message.TypedHandlerFunc[opened](f))
}

func succeed(context.Context, message.Of[opened]) error { return nil }

// build is an assembly with one handler and what more adds. Its messages are in
// JSON, whatever the codec of the service is.
func build(more func(b *service.Builder)) service.Build[none] {
	return func(_ context.Context, _ none, b *service.Builder) error {
		b.Registry.SetCodec(envelope.JSON{})
		handle(b.Registry, "accounts", succeed)
		more(b)
		return nil
	}
}

func nothing(*service.Builder) {}

// record is a message on a topic.
func record(topic, id string) *message.Message {
	return &message.Message{Topic: topic, Key: []byte(id), Value: []byte(envelopetest.Envelope("AccountOpened", "m-"+id, fmt.Sprintf(`{"id":%q}`, id)))}
}

// settings are those that New needs in a test.
func settings(broker string) map[string]string {
	over := embedded.Settings(broker, "test")
	over["LOG_LEVEL"], over["DRAIN_TIMEOUT"] = "error", "2s"
	over["HTTP_ADDR"] = "127.0.0.1:0" //forge:if http
	return over
}

func options(t *testing.T, over map[string]string) service.Options {
	return service.Options{Over: over, Log: t.Output()}
}

// start runs an assembly at a broker and does not wait for anything.
func start(t *testing.T, b service.Build[none], over map[string]string) (s *service.Service, stop func() error) {
	t.Helper()
	s, err := service.New(t.Context(), "test", b, options(t, over))
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		end()
		select {
		case err := <-ended:
			return err
		case <-time.After(30 * time.Second):
			return errors.New("it did not end")
		}
	})
	t.Cleanup(func() { _ = stop() })
	return s, stop
}

func get(s *service.Service, path string) (int, string) {
	response, err := http.Get("http://" + s.OpsAddr() + path)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	var body strings.Builder
	_, _ = fmt.Fprint(&body, readAll(response))
	return response.StatusCode, body.String()
}

// awaitReady waits until /readyz answers with code, and with a text that contains
// part.
func awaitReady(t *testing.T, s *service.Service, code int, part string) {
	t.Helper()
	late := time.After(20 * time.Second)
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		got, body := get(s, "/readyz")
		if got == code && strings.Contains(body, part) {
			return
		}
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("/readyz says %d %s, want %d %s", got, body, code, part)
		}
	}
}

// What a handler needs and Build forgot ends the start with its name.
func TestAForgottenDependencyIsNamed(t *testing.T) {
	type deps struct {
		Store   message.Publisher
		Gateway func()
	}
	_, err := service.New(t.Context(), "test", build(func(*service.Builder) { message.CheckDeps(deps{Gateway: func() {}}) }),
		options(t, settings("a:1")))
	if err == nil || !strings.Contains(err.Error(), "Store") {
		t.Errorf("error is %v", err)
	}
}

// A mistake in the wiring is an error; a bug in Build is a panic with its stack.
func TestMistakesInTheWiringAreErrors(t *testing.T) {
	for want, more := range map[string]func(*service.Builder){
		`register service_test.opened on topic "accounts"`: func(b *service.Builder) { handle(b.Registry, "accounts", succeed) },
		`app: "": Start, Close`:                            func(b *service.Builder) { b.Start("", func(context.Context) error { return nil }) },
		`app: "store": Start, Close`:                       func(b *service.Builder) { b.Close("store", nil) },
		`app: "outbox": Start, Close`:                      func(b *service.Builder) { b.Run("outbox", nil) },
		`consumer "Audit"`:                                 func(b *service.Builder) { handle(b.Consumer("Audit"), "audits", succeed) },
		`consumer "audit": no topic has a handler`:         func(b *service.Builder) { b.Consumer("audit") },
		`consumer "audit" is added twice`:                  func(b *service.Builder) { handle(b.Consumer("audit"), "audits", succeed); b.Consumer("audit") },
	} {
		_, err := service.New(t.Context(), "test", build(more), options(t, settings("a:1")))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a nil pointer in Build is no panic")
		}
	}()
	_, _ = service.New(t.Context(), "test", build(func(*service.Builder) { _ = []int(nil)[len(os.Args)] }), options(t, settings("a:1")))
}

func TestOwnChecksAndMetricsAreServed(t *testing.T) {
	var broken error
	var mu sync.Mutex
	s := servicetest.Start(t, build(func(b *service.Builder) {
		b.Check("database", func(context.Context) error { mu.Lock(); defer mu.Unlock(); return broken })
		accounts := prometheus.NewCounter(prometheus.CounterOpts{Name: "accounts_total", Help: "Accounts."})
		b.Metrics.MustRegister(accounts)
		accounts.Add(3)
	}), nil)
	if code, body := s.Get("/readyz"); code != http.StatusOK || body != "ok\ndatabase: ok\n" {
		t.Errorf("/readyz says %d %q", code, body)
	}
	mu.Lock()
	broken = errors.New("no route")
	mu.Unlock()
	if code, body := s.Get("/readyz"); code != http.StatusServiceUnavailable || body != "database: no route\n" {
		t.Errorf("/readyz says %d %q", code, body)
	}
	if _, body := s.Get("/metrics"); !strings.Contains(body, "\naccounts_total 3\n") {
		t.Error("/metrics lacks accounts_total 3")
	}
}

// Each figure is there after one message that fails for good, with values of this life.
func TestEachFigureIsThereAfterOneMessage(t *testing.T) {
	s := servicetest.Start(t, func(_ context.Context, _ none, b *service.Builder) error {
		b.Registry.SetCodec(envelope.JSON{})
		handle(b.Registry, "accounts", func(context.Context, message.Of[opened]) error {
			return message.Permanent(errors.New("secret"))
		})
		return nil
	}, nil)
	r := record("accounts", "a-1")
	s.Send(r)
	if e := s.Outcome(r); e.Kind != engine.DeadLettered {
		t.Fatalf("%v %v", e.Kind, e.Err)
	}
	awaitFigure(t, s, `consumer_commits_total 1`)
	awaitFigure(t, s, fmt.Sprintf(`consumer_lag_messages{partition="%d",topic="accounts"} 0`, r.Partition))
	_, body := s.Get("/metrics")
	for _, want := range []string{
		`consumer_events_total{class="handler",event="dead-letter",topic="accounts"} 1`,
		`consumer_events_total{class="",event="handled",topic="accounts"} 0`,
		`consumer_handler_duration_seconds_count{topic="accounts"} 1`,
		`consumer_oldest_message_age_seconds{topic="accounts"} 0`,
		`consumer_partitions_assigned_total `,
		`publisher_messages_total{outcome="published",topic="accounts.dlq"} 1`,
	} {
		if !strings.Contains(body, "\n"+want) {
			t.Errorf("/metrics lacks %q:\n%s", want, body)
		}
	}
	if strings.Contains(body, "a-1") || strings.Contains(body, "secret") {
		t.Errorf("/metrics shows what is in a message or its error:\n%s", body)
	}
}

// awaitFigure waits for a line of /metrics.
func awaitFigure(t *testing.T, s *servicetest.Service, line string) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for late := time.After(10 * time.Second); ; {
		_, body := s.Get("/metrics")
		if strings.Contains(body, "\n"+line+"\n") {
			return
		}
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("no %s in:\n%s", line, body)
		}
	}
}

// A second consumer has its own topics and group, and an override leads it to the
// test's broker, whatever its own settings say.
func TestASecondConsumer(t *testing.T) {
	t.Setenv("AUDIT_"+embedded.Address, "no-such-host:9092")
	s := servicetest.Start(t, build(func(b *service.Builder) {
		handle(b.Consumer("audit"), "audits", succeed)
	}), nil)
	for _, topic := range []string{"accounts", "audits"} {
		r := record(topic, "a-1")
		s.Send(r)
		if e := s.Outcome(r); e.Kind != engine.Handled {
			t.Errorf("%s: %v %v", topic, e.Kind, e.Err)
		}
	}
	_, body := s.Get("/metrics")
	for group, topic := range map[string]string{"test": "accounts", "test-audit": "audits"} {
		if !strings.Contains(body, fmt.Sprintf("consumer_events_total{class=\"\",consumer=%q,event=\"handled\",topic=%q} 1\n", group, topic)) {
			t.Errorf("/metrics does not count the message of group %s", group)
		}
	}
}

// A service that only publishes or runs beside needs no group.
func TestWithoutTopicsNoGroupIsNeeded(t *testing.T) {
	over := settings("127.0.0.1:1")
	delete(over, groupID)
	ran := make(chan struct{})
	s, stop := start(t, func(_ context.Context, _ none, b *service.Builder) error {
		b.Run("clock", func(context.Context) error { close(ran); return nil })
		return nil
	}, over)
	<-ran
	awaitReady(t, s, http.StatusOK, "ok\n")
	if err := stop(); err != nil {
		t.Error(err)
	}
	_, err := service.New(t.Context(), "test", build(nothing), options(t, over))
	if err == nil || !strings.Contains(err.Error(), groupID+" is not set") {
		t.Errorf("a consumer without a group: %v", err)
	}
	over[groupID] = "test"
	_, err = service.New(t.Context(), "test", func(context.Context, none, *service.Builder) error { return nil }, options(t, over))
	if err == nil || !strings.Contains(err.Error(), "no topic has a handler") {
		t.Errorf("nothing to do: %v", err)
	}
}

// failure is a test that notes how it ends.
type failure struct {
	testing.TB
	said     string
	cleanups []func()
}

func (f *failure) Cleanup(c func()) { f.cleanups = append(f.cleanups, c) }
func (f *failure) Fatalf(format string, args ...any) {
	f.said = fmt.Sprintf(format, args...)
	panic(f)
}

// A service that does not get ready ends its test in time, with what /readyz says.
func TestATestOfAServiceThatIsNotReadySaysWhy(t *testing.T) {
	f := &failure{TB: t}
	began := time.Now()
	func() {
		defer func() {
			_ = recover()
			for _, c := range slices.Backward(f.cleanups) {
				c()
			}
		}()
		servicetest.Start(f, build(func(b *service.Builder) {
			b.Check("database", func(context.Context) error { return errors.New("wrong password") })
		}), nil)
	}()
	if !strings.Contains(f.said, "database: wrong password") || time.Since(began) > 10*time.Second {
		t.Errorf("after %v it says %q", time.Since(began), f.said)
	}
}

// An address that is taken is named, with its setting and what to set.
func TestAnAddressThatIsTakenIsNamed(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	over := settings("a:1")
	over["OPS_ADDR"] = listener.Addr().String()
	_, err = service.New(t.Context(), "test", build(nothing), options(t, over))
	if err == nil || !strings.HasPrefix(err.Error(), `OPS_ADDR="`+over["OPS_ADDR"]+`": listen`) || !strings.HasSuffix(err.Error(), "must be an address of this machine with a free port") {
		t.Errorf("error is %v", err)
	}
}
