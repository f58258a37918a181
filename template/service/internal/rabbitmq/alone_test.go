package rabbitmq

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope/envelopetest"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
)

// What is done when its channel is gone is acknowledged on none.
func TestNothingIsAcknowledgedForAChannelThatIsGone(t *testing.T) {
	began, release := make(chan struct{}), make(chan struct{})
	c, f, deliveries, served := serve(t.Context(), t, func(context.Context, message.Of[payment]) error {
		close(began)
		<-release
		return nil
	})
	<-began
	claim := c.subscriptions[0].claim.Load()
	f.gone <- &amqp.Error{Code: amqp.PreconditionFailed, Reason: "timed out"}
	close(deliveries)
	if err := <-served; codeOf(err) != 0 || err == nil {
		t.Errorf("it ended with %v", err)
	}
	close(release)
	eventually(t, "the handler is done", func() bool { return c.Stats().Busy == 0 })
	if err := claim.send(false); err != nil || f.words > 0 {
		t.Errorf("%d words on a channel that is gone: %v", f.words, err)
	}
}

// What is done is acknowledged before a service that stops leaves the channel.
func TestAStopLeavesTheChannelWithAllAcknowledged(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	_, f, _, served := serve(ctx, t, func(context.Context, message.Of[payment]) error {
		stop()
		return nil
	})
	if err := <-served; err != nil {
		t.Error(err)
	}
	if want := []string{"ack", "consume payments last", "cancel last false"}; !slices.Equal(f.all, want) {
		t.Errorf("said %q, want %q", f.all, want)
	}
}

// A message whose dead letter is on its way is not done: what is not confirmed is sent again.
func TestADeadLetterIsSafeOnceTheBrokerSaysSo(t *testing.T) {
	p, tr := unconnected(settingsWithout(t))
	r, sent := newRecorder(), make(chan error, 1)
	tr.lines <- &r.line
	go func() { sent <- p.Send(t.Context(), &message.Message{Topic: "payments.dlq", Value: []byte("x")}) }()
	for i, says := range []func(){
		func() { r.confirm(false) },
		func() { r.giveBack(); r.confirm(true) },
		func() { r.confirm(true) },
	} {
		select {
		case tr.connected <- new(amqp.Connection):
		case err := <-sent:
			t.Fatalf("it is taken for written after %d times without a confirmation: %v", i, err)
		}
		<-r.published
		says()
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

func TestMessagesOfOneKeyGoOneWay(t *testing.T) {
	cfg := settingsWithout(t, "RABBITMQ_PARTITIONS", "4", "RABBITMQ_QUEUE_PREFIX", "shop.")
	for _, c := range []struct {
		topic, key     string
		exchange, want string
	}{
		{"payments", "a-1", "shop.payments", "a-1"},
		{"payments", "", "shop.payments", ""},
		{"payments.dlq", "a-1", "", "shop.payments.dlq"},
	} {
		if to := route(cfg, &message.Message{Topic: c.topic, Key: []byte(c.key)}); to.exchange != c.exchange || to.key != c.want {
			t.Errorf("%s, %s goes to %+v", c.topic, c.key, to)
		}
	}
	ways := map[string]bool{}
	for range 10 {
		ways[route(cfg, &message.Message{Topic: "payments"}).key] = true
	}
	if len(ways) == 1 {
		t.Error("all messages without a key go one way")
	}
	cfg.Partitions = 1
	if to := route(cfg, &message.Message{Topic: "payments", Key: []byte("a-1")}); to.exchange != "" || to.key != "shop.payments" {
		t.Errorf("a single queue is led to by %+v", to)
	}
}

// unconnected returns a publisher that the test gives its connections.
func unconnected(cfg config.RabbitMQ) (*publisher.Publisher, *transport) {
	p := NewPublisher(cfg, "tests", newRegistry(), quiet())
	tr := p.Transport.(*transport)
	tr.begin = func() {}
	tr.health.Set(ops.Connection, nil)
	return p, tr
}

// recorder is the channel of a line, and says of what is published what the test wants.
type recorder struct {
	line

	published chan amqp.Publishing
	at        string // the routing key of the last
	isClosed  atomic.Bool
}

func newRecorder() *recorder {
	r := &recorder{published: make(chan amqp.Publishing, 9)}
	r.line = line{r, make(chan amqp.Return, 1), make(chan amqp.Confirmation, 1), make(chan *amqp.Error, 1)}
	return r
}

func (r *recorder) PublishWithContext(_ context.Context, exchange, key string, _, _ bool, m amqp.Publishing) error {
	r.at = exchange + key
	r.published <- m
	return nil
}

func (r *recorder) IsClosed() bool { return r.isClosed.Load() }

func (r *recorder) Close() error {
	r.isClosed.Store(true)
	return nil
}

func (r *recorder) confirm(isTaken bool) { r.confirmations <- amqp.Confirmation{Ack: isTaken} }

func (r *recorder) giveBack() {
	r.returns <- amqp.Return{ReplyCode: amqp.NoRoute, ReplyText: "NO_ROUTE"}
}

// end ends the channel as the client does.
func (r *recorder) end(why *amqp.Error) {
	r.isClosed.Store(true)
	r.closed <- why
	close(r.returns)
	close(r.closed)
	close(r.confirmations)
}

// serve has a subscription to payments serve a channel that is no broker's, with one delivery,
// until ctx ends or the channel.
func serve(ctx context.Context, t *testing.T, handle func(context.Context, message.Of[payment]) error) (*Consumer, *fake, chan amqp.Delivery, <-chan error) {
	t.Helper()
	registry, cfg := newRegistry(), settingsWithout(t)
	message.Register(registry, "payments", message.TypedHandlerFunc[payment](handle))
	c, err := NewConsumer(cfg, registry, NewPublisher(cfg, "tests", registry, quiet()), quiet())
	if err != nil {
		t.Fatal(err)
	}
	f, deliveries, served := &fake{unacked: map[uint64]bool{1: true}}, make(chan amqp.Delivery, 1), make(chan error, 1)
	deliveries <- amqp.Delivery{DeliveryTag: 1, Body: []byte(envelopetest.Envelope("PaymentMade", "m-1", `{"account":"a","n":1}`))}
	go func() { served <- c.subscriptions[0].serve(ctx, f, deliveries) }()
	return c, f, deliveries, served
}
