package message_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/message/messagetest"
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

// receive passes a message to r as if it came from a broker, and prints what
// becomes of it.
func receive(r *message.Registry, topic, messageType, body string) {
	h := message.NewHeader(messageType, "example")
	m := &message.Message{Topic: topic, Attempt: 1}
	if err := (envelope.JSON{}).Encode(context.Background(), m, h, rawBody(body)); err != nil {
		panic(err)
	}
	if err := r.Handle(context.Background(), m); err != nil {
		fmt.Printf("%s: %v\n", message.ClassOf(err), err)
	}
}

type rawBody string

func (b rawBody) MarshalJSON() ([]byte, error) { return []byte(b), nil }

func ExampleRegister() {
	r := messagetest.NewRegistry()
	message.Register(r, "payments", &Payments{})

	receive(r, "payments", "PaymentReceived", `{"id": "p-1", "amount": 9.5}`)
	receive(r, "payments", "PaymentReceived", `{"id": "p-2", "amount": -1}`)
	// Output:
	// PaymentReceived p-1 9.5
	// invalid: body.amount: must be greater than 0
}

// What becomes of a message is what its handler returns.
func ExampleTypedHandler() {
	r := messagetest.NewRegistry()
	message.Register(r, "payments", message.TypedHandlerFunc[Payment](func(_ context.Context, m message.Of[Payment]) error {
		switch m.Body.ID {
		case "closed":
			return message.Permanent(errors.New("the account is closed")) // a dead letter at once
		case "limit":
			return message.RetryAfter(time.Minute, errors.New("the limit of the day is reached"))
		case "gateway":
			return message.Unavailable(errors.New("the gateway does not answer")) // tried again until it does
		case "locked":
			return errors.New("the row is locked") // tried again some times, then a dead letter
		}
		return nil // done
	}))
	for _, id := range []string{"closed", "limit", "gateway", "locked", "p-1"} {
		receive(r, "payments", "PaymentReceived", `{"id": "`+id+`", "amount": 5}`)
	}
	// Output:
	// handler: the account is closed
	// handler: the limit of the day is reached
	// unavailable: the gateway does not answer
	// handler: the row is locked
}

// PaymentReceived and PaymentReturned share a topic; the header's messageType
// says which of the two a message is.
type (
	PaymentReceived struct{ Payment }
	PaymentReturned struct {
		message.ForbidExtra
		ID string `json:"id" validate:"required"`
	}
)

func (PaymentReceived) MessageType() string { return "PaymentReceived" }
func (PaymentReturned) MessageType() string { return "PaymentReturned" }

// Several types in one topic, each with its handler, and one for the rest.
func ExampleRegisterDefault() {
	r := messagetest.NewRegistry()
	message.Register(r, "payments", message.TypedHandlerFunc[PaymentReceived](func(_ context.Context, m message.Of[PaymentReceived]) error {
		fmt.Println("received", m.Body.ID)
		return nil
	}))
	message.Register(r, "payments", message.TypedHandlerFunc[PaymentReturned](func(_ context.Context, m message.Of[PaymentReturned]) error {
		fmt.Println("returned", m.Body.ID)
		return nil
	}))
	message.RegisterDefault(r, "payments", message.HandlerFunc(func(_ context.Context, m *message.Message) error {
		fmt.Println("ignored", m.Header.MessageType)
		return nil
	}))
	receive(r, "payments", "PaymentReceived", `{"id": "p-1", "amount": 5}`)
	receive(r, "payments", "PaymentReturned", `{"id": "p-1"}`)
	receive(r, "payments", "PaymentReturned", `{"id": "p-1", "reason": "closed"}`)
	receive(r, "payments", "PaymentLost", `{}`)
	// Output:
	// received p-1
	// returned p-1
	// invalid: body.reason: unknown field
	// ignored PaymentLost
}

// Transfer checks itself, which may compare fields.
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

func ExampleInvalid() {
	r := messagetest.NewRegistry()
	message.Register(r, "transfers", message.TypedHandlerFunc[Transfer](func(context.Context, message.Of[Transfer]) error { return nil }))
	receive(r, "transfers", "Transfer", `{"from": "a", "to": "a"}`)
	// Output:
	// invalid: body.to: must not be the account that it comes from
}

// transaction stands for one of a database.
type transaction struct{}

func (transaction) Commit() error   { fmt.Println("commit"); return nil }
func (transaction) Rollback() error { fmt.Println("roll back"); return nil }

