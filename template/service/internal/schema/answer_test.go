package schema_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/schema"
)

// answering returns the URL of what answers everything so.
func answering(t *testing.T, status int, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// None of these says that the registry does not know the schema, so neither the
// message that is read nor the one that is published becomes a dead letter, and
// nothing is written with an id that the registry did not give.
func TestOnlyTheRegistryCanSayThatAnIDIsUnknown(t *testing.T) {
	for name, url := range map[string]string{
		"a proxy's 404":        answering(t, http.StatusNotFound, "404 page not found"),
		"another 404":          answering(t, http.StatusNotFound, `{"error_code":404,"message":"HTTP 404 Not Found"}`),
		"wrong credentials":    answering(t, http.StatusUnauthorized, `{"error_code":401,"message":"no"}`),
		"a missing permission": answering(t, http.StatusForbidden, `{"error_code":40301,"message":"no"}`),
		"it took too long":     answering(t, http.StatusRequestTimeout, ""),
		"too many requests":    answering(t, http.StatusTooManyRequests, ""),
		"its database":         answering(t, http.StatusInternalServerError, `{"error_code":50001}`),
		"no JSON":              answering(t, http.StatusOK, "hello"),
		"other JSON":           answering(t, http.StatusOK, `{"status":"maintenance"}`),
		"an empty schema":      answering(t, http.StatusOK, `{"id":0,"schema":""}`),
	} {
		c := newCodec(t, settings(t, url))
		var got payment
		_, err := decode(t, c, &message.Message{Topic: topic, Value: []byte{0, 0, 0, 0, 1, 2}}, &got)
		if !isUnavailable(err) {
			t.Errorf("%s: Decode says %v", name, err)
		}
		h, m := header(), &message.Message{Topic: topic}
		if err := c.Encode(t.Context(), m, h, payment{ID: "1"}); !isUnavailable(err) || m.Value != nil {
			t.Errorf("%s: Encode says %v and wrote % x", name, err, m.Value)
		}
	}
}

// Wrong credentials and a wrong URL end the start. What may be temporary is
// waited for.
func TestStartupFailsOnWhatWaitingCannotFix(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		passes bool
		says   string
	}{
		{http.StatusNotFound, "404 page not found", false, "is SCHEMA_REGISTRY_URL right?"},
		{http.StatusUnauthorized, `{"error_code":401,"message":"no"}`, false, "refuses these credentials (401): no"},
		{http.StatusForbidden, `{"error_code":40301,"message":"no"}`, false, "a permission is missing for POST"},
		{http.StatusUnprocessableEntity, `{"error_code":42201,"message":"Invalid schema"}`, false, "it says 422: Invalid schema"},
		{http.StatusRequestTimeout, "", true, "it says 408"},
		{http.StatusTooManyRequests, "", true, "it says 429"},
		{http.StatusBadGateway, "", true, "it says 502"},
		{http.StatusOK, `{"status":"maintenance"}`, true, "its answer has no id in it"},
	} {
		url := answering(t, tt.status, tt.body)
		c := newCodec(t, settings(t, url, "SCHEMA_REGISTRY_TOKEN", "hush-token"))
		bind(t, c, topic, payment{})
		err := c.Startup(t.Context())
		mustSay(t, err, "schema of schema_test.payment in subject payments-value: schema registry "+url, tt.says)
		if isUnavailable(err) != tt.passes {
			t.Errorf("%d: it may pass is not %v: %v", tt.status, tt.passes, err)
		}
		if contains(err, "hush") {
			t.Errorf("it shows the token: %v", err)
		}
	}
}

// conflicted answers as a registry does that will not have a schema.
func conflicted(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/versions") || strings.HasPrefix(r.URL.Path, "/compatibility") {
		return false
	}
	w.WriteHeader(http.StatusConflict)
	_, _ = w.Write([]byte(`{"error_code":409,"message":"reader field amount has another type"}`))
	return true
}

