package message_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Payment is the model of the messages on the topic payments.
type Payment struct {
	ID     string  `json:"id" validate:"required"`
	Amount float64 `json:"amount" validate:"gt=0"`
}

// Payments handles them.
type Payments struct{}

func (*Payments) Handle(_ context.Context, m message.Of[Payment]) error {
	fmt.Println(m.Header.MessageType, m.Body.ID, m.Body.Amount)
	return nil
}

func ExampleRegister() {
	r := message.NewRegistry(message.Recover)
	message.Register(r, "payments", &Payments{})

	value := `{
		"header": {"messageType": "PaymentReceived", "schemaName": "payment", "schemaVersion": "1", "messageId": "m-1",
			"timestamp": "2026-03-01T12:00:00Z", "producer": "billing"},
		"body": {"id": "p-1", "amount": 9.5}
	}`
	err := r.Handle(context.Background(), &message.Message{Topic: "payments", Value: []byte(value)})
	fmt.Println(err)

	bad := strings.Replace(value, "9.5", "-1", 1)
	err = r.Handle(context.Background(), &message.Message{Topic: "payments", Value: []byte(bad)})
	fmt.Println(message.ClassOf(err), "-", err)
	// Output:
	// PaymentReceived p-1 9.5
	// <nil>
	// invalid - body.amount: must be greater than 0
}

// PaymentReceived and PaymentReturned share a topic; the header's messageType
// says which of the two a message is.
type (
	PaymentReceived struct{ Payment }
	PaymentReturned struct {
		message.ForbidExtra
		ID     string `json:"id" validate:"required"`
		Reason string `json:"reason"`
	}
)

func (PaymentReceived) MessageType() string { return "PaymentReceived" }
func (PaymentReturned) MessageType() string { return "PaymentReturned" }

// Several types in one topic.
func ExampleRegister_types() {
	r := message.NewRegistry()
	message.Register(r, "payments", message.TypedHandlerFunc[PaymentReceived](func(_ context.Context, m message.Of[PaymentReceived]) error {
		fmt.Println("received", m.Body.ID)
		return nil
	}))
	message.Register(r, "payments", message.TypedHandlerFunc[PaymentReturned](func(_ context.Context, m message.Of[PaymentReturned]) error {
		fmt.Println("returned", m.Body.ID, m.Body.Reason)
		return nil
	}))

	send(r, "payments", "PaymentReceived", PaymentReceived{Payment{ID: "p-1", Amount: 5}})
	send(r, "payments", "PaymentReturned", PaymentReturned{ID: "p-1", Reason: "account closed"})
	send(r, "payments", "PaymentLost", Payment{ID: "p-2", Amount: 5})
	// Output:
	// received p-1
	// returned p-1 account closed
	// unhandled: header.messageType: no handler for "PaymentLost" on topic "payments", only for PaymentReceived, PaymentReturned
}

// send passes a message to r as if it came from a broker, and prints its error.
func send(r *message.Registry, topic, messageType string, body any) {
	ctx, m := context.Background(), &message.Message{Topic: topic, Attempt: 1}
	header := message.NewHeader(messageType, "example")
	if err := (message.JSON{}).Encode(ctx, m, &header, body); err != nil {
		panic(err)
	}
	if err := r.Handle(ctx, m); err != nil {
		fmt.Printf("%s: %v\n", message.ClassOf(err), err)
	}
}

// transaction stands for one of a database.
type transaction struct{}

func (*transaction) Commit() error   { fmt.Println("commit"); return nil }
func (*transaction) Rollback() error { fmt.Println("roll back"); return nil }

// A transaction for each message.
func ExampleScoped() {
	r := message.NewRegistry()
	message.Scoped(r, "payments", func(context.Context) (message.TypedHandler[Payment], func(error) error, error) {
		tx := new(transaction)
		release := func(err error) error {
			if err != nil {
				return errors.Join(err, tx.Rollback())
			}
			return tx.Commit()
		}
		return &Payments{}, release, nil
	})
	send(r, "payments", "PaymentReceived", Payment{ID: "p-1", Amount: 5})
	// Output:
	// PaymentReceived p-1 5
	// commit
}

