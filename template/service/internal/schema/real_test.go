package schema_test

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/schema"
)

// realRegistry returns the URL of a Schema Registry that SCHEMA_REGISTRY_TEST_URL
// names, such as http://localhost:8081. The tests leave subjects behind in it.
func realRegistry(t *testing.T) string {
	t.Helper()
	url := os.Getenv("SCHEMA_REGISTRY_TEST_URL")
	if url == "" {
		t.Skip("NOT TESTED on a real Schema Registry: SCHEMA_REGISTRY_TEST_URL names none")
	}
	return url
}

// What is incompatible is refused twice: here, with the field that breaks, and
// by the registry, with the level that this package set for the subject.
func TestARealRegistryRefusesWhatThisRefuses(t *testing.T) {
	url := realRegistry(t)
	for _, format := range []string{"avro", "json"} {
		cfg := settings(t, url, "SCHEMA_REGISTRY_FORMAT", format)
		for _, broken := range []struct {
			model any
			field string
		}{
			{paymentChanged{}, "amount"},
			{paymentFull{}, "note"},
		} {
			topic := "test-" + uuid.NewString()
			start(t, cfg, topic, paymentV1{})
			if _, ok := broken.model.(paymentFull); ok { // the model asks for more than the subject does
				setLevel(t, url, topic, sr.CompatFull)
			}
			c := newCodec(t, cfg)
			bind(t, c, topic, broken.model)
			refused, ok := errors.AsType[*schema.IncompatibleError](c.Startup(t.Context()))
			if !ok || refused.Break.Field != broken.field {
				t.Errorf("%s %T: it says %v, want the field %s", format, broken.model, refused, broken.field)
			}

			client := dial(t, url)
			kind := sr.TypeAvro
			if format == "json" {
				kind = sr.TypeJSON
			}
			_, err := client.RegisterSchema(t.Context(), topic+"-value", sr.Schema{Schema: c.Schemas()[0].Text, Type: kind}, -1, -1)
			if e, ok := errors.AsType[*sr.ResponseError](err); !ok || e.StatusCode != http.StatusConflict {
				t.Errorf("%s %T: the registry says %v, and not that it is incompatible", format, broken.model, err)
			}
		}
	}
}

// The change that this package allows is allowed by the registry, and who wrote
// by the first version is read by the second.
func TestARealRegistryTakesWhatThisAllows(t *testing.T) {
	url := realRegistry(t)
	for _, format := range []string{"avro", "json"} {
		topic := "test-" + uuid.NewString()
		cfg := settings(t, url, "SCHEMA_REGISTRY_FORMAT", format)
		old := start(t, cfg, topic, paymentV1{})
		m := &message.Message{Topic: topic}
		h := message.NewHeader("payment", "tests")
		if err := old.Encode(t.Context(), m, h, paymentV1{12.5, "n"}); err != nil {
			t.Fatal(err)
		}
		now := start(t, cfg, topic, paymentAddedOptional{})
		var got paymentAddedOptional
		if _, err := decode(t, now, m, &got); err != nil || got.Amount != 12.5 || got.Currency != "" {
			t.Errorf("%s: %+v, %v", format, got, err)
		}
		if versions, err := dial(t, url).SubjectVersions(t.Context(), topic+"-value"); err != nil || len(versions) != 2 {
			t.Errorf("%s: versions %v, %v", format, versions, err)
		}
		m.Value[1] = 0x7f // an id that no registry has given yet
		if _, err := decode(t, now, m, &got); !isPermanent(err) || !strings.Contains(err.Error(), "unknown to the registry") {
			t.Errorf("%s: an unknown id: %v", format, err)
		}
	}
}

func dial(t *testing.T, url string) *sr.Client {
	t.Helper()
	client, err := sr.NewClient(sr.URLs(url))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func setLevel(t *testing.T, url, topic string, l sr.CompatibilityLevel) {
	t.Helper()
	if err := dial(t, url).SetCompatibility(t.Context(), sr.SetCompatibility{Level: l}, topic+"-value")[0].Err; err != nil {
		t.Fatal(err)
	}
}
