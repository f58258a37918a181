package schema_test

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/schema"
)

// refund is another type of the topic of payments.
type refund struct {
	ID string `json:"id"`
}

func TestSeveralTypesOfATopicHaveSubjectsOfTheirOwn(t *testing.T) {
	registry := startRegistry(t)
	start(t, settings(t, registry.URL()), topic, payment{}, refund{})
	for _, subject := range []string{"payments-shop.billing.PaymentReceived", "payments-refund"} {
		if len(registry.has(t, subject)) != 1 {
			t.Errorf("%s is not there", subject)
		}
	}
	if registry.SubjectExists("payments-value") {
		t.Error("payments-value is there")
	}
}

// Whichever type is published first, after a restart as well: each keeps its
// subject.
func TestUndeclaredTypesKeepTheirSubjects(t *testing.T) {
	registry := startRegistry(t)
	cfg := settings(t, registry.URL())
	h := message.NewHeader("refund", "tests")
	encode(t, newCodec(t, cfg), header(), payment{})
	encode(t, newCodec(t, cfg), h, &refund{})
	c := newCodec(t, cfg)
	encode(t, c, h, refund{})
	encode(t, c, header(), payment{})
	encode(t, start(t, cfg, topic, payment{}), header(), payment{})
	for _, subject := range []string{"payments-value", "payments-refund"} {
		if len(registry.has(t, subject)) != 1 {
			t.Errorf("%s has %d versions", subject, len(registry.has(t, subject)))
		}
	}
	if registry.SubjectExists("payments-shop.billing.PaymentReceived") {
		t.Error("payments has two subjects")
	}
}

// With its second type a topic's subjects change. What was registered before
// counts still, and so does its level.
func TestASecondTypeDoesNotHideWhatTheFirstOneWas(t *testing.T) {
	for _, tt := range []struct {
		next  any
		level sr.CompatibilityLevel
		field string // empty when the change is allowed
	}{
		{paymentChanged{}, 0, "amount"},
		{paymentAddedOptional{}, 0, ""},
		{paymentRemoved{}, 0, ""},
		{paymentRemoved{}, sr.CompatFull, "note"},
	} {
		registry := startRegistry(t)
		start(t, settings(t, registry.URL()), topic, paymentV1{})
		if tt.level != 0 {
			setLevel(t, registry.URL(), topic, tt.level)
		}
		c := newCodec(t, settings(t, registry.URL()))
		bind(t, c, topic, tt.next, refund{})
		err := c.Startup(t.Context())
		if tt.field == "" {
			if err != nil || len(registry.has(t, "payments-payment")) != 1 {
				t.Errorf("%T: %v", tt.next, err)
			}
			continue
		}
		broken, ok := errors.AsType[*schema.IncompatibleError](err)
		if !ok || broken.Break.Field != tt.field || broken.Subject != "payments-value" || broken.Against != "version 1" {
			t.Errorf("%T: %v", tt.next, err)
		}
	}
}

// And so when the second type goes again.
func TestTheLastTypeOfATopicKeepsItsVersions(t *testing.T) {
	registry := startRegistry(t)
	start(t, settings(t, registry.URL()), topic, paymentV1{}, refund{})
	c := newCodec(t, settings(t, registry.URL()))
	bind(t, c, topic, paymentChanged{})
	mustSay(t, c.Startup(t.Context()), "payments-payment", "field amount")
}

// What the topic's subject has of another type says nothing of this one.
func TestAnotherTypesVersionsAreNotCompared(t *testing.T) {
	registry := startRegistry(t)
	start(t, settings(t, registry.URL()), topic, refund{})
	setLevel(t, registry.URL(), topic, sr.CompatFullTransitive)
	start(t, settings(t, registry.URL()), topic, refund{}, paymentV1{})
	if got := levelOf(t, registry.URL(), "payments-payment"); got != sr.CompatBackward {
		t.Errorf("its level is %v", got)
	}
}

// An organisation's level for all subjects holds for those that say nothing;
// NONE for all is ignored.
func TestALevelForAllSubjectsIsNotLoosened(t *testing.T) {
	for global, want := range map[sr.CompatibilityLevel]sr.CompatibilityLevel{
		sr.CompatFullTransitive: sr.CompatFullTransitive,
		sr.CompatForward:        sr.CompatForward,
		sr.CompatBackward:       sr.CompatBackward,
		sr.CompatNone:           sr.CompatBackward,
	} {
		registry := startRegistry(t, srfake.WithGlobalCompat(global))
		start(t, settings(t, registry.URL()), topic, paymentV1{})
		if got := levelOf(t, registry.URL(), "payments-value"); got != want {
			t.Errorf("%v for all: it is now %v", global, got)
		}
	}
	registry := startRegistry(t, srfake.WithGlobalCompat(sr.CompatFull))
	start(t, settings(t, registry.URL()), topic, paymentV1{})
	c := newCodec(t, settings(t, registry.URL()))
	bind(t, c, topic, paymentRemoved{})
	mustSay(t, c.Startup(t.Context()), "not FULL compatible", "field note")
}

func levelOf(t *testing.T, url, subject string) sr.CompatibilityLevel {
	t.Helper()
	found := dial(t, url).Compatibility(t.Context(), subject)[0]
	if found.Err != nil {
		t.Fatal(found.Err)
	}
	return found.Level
}
