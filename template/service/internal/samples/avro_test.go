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
		_, _ = io.WriteString(w, `{"subject": "orders-value", "version": 1, "id": 7,
			"schema": "{\"type\": \"record\", \"name\": \"Order\", \"fields\": [{\"name\": \"customer\", \"type\": \"string\"}]}"}`)
	}))
	defer registry.Close()
	to := Target{Registry: registry.URL}
	s := Sample{Topic: "orders", Name: "an order", Expect: NameOf(engine.Handled), Value: []byte(`{"header": {"messageType": "Order"}, "body": {"id": "A-1"}}`)}
	_, err := to.encode(t.Context(), []Sample{s})
	if err == nil || !strings.Contains(err.Error(), `sample "an order" of orders`) || !strings.Contains(err.Error(), "customer") {
		t.Errorf("got %v", err)
	}
	s.Expect = NameOf(engine.DeadLettered)
	sent, err := to.encode(t.Context(), []Sample{s})
	if err != nil || string(sent[0].Value) != string(s.Value) {
		t.Errorf("got %s, %v; want it as it is", sent[0].Value, err)
	}
}
