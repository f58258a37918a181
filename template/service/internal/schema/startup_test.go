package schema_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/schema"
)

func TestRegistersASchemaOnce(t *testing.T) {
	registry := startRegistry(t)
	for range 2 {
		start(t, settings(t, registry.URL()), topic, payment{})
	}
	if all := registry.has(t, "payments-value"); len(all) != 1 {
		t.Errorf("there are %d versions", len(all))
	}
}

// paymentV1 and the others are versions of one schema, with the changes that
// their names say.
type (
	paymentV1 struct {
		Amount float64 `json:"amount"`
		Note   string  `json:"note"`
	}
	paymentAdded struct {
		paymentV1
		Currency string `json:"currency"`
	}
	paymentAddedOptional struct {
		paymentV1
		Currency string `json:"currency,omitempty"`
	}
	paymentRemoved struct {
		Amount float64 `json:"amount"`
	}
	paymentChanged struct {
		Amount string `json:"amount"`
		Note   string `json:"note"`
	}
	paymentForward struct{ paymentAdded }
	paymentFull    struct{ paymentRemoved }
	paymentNone    struct{ paymentChanged }
	paymentLong    struct {
		paymentRemoved
		Note *int64 `json:"note"`
	}
)

func named(compatibility string) message.Schema {
	return message.Schema{Name: "payment", Compatibility: compatibility}
}

func (paymentV1) Schema() message.Schema            { return named("") }
func (paymentAdded) Schema() message.Schema         { return named("") }
func (paymentAddedOptional) Schema() message.Schema { return named("") }
func (paymentRemoved) Schema() message.Schema       { return named("") }
func (paymentChanged) Schema() message.Schema       { return named("") }
func (paymentForward) Schema() message.Schema       { return named("FORWARD") }
func (paymentFull) Schema() message.Schema          { return named("full") }
func (paymentLong) Schema() message.Schema          { return named("BACKWARD_TRANSITIVE") }
func (paymentNone) Schema() message.Schema          { return named("NONE") }

func TestChangesThatBreakAreRefusedAtTheStart(t *testing.T) {
	for _, tt := range []struct {
		next  any
		field string // empty when the change is allowed
	}{
		{paymentAdded{}, "currency"},
		{paymentAddedOptional{}, ""},
		{paymentRemoved{}, ""},
		{paymentChanged{}, "amount"},
		{paymentForward{}, ""},
		{paymentFull{}, "note"},
		{paymentNone{}, ""},
	} {
		registry := startRegistry(t)
		start(t, settings(t, registry.URL()), topic, paymentV1{})
		c := newCodec(t, settings(t, registry.URL()))
		bind(t, c, topic, tt.next)
		err := c.Startup(t.Context())
		versions := len(registry.has(t, "payments-value"))
		if tt.field == "" {
			if err != nil || versions != 2 {
				t.Errorf("%T: %v, %d versions", tt.next, err, versions)
			}
			continue
		}
		broken, ok := errors.AsType[*schema.IncompatibleError](err)
		if !ok || broken.Break.Field != tt.field || broken.Against != "version 1" || broken.Subject != "payments-value" || versions != 1 {
			t.Errorf("%T: %v, %d versions", tt.next, err, versions)
		}
	}
}

// A level with _TRANSITIVE looks at versions that the one before no more knows.
func TestTransitiveLevelsLookAtAllVersions(t *testing.T) {
	for compatibility, field := range map[sr.CompatibilityLevel]string{sr.CompatBackward: "", sr.CompatBackwardTransitive: "note"} {
		registry := startRegistry(t)
		for i, text := range []string{
			`{"type":"record","name":"payment","fields":[{"name":"amount","type":"double"},{"name":"note","type":"int"}]}`,
			`{"type":"record","name":"payment","fields":[{"name":"amount","type":"double"}]}`,
		} {
			registry.SeedSchema("payments-value", i+1, i+1, sr.Schema{Schema: text})
		}
		if err := registry.SetCompat("payments-value", compatibility); err != nil {
			t.Fatal(err)
		}
		type noted struct {
			paymentRemoved
			Note string `json:"note,omitempty"`
		}
		c := newCodec(t, settings(t, registry.URL()))
		bind(t, c, topic, noted{})
		err := c.Startup(t.Context())
		broken, _ := errors.AsType[*schema.IncompatibleError](err)
		if (field == "") != (err == nil) || field != "" && broken.Break.Field != field {
			t.Errorf("%v: %v", compatibility, err)
		}
	}
}

