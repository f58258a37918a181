package message_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Ledger is a handler with all that a handler may have beside its Handle. Each
// of these methods is optional, and called because it is there.
type Ledger struct{ entries int }

func (l *Ledger) Startup(context.Context) error {
	fmt.Println("open")
	return nil
}

func (l *Ledger) Shutdown(context.Context) error {
	fmt.Println("close with", l.entries, "entries")
	return nil
}

func (l *Ledger) Before(_ context.Context, m *message.Message) error {
	fmt.Println("before", m.Header.MessageType)
	return nil
}

func (l *Ledger) Handle(_ context.Context, m message.Of[Payment]) error {
	if m.Body.Amount > 1000 {
		return errors.New("the limit is 1000")
	}
	l.entries++
	return nil
}

func (l *Ledger) After(_ context.Context, m *message.Message) error {
	fmt.Println("after", m.Body.(*Payment).ID)
	return nil
}

func (l *Ledger) OnError(_ context.Context, m *message.Message, err error) error {
	fmt.Printf("attempt %d: %v\n", m.Attempt, err)
	return message.Retry(err)
}

func (l *Ledger) HandleTombstone(_ context.Context, m *message.Message) error {
	fmt.Printf("delete %s\n", m.Key)
	return nil
}

// The life of a handler, from before the first message to after the last.
func ExampleRegistry_Startup() {
	ctx, r := context.Background(), message.NewRegistry()
	message.Register(r, "payments", &Ledger{})
	if err := r.Startup(ctx); err != nil { // the consumer does this
		fmt.Println(err)
	}
	send(r, "payments", "PaymentReceived", Payment{ID: "p-1", Amount: 5})
	send(r, "payments", "PaymentReceived", Payment{ID: "p-2", Amount: 5000})
	_ = r.Handle(ctx, &message.Message{Topic: "payments", Key: []byte("p-3")})
	if err := r.Shutdown(ctx); err != nil { // and this, after the drain
		fmt.Println(err)
	}
	// Output:
	// open
	// before PaymentReceived
	// after p-1
	// before PaymentReceived
	// attempt 1: the limit is 1000
	// handler: the limit is 1000
	// delete p-3
	// close with 1 entries
}

// An error that OnError turns into another outcome: nil is handled.
func ExampleErrorHandler() {
	r := message.NewRegistry()
	message.Register(r, "payments", forgiving{})
	send(r, "payments", "PaymentReceived", Payment{ID: "p-1", Amount: 5})
	// Output:
	// forgiven: no such account
}

// forgiving is a handler of which every error is handled.
type forgiving struct{}

func (forgiving) Handle(context.Context, message.Of[Payment]) error {
	return errors.New("no such account")
}

func (forgiving) OnError(_ context.Context, _ *message.Message, err error) error {
	fmt.Println("forgiven:", err)
	return nil
}

// returning registers a handler of payments that returns err, and prints what
// becomes of a message.
func returning(err error) {
	r := message.NewRegistry()
	message.Register(r, "payments", message.TypedHandlerFunc[Payment](func(context.Context, message.Of[Payment]) error { return err }))
	m, h := &message.Message{Topic: "payments"}, message.NewHeader("PaymentReceived", "example")
	_ = message.JSON{}.Encode(context.Background(), m, &h, Payment{ID: "p-1", Amount: 5})
	err = r.Handle(context.Background(), m)
	fmt.Printf("%v (%s): again %v, never %v, when it is back %v\n",
		err, message.ClassOf(err), message.IsRetry(err), message.IsPermanent(err), message.IsUnavailable(err))
}

// Tried again by the retry policy, and then left to the error policy.
func ExampleRetry() {
	returning(message.Retry(errors.New("the row is locked")))
	// Output:
	// the row is locked (handler): again true, never false, when it is back false
}

// Left to the error policy at once: a dead letter, mostly.
func ExamplePermanent() {
	returning(message.Permanent(errors.New("the account is closed")))
	// Output:
	// the account is closed (handler): again false, never true, when it is back false
}

// Tried again until it works, because it is not the message's fault.
func ExampleUnavailable() {
	returning(message.Unavailable(errors.New("the database is away")))
	// Output:
	// the database is away (unavailable): again false, never false, when it is back true
}

// A failure with a class of its own, as dead letters and metrics tell it.
func ExampleFail() {
	returning(message.Fail(message.ClassInvalid, "body.iban: wrong check digits"))
	// Output:
	// body.iban: wrong check digits (invalid): again false, never true, when it is back false
}

// Messages of types that nobody has a model for.
func ExampleRegisterDefault() {
	r := message.NewRegistry()
	message.Register(r, "payments", message.TypedHandlerFunc[PaymentReturned](func(_ context.Context, m message.Of[PaymentReturned]) error {
		fmt.Println("returned:", m.Body.Reason)
		return nil
	}))
	message.RegisterDefault(r, "payments", message.HandlerFunc(func(_ context.Context, m *message.Message) error {
		fmt.Println("passed over:", m.Header.MessageType)
		return nil
	}))
	send(r, "payments", "PaymentReturned", PaymentReturned{ID: "p-1", Reason: "account closed"})
	send(r, "payments", "PaymentLost", Payment{ID: "p-2", Amount: 5})
	// Output:
	// returned: account closed
	// passed over: PaymentLost
}