// A rule for every header of the service.
func ExampleRegistry_CheckHeader() {
	r := message.NewRegistry()
	r.CheckHeader(message.RequireCorrelationID)
	message.Register(r, "payments", &Payments{})
	send(r, "payments", "PaymentReceived", Payment{ID: "p-1", Amount: 5})
	// Output:
	// invalid: header.correlationId: is required
}

// Middleware for one topic, around all that happens to its messages.
func ExampleRegistry_Use() {
	r := message.NewRegistry()
	message.Register(r, "payments", &Payments{})
	r.Use("payments", func(next message.Handler) message.Handler {
		return message.HandlerFunc(func(ctx context.Context, m *message.Message) error {
			err := next.Handle(ctx, m)
			fmt.Println("class:", message.ClassOf(err))
			return err
		})
	})
	send(r, "payments", "PaymentReceived", Payment{Amount: 5})
	// Output:
	// class: invalid
	// invalid: body.id: is required
}

// Middleware for one registration sees the decoded message.
func ExampleWith() {
	audit := func(next message.Handler) message.Handler {
		return message.HandlerFunc(func(ctx context.Context, m *message.Message) error {
			fmt.Println("audit:", m.Header.Producer)
			return next.Handle(ctx, m)
		})
	}
	r := message.NewRegistry()
	message.Register(r, "payments", &Payments{}, message.With(audit, message.Timeout(5*time.Second)))
	send(r, "payments", "PaymentReceived", Payment{ID: "p-1", Amount: 5})
	// Output:
	// audit: example
	// PaymentReceived p-1 5
}

// Transfer checks itself, which is faster than tags and can compare fields.
type Transfer struct {
	From string `json:"from"`
	To   string `json:"to"`
}

func (t *Transfer) Validate() error {
	if t.From == t.To {
		return message.Invalid("to", "must not be the account that it comes from")
	}
	return nil
}

// A model with rules of its own.
func ExampleInvalid() {
	r := message.NewRegistry()
	message.Register(r, "transfers", message.TypedHandlerFunc[Transfer](func(context.Context, message.Of[Transfer]) error { return nil }))
	send(r, "transfers", "Transfer", Transfer{From: "a", To: "a"})
	// Output:
	// invalid: body.to: must not be the account that it comes from
}

// lines is a codec for values of lines: message type, id, and the body.
type lines struct{}

func (lines) Decode(_ context.Context, m *message.Message, h *message.Header, body func(*message.Header) (any, error)) error {
	part := strings.SplitN(string(m.Value), "\n", 3)
	if len(part) != 3 {
		return fmt.Errorf("want 3 lines, got %d", len(part))
	}
	*h = message.Header{
		MessageType: part[0], SchemaName: part[0], SchemaVersion: "1", MessageID: part[1], Timestamp: m.Time, Producer: "lines",
	}
	out, err := body(h)
	if err != nil {
		return err
	}
	text, ok := out.(*string)
	if !ok {
		return fmt.Errorf("a body of lines is a string, not %T", out)
	}
	*text = part[2]
	return nil
}

func (lines) Encode(_ context.Context, m *message.Message, h *message.Header, body any) error {
	m.Value = fmt.Appendf(nil, "%s\n%s\n%s", h.MessageType, h.MessageID, body)
	return nil
}

// Another serializer for one topic.
func ExampleWithCodec() {
	r := message.NewRegistry()
	message.Register(r, "notes", message.TypedHandlerFunc[string](func(_ context.Context, m message.Of[string]) error {
		fmt.Println(m.Header.MessageID, m.Body)
		return nil
	}), message.WithCodec(lines{}))
	m := &message.Message{Topic: "notes", Value: []byte("Note\nn-1\nhello"), Time: time.Unix(1, 0)}
	fmt.Println(r.Handle(context.Background(), m))
	// Output:
	// n-1 hello
	// <nil>
}