// paymentScope handles one payment in a transaction of its own.
type paymentScope struct{ tx transaction }

func (s *paymentScope) Handle(_ context.Context, m message.Of[Payment]) error {
	if m.Body.Amount > 1000 {
		return message.Permanent(errors.New("the limit is 1000"))
	}
	fmt.Println("insert", m.Body.ID)
	return nil
}

func (s *paymentScope) Close(_ context.Context, outcome error) error {
	if outcome != nil {
		return errors.Join(outcome, s.tx.Rollback())
	}
	return s.tx.Commit()
}

// A transaction for each message.
func ExampleScoped() {
	r := messagetest.NewRegistry()
	message.Scoped(r, "payments", func(context.Context) (message.Scope[Payment], error) {
		return &paymentScope{transaction{}}, nil // db.BeginTx(ctx, nil)
	})
	receive(r, "payments", "PaymentReceived", `{"id": "p-1", "amount": 5}`)
	receive(r, "payments", "PaymentReceived", `{"id": "p-2", "amount": 5000}`)
	// Output:
	// insert p-1
	// commit
	// roll back
	// handler: the limit is 1000
}

// Careful is a handler with a hook.
type Careful struct{ Payments }

func (*Careful) Handle(context.Context, message.Of[Payment]) error {
	return errors.New("no such account")
}

func (*Careful) OnError(_ context.Context, m *message.Message, err error) error {
	if m.Attempt == 1 {
		return err
	}
	fmt.Println("gave up:", err)
	return nil // handled
}

// OnError decides what becomes of an error.
func ExampleErrorHandler() {
	r := messagetest.NewRegistry()
	message.Register(r, "payments", &Careful{})
	m := &message.Message{Topic: "payments"}
	_ = envelope.JSON{}.Encode(context.Background(), m, message.NewHeader("PaymentReceived", "example"), Payment{"p-1", 5})
	for m.Attempt = 1; m.Attempt <= 2; m.Attempt++ {
		fmt.Println(r.Handle(context.Background(), m))
	}
	// Output:
	// no such account
	// gave up: no such account
	// <nil>
}

// PaymentAccepted is an event: a model that knows where it goes.
type PaymentAccepted struct {
	ID string `json:"id" validate:"required"`
}

func (PaymentAccepted) Topic() string       { return "accepted" }
func (e PaymentAccepted) Key() string       { return e.ID }
func (PaymentAccepted) MessageType() string { return "PaymentAccepted" }

// A handler gets a Publisher by its constructor.
func ExamplePublisher() {
	var publisher messagetest.Publisher // in a service, Builder.Publisher
	r := messagetest.NewRegistry()
	message.Register(r, "payments", message.TypedHandlerFunc[Payment](func(ctx context.Context, m message.Of[Payment]) error {
		// The same id if this message is handled again, so that consumers can
		// tell that the event is the same.
		ctx = message.WithMessageID(ctx, "accepted-"+m.Header.MessageID)
		return publisher.Publish(ctx, PaymentAccepted{ID: m.Body.ID})
	}))
	receive(r, "payments", "PaymentReceived", `{"id": "p-1", "amount": 5}`)
	fmt.Printf("%+v\n", publisher.Events())
	// Output:
	// [{ID:p-1}]
}

// A rule for the headers of one registration, and a retry policy.
func ExampleWithHeaderRule() {
	r := messagetest.NewRegistry()
	message.Register(r, "payments", &Payments{},
		message.WithHeaderRule(func(h message.Header) error { return message.Required("correlationId", h.CorrelationID) }),
		message.WithRetry(message.RetryPolicy{Kind: message.RetryFixed, MaxAttempts: 10, Delay: time.Minute, MaxDelay: time.Minute}))
	receive(r, "payments", "PaymentReceived", `{"id": "p-1", "amount": 5}`)
	// Output:
	// invalid: header.correlationId: is required
}

// Middleware for one registration sees the decoded message.
func ExampleWith() {
	audit := func(next message.Handler) message.Handler {
		return message.HandlerFunc(func(ctx context.Context, m *message.Message) error {
			err := next.Handle(ctx, m)
			fmt.Println("audit:", m.Header.Producer, err)
			return err
		})
	}
	r := messagetest.NewRegistry()
	message.Register(r, "payments", &Payments{}, message.With(audit))
	receive(r, "payments", "PaymentReceived", `{"id": "p-1", "amount": 5}`)
	// Output:
	// PaymentReceived p-1 5
	// audit: example <nil>
}
