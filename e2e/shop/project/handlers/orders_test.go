package handlers_test

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/somebody/shop/gateway"
	"github.com/somebody/shop/handlers"
	"github.com/somebody/shop/internal/message"
	"github.com/somebody/shop/internal/message/messagetest"
	"github.com/somebody/shop/models"
	"github.com/somebody/shop/store/storetest"
)

const order = `{"id": "A-1", "customer": "ann", "cents": 950}`

// shop is what a test looks at, behind the registered handlers.
type shop struct {
	*message.Registry
	store     *storetest.Store
	published *messagetest.Publisher
	stored    prometheus.Counter
}

func newShop() shop {
	s := shop{messagetest.NewRegistry(), storetest.New(), new(messagetest.Publisher), prometheus.NewCounter(prometheus.CounterOpts{Name: "stored"})}
	handlers.Register(s.Registry, handlers.Deps{
		Log: slog.New(slog.DiscardHandler), Publisher: s.published, Store: s.store, Gateway: new(gateway.Gateway), Stored: s.stored,
	})
	return s
}

func TestOrders(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       message.Class // empty when it is handled
	}{
		{"valid", order, ""},
		{"no customer", `{"id": "A-1", "cents": 950}`, message.ClassInvalid},
		{"for nothing", `{"id": "A-1", "customer": "ann", "cents": 0}`, message.ClassInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newShop()
			err := messagetest.Handle(t, s.Registry, "orders", tt.body)
			if got := message.ClassOf(err); got != tt.want {
				t.Errorf("class %q, want %q: %v", got, tt.want, err)
			}
			if stored := len(s.store.Orders()); (stored == 1) != (tt.want == "") {
				t.Errorf("%d orders are stored", stored)
			}
		})
	}
}

func TestAnOrderThatComesAgainIsStoredOnceAndHasTheSameEvent(t *testing.T) {
	s := newShop()
	for range 2 {
		if err := messagetest.Handle(t, s.Registry, "orders", order, messagetest.ID("m-1")); err != nil {
			t.Fatal(err)
		}
	}
	if n := testutil.ToFloat64(s.stored); n != 1 || s.store.Orders()["m-1"].ID != "A-1" {
		t.Errorf("%v stored: %v", n, s.store.Orders())
	}
	published := s.published.Messages()
	if len(published) != 2 {
		t.Fatalf("%d events are published, want one for each time", len(published))
	}
	for _, m := range published {
		if m.Header.MessageID != "accepted-m-1" || m.Decoded != (models.OrderAccepted{OrderID: "A-1", Cents: 950}) {
			t.Errorf("published %s %v", m.Header.MessageID, m.Decoded)
		}
	}
}

func TestWhatIsNotCommittedIsTriedAgain(t *testing.T) {
	s := newShop()
	s.store.CommitErr = errors.New("could not serialize access")
	err := messagetest.Handle(t, s.Registry, "orders", order)
	if !errors.Is(err, s.store.CommitErr) || message.OutcomeOf(err) == message.OutcomePermanent || testutil.ToFloat64(s.stored) != 0 {
		t.Errorf("%v, %v stored", err, testutil.ToFloat64(s.stored))
	}
}