// What the model says goes into the registry, where it binds others too.
func TestSetsTheSubjectsCompatibility(t *testing.T) {
	registry := startRegistry(t, srfake.WithGlobalCompat(sr.CompatNone))
	start(t, settings(t, registry.URL()), topic, paymentForward{})
	client, err := sr.NewClient(sr.URLs(registry.URL()))
	if err != nil {
		t.Fatal(err)
	}
	if got := client.Compatibility(t.Context(), "payments-value")[0].Level; got != sr.CompatForward {
		t.Errorf("it is %v", got)
	}
}

// Others register the schema then, perhaps later. Until they do, what is published
// waits; reading goes by the writers' schemas and needs none of its own.
func TestLooksUpOnlyWhenItMayNotRegister(t *testing.T) {
	registry := startRegistry(t)
	lookup := settings(t, registry.URL(), "SCHEMA_REGISTRY_AUTO_REGISTER", "false")
	c := start(t, lookup, topic, paymentAddedOptional{})
	h := message.NewHeader("payment", "tests")
	err := c.Encode(t.Context(), &message.Message{Topic: topic}, h, paymentAddedOptional{})
	mustSay(t, err, "subject payments-value", "not registered", "SCHEMA_REGISTRY_AUTO_REGISTER")
	if !isUnavailable(err) || registry.SubjectExists("payments-value") {
		t.Errorf("it is %v", err)
	}

	registry.SeedSchema("payments-value", 1, 5, sr.Schema{Schema: c.Schemas()[0].Text})
	if m := encode(t, c, h, paymentAddedOptional{}); m.Value[4] != 5 {
		t.Errorf("it was written with the id %d", m.Value[4])
	}

	var log strings.Builder
	twice, err := schema.New(lookup, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	bind(t, twice, "others", paymentAddedOptional{})
	for range 2 { // each consumer starts the codec
		if err := twice.Startup(t.Context()); err != nil || strings.Count(log.String(), "not registered") != 1 {
			t.Errorf("%v, the log says: %s", err, log.String())
		}
	}

	broken := newCodec(t, lookup)
	bind(t, broken, topic, paymentChanged{})
	mustSay(t, broken.Startup(t.Context()), "field amount")
}

// While the registry is away nothing is given up: the start can be tried again,
// and so can messages. Schemas that are known need no registry.
func TestSaysThatTheRegistryIsAway(t *testing.T) {
	registry := startRegistry(t)
	registry.away.Store(true)
	c := newCodec(t, settings(t, registry.URL()))
	bind(t, c, topic, payment{})
	h := header()
	if err := c.Encode(t.Context(), &message.Message{Topic: topic}, h, payment{}); !isUnavailable(err) {
		t.Errorf("Encode says %v", err)
	}
	if err := c.Startup(t.Context()); !isUnavailable(err) || !strings.Contains(err.Error(), registry.URL()) {
		t.Errorf("Startup says %v", err)
	}
	registry.away.Store(false)
	if err := c.Startup(t.Context()); err != nil {
		t.Fatal(err)
	}

	m := encode(t, c, h, payment{ID: "1"})
	var got payment
	if _, err := decode(t, c, m, &got); err != nil { // now the id is known
		t.Fatal(err)
	}
	registry.away.Store(true)
	if _, err := decode(t, c, m, &got); err != nil {
		t.Errorf("a known id was asked for again: %v", err)
	}
	m.Value[4] = 99
	if _, err := decode(t, c, m, &got); !isUnavailable(err) {
		t.Errorf("Decode says %v", err)
	}
	registry.away.Store(false)
	if _, err := decode(t, c, m, &got); !isPermanent(err) {
		t.Errorf("after the registry confirmed that it does not know the id, Decode says %v", err)
	}
}

func TestTwoModelsOfATopicNeedTwoNames(t *testing.T) {
	c := newCodec(t, settings(t, "http://127.0.0.1:1"))
	bind(t, c, topic, paymentV1{})
	mustSay(t, c.Bind(topic, typeOf(paymentRemoved{})), "both called payment", `"payments"`)
}
