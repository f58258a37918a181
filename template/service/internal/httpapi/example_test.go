package httpapi_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/httpapi"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Payment is the model of the messages on the topic payments.
type Payment struct {
	ID     string  `json:"id" validate:"required"`
	Amount float64 `json:"amount" validate:"gt=0"`
}

func (Payment) Topic() string       { return "payments" }
func (p Payment) Key() string       { return p.ID }
func (Payment) MessageType() string { return "PaymentReceived" }

// Payments publishes what is posted to /payments, but not for everybody.
type Payments struct{ publisher message.Publisher }

func (e *Payments) Post(ctx context.Context, r httpapi.Request[Payment]) error {
	if r.Header.Get("Authorization") == "" {
		return &httpapi.Error{Status: http.StatusUnauthorized, Detail: "who are you?"}
	}
	return e.publisher.Publish(ctx, r.Body)
}

// printer stands for a Publisher.
type printer struct{ message.Publisher }

func (printer) Publish(_ context.Context, e message.Event) error {
	fmt.Printf("published to %s, key %s\n", e.Topic(), e.Key())
	return nil
}

func ExamplePost() {
	cfg := config.Config{HTTP: config.HTTP{RequestTimeout: time.Second, MaxBodyBytes: 1 << 20, MaxRequests: 10}}
	api := httpapi.New(cfg, slog.New(slog.DiscardHandler))
	httpapi.Post(api, "/payments", &Payments{printer{}})

	post := func(body, authorization string) {
		r := httptest.NewRequest(http.MethodPost, "/payments", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", "k-1")
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	post(`{"id": "p-1", "amount": 9.5}`, "me")
	post(`{"id": "p-1", "amount": 9.5}`, "")
	post(`{"id": "p-1", "amount": 0}`, "me")
	// Output:
	// published to payments, key p-1
	// 202 {"messageId":"k-1","correlationId":"k-1"}
	// 401 {"title":"Unauthorized","status":401,"detail":"who are you?"}
	// 400 {"title":"Bad Request","status":400,"detail":"body.amount: must be greater than 0","errors":[{"field":"amount","detail":"must be greater than 0"}]}
}
