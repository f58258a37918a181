package rabbitmq

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// sent is what other programs publish, with all of AMQP's own properties.
func sent(queue string) amqp.Publishing {
	return amqp.Publishing{
		MessageId: "id-1", CorrelationId: "id-0", Type: "PaymentMade", AppId: "till", ReplyTo: queue, ContentType: "text/plain", ContentEncoding: "gzip",
		Expiration: "3600000", UserId: "guest", Priority: 3, Timestamp: time.Unix(1_700_000_000, 0), DeliveryMode: amqp.Persistent,
		Headers: amqp.Table{"a": "\xfe", keyHeader: "\x00\xff"}, Body: []byte("no envelope"),
	}
}

const sentHeaders = "amqp-message-id=id-1 amqp-correlation-id=id-0 amqp-type=PaymentMade amqp-app-id=till amqp-reply-to=answers " +
	"amqp-content-type=text/plain amqp-content-encoding=gzip amqp-expiration=3600000 amqp-user-id=guest amqp-priority=3 a=\xfe"

func headersOf(m *message.Message) string {
	var all []string
	for _, h := range m.Headers {
		if !strings.HasPrefix(h.Key, deadletter.Prefix) {
			all = append(all, h.Key+"="+string(h.Value))
		}
	}
	return strings.Join(all, " ")
}

// received returns a publishing as its consumer gets it.
func received(p *amqp.Publishing) message.Message {
	return Received(&amqp.Delivery{
		Headers: p.Headers, ContentType: p.ContentType, ContentEncoding: p.ContentEncoding, Priority: p.Priority, CorrelationId: p.CorrelationId,
		ReplyTo: p.ReplyTo, Expiration: p.Expiration, MessageId: p.MessageId, Timestamp: p.Timestamp, Type: p.Type, UserId: p.UserId, AppId: p.AppId, Body: p.Body,
	}, "")
}

// A codec sees them, a dead letter has them, and what goes back from there is what came, but
// for what is the broker's to say.
func TestThePropertiesOfOtherProgramsAreKept(t *testing.T) {
	t.Parallel()
	original := sent("answers")
	m := received(&original)
	if got := headersOf(&m); got != sentHeaders {
		t.Errorf("a codec sees\n%s, want\n%s", got, sentHeaders)
	}
	var letter amqp.Publishing
	writer := &deadletter.Writer{Group: "tests", Send: func(_ context.Context, m *message.Message) (err error) { letter, err = Publishing(m); return err }}
	m.Topic = "payments"
	if err := writer.DeadLetter(t.Context(), &m, engine.Failure{Err: errors.New("no"), Class: message.ClassDecode, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if letter.MessageId != "id-1" || letter.CorrelationId != "id-0" || letter.Type != "PaymentMade" || letter.AppId != "till" || letter.ReplyTo != "answers" {
		t.Errorf("a dead letter has %+v", letter)
	}
	if letter.Expiration+letter.UserId+letter.ContentType+letter.ContentEncoding != "" {
		t.Errorf("a dead letter expires, or is said to be what it is not: %+v", letter)
	}
	back := received(&letter)
	for part := range strings.FieldsSeq(sentHeaders) {
		if !strings.Contains(" "+headersOf(&back)+" ", " "+part+" ") {
			t.Errorf("a dead letter lacks %s", part)
		}
	}
	back.Topic, back.Value = "payments", original.Body
	again, err := Publishing(&back)
	if err != nil || again.MessageId != original.MessageId || again.CorrelationId != original.CorrelationId || again.Type != original.Type || again.AppId != original.AppId ||
		again.ReplyTo != original.ReplyTo || again.ContentType != original.ContentType || again.ContentEncoding != original.ContentEncoding ||
		string(again.Body) != string(original.Body) || again.Headers["a"] != original.Headers["a"] || again.Headers[keyHeader] != original.Headers[keyHeader] {
		t.Errorf("what goes back is %+v: %v", again, err)
	}
}

// An event says what it is, also to programs that know no envelope.
func TestAnEventHasAMessagesProperties(t *testing.T) {
	t.Parallel()
	m, err := newRegistry().Encode(t.Context(), payment{"a", 1}, "tests")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Publishing(m)
	if err != nil || p.ContentType != "application/json" || p.MessageId != m.Header.MessageID || p.Type != "PaymentMade" || p.CorrelationId == "" || p.AppId != "tests" || !p.Timestamp.Equal(m.Time) {
		t.Errorf("the event goes out as %+v: %v", p, err)
	}
	m.Value, m.Headers = []byte{0, 1}, []message.Field{{Key: "amqp-content-type", Value: []byte("application/x-protobuf")}}
	if p, err = Publishing(m); err != nil || p.ContentType != "application/x-protobuf" || p.Headers["amqp-content-type"] != nil {
		t.Errorf("one with a type of its own goes out as %+v: %v", p, err)
	}
}

// Through a broker, from the queue to its dead letters.
func TestADeadLetterHasThePropertiesOfItsMessage(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	r := consume(t, cfg, newSeen().handle)
	eventually(t, "the consumer is ready", isReady(r))
	onBroker(t, cfg, func(ch *amqp.Channel) error {
		return ch.PublishWithContext(t.Context(), "", queueName(cfg, "payments", 0), true, false, sent("answers"))
	})
	var d amqp.Delivery
	eventually(t, "there is a dead letter", func() (ok bool) { d, ok = get(t, cfg, cfg.QueuePrefix+"payments.dlq"); return ok })
	if d.MessageId != "id-1" || d.Type != "PaymentMade" || d.Expiration != "" || d.Headers["amqp-content-encoding"] != "gzip" || d.Headers["a"] != "\xfe" {
		t.Errorf("the dead letter is %+v", d)
	}
}
