package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

const (
	trace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	parent = "00-" + trace + "-00f067aa0ba902b7-01"
)

func TestAMessageInheritsFromItsRequest(t *testing.T) {
	for _, c := range []struct {
		name        string
		headers     []string
		id          string // a fresh one when it is empty
		correlation string // the message's id when it is empty
		trace       string
	}{
		{"nothing", nil, "", "", "[]"},
		{"an idempotency key", []string{"Idempotency-Key", "k-1"}, "k-1", "", "[]"},
		{"one in quotes, as its draft has it", []string{"Idempotency-Key", `"k-1"`}, "k-1", "", "[]"},
		{"a correlation id", []string{"X-Correlation-ID", "c-1"}, "", "c-1", "[]"},
		{"a trace", []string{"traceparent", parent, "tracestate", "a=1", "baggage", "user=7"}, "", trace, "[{traceparent " + parent + "} {tracestate a=1} {baggage user=7}]"},
		{"a trace and a correlation id", []string{"traceparent", parent, "X-Correlation-ID", "c-1"}, "", "c-1", "[{traceparent " + parent + "}]"},
		{"a trace of the future", []string{"traceparent", "01" + parent[2:] + "-more"}, "", trace, "[{traceparent 01" + parent[2:] + "-more}]"},
		{"baggage without a trace", []string{"baggage", "user=7"}, "", "", "[{baggage user=7}]"},
		{"what is no trace", []string{"traceparent", "00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01", "tracestate", "a=1"}, "", "", "[]"},
		{"a trace with something after it", []string{"traceparent", parent + "-more"}, "", "", "[]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var m *message.Message
			registry := message.NewRegistry(envelope.JSON{}, nil)
			a := newAPI(func(ctx context.Context, r Request[payment]) (err error) {
				m, err = registry.Encode(ctx, paid{r.Body}, "test")
				return err
			})
			response := send(t, a, http.MethodPost, "/payments", valid, c.headers...)
			var answer accepted
			if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.Code != http.StatusAccepted {
				t.Fatalf("%d, %v", response.Code, err)
			}
			if c.id != "" && answer.MessageID != c.id || answer.MessageID == "" {
				t.Errorf("message id %q, want %q", answer.MessageID, c.id)
			}
			if c.correlation == "" {
				c.correlation = answer.MessageID
			}
			if answer.CorrelationID != c.correlation || m.Header.CorrelationID != c.correlation {
				t.Errorf("correlation ids %q and %q, want %q", answer.CorrelationID, m.Header.CorrelationID, c.correlation)
			}
			if got := texts(m.Headers); got != c.trace {
				t.Errorf("headers %s, want %s", got, c.trace)
			}
		})
	}
}

// paid is an event that an endpoint publishes.
type paid struct{ payment }

func (paid) Topic() string       { return "payments" }
func (paid) Key() string         { return "" }
func (paid) MessageType() string { return "Paid" }

func texts(fields []message.Field) string {
	shown := []string{}
	for _, f := range fields {
		shown = append(shown, fmt.Sprintf("{%s %s}", f.Key, f.Value))
	}
	return fmt.Sprint(shown)
}

func TestIDsThatCannotBeOnesAreRefused(t *testing.T) {
	for _, id := range []string{" ", `"`, `""`, `"a`, "a b", "größe", strings.Repeat("x", 129)} {
		for _, name := range []string{"Idempotency-Key", "X-Correlation-ID"} {
			p := refused(t, send(t, newAPI(takes), http.MethodPost, "/payments", valid, name, id), http.StatusBadRequest)
			if len(p.Errors) != 1 || p.Errors[0].Header != name {
				t.Errorf("%s: %q: errors %+v", name, id, p.Errors)
			}
		}
	}
}
