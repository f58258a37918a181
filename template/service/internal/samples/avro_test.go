package samples

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
)

// A sample that is to be handled, and lacks a field of the schema, is told with
// the sample's and the field's name. One that is to be a dead letter is sent as it is.
func TestASampleThatItsSchemaCannotWriteIsNamed(t *testing.T) {
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"subject": "payments-value", "version": 1, "id": 7,
			"schema": "{\"type\": \"record\", \"name\": \"Payment\", \"fields\": [{\"name\": \"customer\", \"type\": \"string\"}]}"}`)
	}))
	defer registry.Close()
	to := Target{Registry: registry.URL}
	s := Sample{Topic: "payments", Name: "a payment", Expect: NameOf(engine.Handled), Value: []byte(`{"header": {"messageType": "Payment"}, "body": {"id": "P-1"}}`)}
	_, err := to.encode(t.Context(), []Sample{s})
	if err == nil || !strings.Contains(err.Error(), `sample "a payment" of payments`) || !strings.Contains(err.Error(), "customer") {
		t.Errorf("got %v", err)
	}
	s.Expect = NameOf(engine.DeadLettered)
	sent, err := to.encode(t.Context(), []Sample{s})
	if err != nil || string(sent[0].Value) != string(s.Value) {
		t.Errorf("got %s, %v; want it as it is", sent[0].Value, err)
	}
}