// Several messages at once, each with its own outcome.
func ExampleRegisterBatch() {
	r := message.NewRegistry()
	message.RegisterBatch(r, "payments", message.BatchHandlerFunc[Payment](func(ctx context.Context, batch []message.Of[Payment]) []error {
		outcomes := make([]error, len(batch))
		for i, m := range batch {
			if m.Body.Amount > 1000 {
				outcomes[i] = message.Permanent(errors.New("the limit is 1000"))
			}
			// A batch's context is of no message: what is done because of one
			// of them gets that one's.
			_ = notify(message.NewContext(ctx, m.Message))
		}
		return outcomes
	}), message.Batch{Size: 100, Wait: 50 * time.Millisecond})
	send(r, "payments", "PaymentReceived", Payment{ID: "p-1", Amount: 5})
	send(r, "payments", "PaymentReturned", Payment{ID: "p-2", Amount: 5000})
	// Output:
	// because of PaymentReceived
	// because of PaymentReturned
	// handler: the limit is 1000
}

// notify is called from handlers and has nothing but their context.
func notify(ctx context.Context) error {
	if m, ok := message.FromContext(ctx); ok {
		fmt.Println("because of", m.Header.MessageType)
	}
	return nil
}

// What a handler calls can ask for the message that is being handled.
func ExampleFromContext() {
	r := message.NewRegistry()
	message.Register(r, "payments", message.TypedHandlerFunc[Payment](func(ctx context.Context, _ message.Of[Payment]) error {
		return notify(ctx)
	}))
	send(r, "payments", "PaymentReceived", Payment{ID: "p-1", Amount: 5})
	// Output:
	// because of PaymentReceived
}

// A message as the one being handled, in the test of what a handler calls.
func ExampleNewContext() {
	h := message.NewHeader("PaymentReceived", "example")
	_ = notify(message.NewContext(context.Background(), &message.Message{Header: &h}))
	// Output:
	// because of PaymentReceived
}

// plainLog returns a logger whose lines are the same each time.
func plainLog() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "duration" || a.Key == "id" {
				return slog.Attr{}
			}
			return a
		},
	}))
}

// Middleware for all topics: the first is the outermost.
func ExampleNewRegistry() {
	r := message.NewRegistry(message.Log(plainLog()), message.Recover, message.Timeout(time.Second))
	message.Register(r, "payments", message.TypedHandlerFunc[Payment](func(context.Context, message.Of[Payment]) error {
		panic("out of cheese")
	}))
	send(r, "payments", "PaymentReceived", Payment{ID: "p-1", Amount: 5})
	// Output:
	// level=DEBUG msg=failed topic=payments partition=0 offset=0 attempt=1 type=PaymentReceived class=panic error="panic: out of cheese"
	// panic: panic: out of cheese
}

// Middleware of one's own, for what belongs around many handlers.
func ExampleMiddleware() {
	count := 0
	counting := func(next message.Handler) message.Handler {
		return message.HandlerFunc(func(ctx context.Context, m *message.Message) error {
			count++
			return next.Handle(ctx, m)
		})
	}
	r := message.NewRegistry(counting)
	message.Register(r, "payments", &Payments{}, message.With(counting))
	send(r, "payments", "PaymentReceived", Payment{ID: "p-1", Amount: 5})
	fmt.Println(count, "calls")
	// Output:
	// PaymentReceived p-1 5
	// 2 calls
}

// A mistake in the wiring stops the start.
func ExampleRegisterSafely() {
	r := message.NewRegistry()
	message.Register(r, "payments", &Payments{})
	fmt.Println(message.RegisterSafely(r, "payments", &Payments{}))
	fmt.Println(message.RegisterSafely(r, "payments.dlq", &Payments{}))
	// Output:
	// message: register message_test.Payment on topic "payments": the topic has a handler for all its messages already
	// message: register message_test.Payment on topic "payments.dlq": dead letters are not consumed, but sent back to their topic once their cause is gone
}

// A model that refuses fields it does not know.
func ExampleForbidExtra() {
	type refund struct {
		message.ForbidExtra
		ID string `json:"id"`
	}
	r := message.NewRegistry()
	message.Register(r, "refunds", message.TypedHandlerFunc[refund](func(context.Context, message.Of[refund]) error { return nil }))
	send(r, "refunds", "Refund", map[string]any{"id": "r-1", "amount": 5})
	// Output:
	// invalid: body.amount: unknown field
}

// A header of the transport, and not of the envelope.
func ExampleMessage_Get() {
	m := message.Message{Headers: []message.Field{{Key: "tenant", Value: []byte("north")}}}
	tenant, ok := m.Get("tenant")
	fmt.Printf("%s %v\n", tenant, ok)
	// Output:
	// north true
}

// What a handler needs for one message alone comes from a provider, which
// knows the message by its context: here, the books of its tenant.
func ExampleScoped_provider() {
	r := message.NewRegistry()
	message.Scoped(r, "payments", func(ctx context.Context) (message.TypedHandler[Payment], func(error) error, error) {
		m, _ := message.FromContext(ctx)
		tenant, _ := m.Get("tenant")
		books, err := openBooks(string(tenant))
		if err != nil {
			return nil, nil, message.Permanent(err)
		}
		return books, books.close, nil
	})
	ctx, h := context.Background(), message.NewHeader("PaymentReceived", "example")
	for _, tenant := range []string{"north", ""} {
		m := &message.Message{Topic: "payments", Headers: []message.Field{{Key: "tenant", Value: []byte(tenant)}}}
		_ = message.JSON{}.Encode(ctx, m, &h, Payment{ID: "p-1", Amount: 5})
		if err := r.Handle(ctx, m); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// open north
	// enter p-1
	// close north
	// open scope: no tenant
}

// books stands for what is opened for one message.
type books struct{ tenant string }

func openBooks(tenant string) (*books, error) {
	if tenant == "" {
		return nil, errors.New("no tenant")
	}
	fmt.Println("open", tenant)
	return &books{tenant}, nil
}

func (b *books) Handle(_ context.Context, m message.Of[Payment]) error {
	fmt.Println("enter", m.Body.ID)
	return nil
}

func (b *books) close(err error) error {
	fmt.Println("close", b.tenant)
	return err
}
