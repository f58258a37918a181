package schema_test

import (
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// behind makes a registry answer so many of the requests for what path names as one
// does that has not learnt of it yet.
func (f *fake) behind(path, answer string, times int64) *atomic.Int64 {
	left := new(atomic.Int64)
	left.Store(times)
	f.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, path) || left.Add(-1) < 0 {
			return false
		}
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(answer))
		return true
	})
	return left
}

const (
	noSchema  = `{"error_code":40403,"message":"Schema not found"}`
	noSubject = `{"error_code":40401,"message":"Subject not found"}`
)

// TestAnInstanceThatIsBehindIsAskedAgain proves that a message is read whose schema an
// instance of the registry does not know yet: it is asked again, for a load balancer
// may choose another one, and so are the others.
func TestAnInstanceThatIsBehindIsAskedAgain(t *testing.T) {
	ahead := startRegistry(t)
	m := encode(t, start(t, settings(t, ahead.URL()), topic, payment{}), header(), payment{})

	t.Run("the same", func(t *testing.T) {
		left := ahead.behind("/schemas/ids/", noSchema, 2)
		var got payment
		if _, err := decode(t, newCodec(t, settings(t, ahead.URL())), m, &got); err != nil || left.Load() >= 0 {
			t.Errorf("%v, %d more would be refused", err, left.Load())
		}
	})
	t.Run("another", func(t *testing.T) {
		late := startRegistry(t)
		late.behind("/schemas/ids/", noSchema, 1<<30)
		var got payment
		if _, err := decode(t, newCodec(t, settings(t, late.URL()+","+ahead.URL())), m, &got); err != nil {
			t.Error(err)
		}
	})
	t.Run("where nothing is registered by this program", func(t *testing.T) {
		ahead.behind("/subjects/payments-value", noSubject, 1)
		c := start(t, settings(t, ahead.URL(), "SCHEMA_REGISTRY_AUTO_REGISTER", "false"), topic, payment{})
		encode(t, c, header(), payment{})
	})
	t.Run("what none knows is a dead letter, and not asked for at length again", func(t *testing.T) {
		c := newCodec(t, settings(t, ahead.URL()))
		garbage := &message.Message{Topic: topic, Value: []byte{0, 0x7f, 0, 0, 1, 1}}
		for _, most := range []int64{3, 1} {
			before := ahead.requests.Load()
			var got payment
			if _, err := decode(t, c, garbage, &got); !isPermanent(err) || !strings.Contains(err.Error(), "unknown to the registry") {
				t.Errorf("%v", err)
			}
			if asked := ahead.requests.Load() - before; asked != most {
				t.Errorf("it is asked %d times, want %d", asked, most)
			}
		}
	})
}

// TestSubjectsAreTheSameInEveryProgram proves that a fixed strategy gives a type its
// subject whatever other types of the topic a program knows, and that without one a
// program goes by what others have registered.
func TestSubjectsAreTheSameInEveryProgram(t *testing.T) {
	for _, tt := range []struct{ strategy, want string }{
		{"topic", "payments-value"},
		{"topic-record", "payments-shop.billing.PaymentReceived"},
		{"record", "shop.billing.PaymentReceived"},
	} {
		registry := startRegistry(t)
		cfg := settings(t, registry.URL(), "SCHEMA_REGISTRY_SUBJECT_STRATEGY", tt.strategy)
		c := start(t, cfg, topic, payment{})
		if got := c.Schemas()[0].Subject; got != tt.want || len(registry.has(t, tt.want)) != 1 {
			t.Errorf("%s: %s", tt.strategy, got)
		}
		both := newCodec(t, cfg)
		bind(t, both, topic, payment{})
		err := both.Bind(topic, reflect.TypeFor[refund]())
		if tt.strategy == "topic" {
			mustSay(t, err, "SCHEMA_REGISTRY_SUBJECT_STRATEGY=topic", "topic-record", `topic "payments"`)
			continue
		}
		if err == nil {
			err = both.Startup(t.Context())
		}
		if err != nil || len(registry.has(t, tt.want)) != 1 {
			t.Errorf("%s: %v", tt.strategy, err)
		}
	}
	registry := startRegistry(t)
	start(t, settings(t, registry.URL()), topic, payment{}, refund{})
	start(t, settings(t, registry.URL()), topic, payment{}) // a program that knows one of the types
	if registry.SubjectExists("payments-value") || len(registry.has(t, "payments-shop.billing.PaymentReceived")) != 1 {
		t.Error("a program with one type has begun another subject")
	}
}

// TestALevelIsPutWheneverItDiffers proves that a model's level is that of its subject
// also when the schema is registered already, and when somebody changed it since.
func TestALevelIsPutWheneverItDiffers(t *testing.T) {
	registry := startRegistry(t)
	cfg := settings(t, registry.URL())
	for range 2 {
		start(t, cfg, topic, levelled{})
		if got := levelOf(t, registry.URL(), "payments-value"); got != sr.CompatFull {
			t.Errorf("its level is %v", got)
		}
		setLevel(t, registry.URL(), topic, sr.CompatBackward)
	}
	start(t, settings(t, registry.URL(), "SCHEMA_REGISTRY_AUTO_REGISTER", "false"), topic, levelled{})
	if got := levelOf(t, registry.URL(), "payments-value"); got != sr.CompatBackward {
		t.Errorf("who may not register has put the level %v", got)
	}
}

// levelled is a model that says what its versions must keep.
type levelled struct {
	ID string `json:"id"`
}

func (levelled) Schema() message.Schema {
	return message.Schema{Name: "Levelled", Compatibility: "FULL"}
}