// The registry may judge by more than this package does.
func TestWhatTheRegistryDoesNotTakeIsIncompatible(t *testing.T) {
	registry := startRegistry(t)
	registry.Intercept(conflicted)
	c := newCodec(t, settings(t, registry.URL()))
	bind(t, c, topic, payment{})
	err := c.Startup(t.Context())
	mustSay(t, err, "payments-value", "BACKWARD", "the registry says: reader field amount has another type")
	if _, ok := errors.AsType[*schema.IncompatibleError](err); !ok || isUnavailable(err) {
		t.Errorf("it is %T", err)
	}
	code, _, stderr := call(t, registry.URL(), "avro", payment{}, "register")
	if code != 1 || !strings.Contains(stderr, "the registry says") {
		t.Errorf("register: exit code %d\n%s", code, stderr)
	}
}

// foreign is a registry that notes what it is asked to compare, and always says the same.
func foreign(t *testing.T, asked *[]string, compatible string, versions ...sr.Schema) *fake {
	t.Helper()
	registry := startRegistry(t)
	registry.SeedSchema("money", 1, 91, sr.Schema{Schema: `{"type":"record","name":"Money","namespace":"shop","fields":[]}`})
	for i, s := range versions {
		registry.SeedSchema("payments-value", i+1, i+1, s)
	}
	registry.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/compatibility/") {
			return false
		}
		*asked = append(*asked, r.Method+" "+r.URL.Path)
		_, _ = w.Write([]byte(compatible))
		return true
	})
	return registry
}

// The registry is asked of what cannot be compared here, and its word counts:
// with regard to all versions where the level does so.
func TestForeignVersionsAreForTheRegistry(t *testing.T) {
	oneOf := sr.Schema{Schema: `{"oneOf":[{"type":"object"}]}`, Type: sr.TypeJSON}
	plain := sr.Schema{Schema: record("payment", field("amount", `"double"`))}
	for _, tt := range []struct {
		name, format string
		versions     []sr.Schema
		model        any
		asked        string
	}{
		{"other words", "json", []sr.Schema{oneOf}, paymentV1{}, "/versions/latest"},
		{"references", "avro", []sr.Schema{{Schema: record("payment", field("amount", `"shop.Money"`)), References: []sr.SchemaReference{{Name: "shop.Money", Subject: "money", Version: 1}}}}, paymentV1{}, "/versions/latest"},
		{"a default that is none", "avro", []sr.Schema{{Schema: record("payment", field("amount", `"double"`, `"default":"x"`))}}, paymentV1{}, "/versions/latest"},
		{"the first of two", "avro", []sr.Schema{{Schema: record("payment", field("amount", `"double"`, `"default":"x"`))}, plain}, paymentLong{}, "/versions"},
	} {
		var asked []string
		registry := foreign(t, &asked, `{"is_compatible":true}`, tt.versions...)
		start(t, settings(t, registry.URL(), "SCHEMA_REGISTRY_FORMAT", tt.format), topic, tt.model)
		if want := "POST /compatibility/subjects/payments-value" + tt.asked; len(asked) != 1 || asked[0] != want {
			t.Errorf("%s: it was asked %q, want %s", tt.name, asked, want)
		}
		if got := len(registry.has(t, "payments-value")); got != len(tt.versions)+1 {
			t.Errorf("%s: there are %d versions", tt.name, got)
		}

		registry = foreign(t, &asked, `{"is_compatible":false,"messages":["amount is gone"]}`, tt.versions...)
		c := newCodec(t, settings(t, registry.URL(), "SCHEMA_REGISTRY_FORMAT", tt.format))
		bind(t, c, topic, tt.model)
		err := c.Startup(t.Context())
		mustSay(t, err, "the registry says: amount is gone")
		if got := len(registry.has(t, "payments-value")); got != len(tt.versions) || isUnavailable(err) {
			t.Errorf("%s: there are %d versions after %v", tt.name, got, err)
		}
	}
}
