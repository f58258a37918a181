package gateway_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/somebody/shop/gateway"
	"github.com/somebody/shop/internal/message"
	"github.com/somebody/shop/models"
)

func TestCapture(t *testing.T) {
	for status, want := range map[int]message.Class{
		http.StatusOK:                  "",
		http.StatusPaymentRequired:     message.ClassHandler,
		http.StatusInternalServerError: message.ClassHandler,
		http.StatusGatewayTimeout:      message.ClassTimeout, // it does not answer at all
	} {
		api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/captures" || r.Header.Get("Idempotency-Key") != "key" {
				t.Errorf("%s with the key %q", r.URL.Path, r.Header.Get("Idempotency-Key"))
			}
			if p := new(models.Payment); json.NewDecoder(r.Body).Decode(p) != nil || p.ID != "P-1" {
				t.Errorf("the body is of %+v", p)
			}
			if status == http.StatusGatewayTimeout {
				<-r.Context().Done()
			}
			w.WriteHeader(status)
		}))
		err := gateway.New(api.URL, 100*time.Millisecond).Capture(t.Context(), "key", models.Payment{ID: "P-1"})
		if got := message.ClassOf(err); got != want {
			t.Errorf("%d: class %q, want %q: %v", status, got, want, err)
		}
		if declined := message.OutcomeOf(err) == message.OutcomePermanent; declined != (status == http.StatusPaymentRequired) {
			t.Errorf("%d: permanent is %v", status, declined)
		}
		api.Close()
	}
}
