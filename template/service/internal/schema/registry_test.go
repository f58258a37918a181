package schema_test

import (
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/schema"
)

// fake is a registry in this process. It keeps what it is given and refuses
// nothing, so whatever is refused in these tests is refused by this package.
type fake struct {
	*srfake.Registry
	away     atomic.Bool  // it answers 503
	requests atomic.Int64 // of any kind
}

func startRegistry(t testing.TB, options ...srfake.Option) *fake {
	t.Helper()
	f := &fake{Registry: srfake.New(options...)}
	t.Cleanup(f.Close)
	f.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		f.requests.Add(1)
		if f.away.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return f.away.Load()
	})
	return f
}

// has returns the versions that the registry has of a subject.
func (f *fake) has(t *testing.T, subject string) []sr.SubjectSchema {
	t.Helper()
	var all []sr.SubjectSchema
	for version := 1; ; version++ {
		s, ok := f.GetSchema(subject, version)
		if !ok {
			return all
		}
		all = append(all, s)
	}
}

// settings returns the settings for a registry, and then what else is given as
// names and values.
func settings(t testing.TB, url string, more ...string) config.Registry {
	t.Helper()
	variables := embedded.Settings("127.0.0.1:1", "tests")
	variables["SCHEMA_REGISTRY_URL"] = url
	for i := 0; i < len(more); i += 2 {
		variables[more[i]] = more[i+1]
	}
	cfg, err := config.FromMap(variables, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Registry
}

// newCodec returns a codec by the settings, which is not started.
func newCodec(t testing.TB, cfg config.Registry) *schema.Codec {
	t.Helper()
	c, err := schema.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// start returns a codec that knows the models and has asked the registry.
func start(t testing.TB, cfg config.Registry, topic string, models ...any) *schema.Codec {
	t.Helper()
	c := newCodec(t, cfg)
	bind(t, c, topic, models...)
	if err := c.Startup(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

func bind(t testing.TB, c *schema.Codec, topic string, models ...any) {
	t.Helper()
	for _, m := range models {
		if err := c.Bind(topic, typeOf(m)); err != nil {
			t.Fatal(err)
		}
	}
}

// encode returns a message with the body, as a publisher makes it.
func encode(t *testing.T, c message.Codec, h message.Header, body any) *message.Message {
	t.Helper()
	m := &message.Message{Topic: topic}
	if err := c.Encode(t.Context(), m, h, body); err != nil {
		t.Fatal(err)
	}
	return m
}

// decode reads a message into out and returns its header.
func decode(t *testing.T, c message.Codec, m *message.Message, out any) (message.Header, error) {
	t.Helper()
	h, body, err := c.Open(t.Context(), m)
	if err == nil {
		err = c.Decode(t.Context(), m, body, out)
	}
	return h, err
}

func isPermanent(err error) bool { return message.OutcomeOf(err) == message.OutcomePermanent }

func isUnavailable(err error) bool { return message.OutcomeOf(err) == message.OutcomeUnavailable }

// contains reports whether err says the words.
func contains(err error, words string) bool {
	return err != nil && strings.Contains(err.Error(), words)
}

// mustSay fails unless err says each of the words.
func mustSay(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; it should say %q", words)
	}
	for _, w := range words {
		if !contains(err, w) {
			t.Errorf("it lacks %q: %v", w, err)
		}
	}
}
