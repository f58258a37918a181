package schema_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/schema"
)

// near is a registry without a network, so that its time can be a test's.
type near struct {
	*srfake.Registry
	requests atomic.Int64
	answer   func(*http.Request) // returns when it is time to answer
}

func (n *near) RoundTrip(r *http.Request) (*http.Response, error) {
	n.requests.Add(1)
	done := make(chan struct{})
	go func() { defer close(done); n.answer(r) }()
	select {
	case <-done:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	w := httptest.NewRecorder()
	n.Handler().ServeHTTP(w, r)
	return w.Result(), nil
}

func (n *near) codec(t *testing.T) *schema.Codec {
	t.Helper()
	c, err := schema.NewAvroOver(n)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// paid is a message of a payment that was written with the schema 5.
func paid() *message.Message {
	value := append([]byte{0, 0, 0, 0, 5, 2, 'a'}, make([]byte, 9)...)
	return &message.Message{Topic: topic, Value: value, Time: time.Now()}
}

func nearWithPayments(answer func(*http.Request)) *near {
	n := &near{Registry: srfake.NewRegistry(), answer: answer}
	n.SeedSchema("payments-value", 1, 5, sr.Schema{Schema: paymentSchema})
	return n
}

func TestThoseWhoMeetAnUnknownIDShareOneQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		n := nearWithPayments(func(*http.Request) { <-answer })
		c := n.codec(t)
		results := make(chan error)
		for range 10 {
			go func() {
				var got payment
				_, err := decode(t, c, paid(), &got)
				results <- err
			}()
		}
		synctest.Wait()
		close(answer)
		for range 10 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if n.requests.Load() != 1 {
			t.Errorf("there were %d requests", n.requests.Load())
		}
	})
}

// A registry that hangs takes no longer than who waits for it has.
func TestWaitingForTheRegistryEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		defer close(hang)
		n := nearWithPayments(func(*http.Request) { <-hang })
		c, late := n.codec(t), n.codec(t)
		bind(t, c, topic, payment{})
		for name, do := range map[string]func(context.Context) error{
			"Decode": func(ctx context.Context) error {
				var got payment
				_, body, err := c.Open(ctx, paid())
				if err != nil {
					return err
				}
				return c.Decode(ctx, paid(), body, &got)
			},
			"Encode": func(ctx context.Context) error {
				h := header()
				return c.Encode(ctx, &message.Message{Topic: topic}, h, payment{ID: "1"})
			},
			"Encode of an undeclared type": func(ctx context.Context) error {
				h := header()
				return late.Encode(ctx, &message.Message{Topic: topic}, h, payment{ID: "1"})
			},
			"Encode of another undeclared type": func(ctx context.Context) error {
				h := message.NewHeader("refund", "tests")
				return late.Encode(ctx, &message.Message{Topic: topic}, h, refund{ID: "1"})
			},
			"Startup": c.Startup,
		} {
			first, cancel := context.WithCancel(t.Context())
			go func() { _ = do(first) }() // an earlier caller
			synctest.Wait()
			ctx, done := context.WithTimeout(t.Context(), 50*time.Millisecond)
			began := time.Now()
			err := do(ctx)
			if took := time.Since(began); took != 50*time.Millisecond || !isUnavailable(err) || !contains(err, "deadline") {
				t.Errorf("%s took %v: %v", name, took, err)
			}
			done()
			defer cancel() // while the others are tried too
		}
	})
}

// An answer that comes too late for who asked serves the next one. A handler's
// timeout may be shorter than what the registry takes.
func TestALateAnswerIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := nearWithPayments(func(*http.Request) { time.Sleep(300 * time.Millisecond) })
		n.SeedSchema("other", 1, 6, sr.Schema{Schema: `{"type":"object"}`, Type: sr.TypeJSON})
		c := n.codec(t)
		other := &message.Message{Topic: topic, Value: []byte{0, 0, 0, 0, 6, '{', '}'}}
		for _, m := range []*message.Message{paid(), other} {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			_, _, err := c.Open(ctx, m)
			if !isUnavailable(err) {
				t.Errorf("it is %v", err)
			}
			cancel()
		}
		time.Sleep(time.Second)
		for range 10 {
			var got payment
			if _, err := decode(t, c, paid(), &got); err != nil || got.ID != "a" {
				t.Errorf("read %+v, %v", got, err)
			}
			_, err := decode(t, c, other, &got)
			mustSay(t, err, "schema 6 is one of JSON")
		}
		if n.requests.Load() != 2 {
			t.Errorf("there were %d requests for two schemas", n.requests.Load())
		}
	})
}

// chained seeds schemas that each have a field of the one before, and returns
// what refers to the last of them.
func chained(registry *fake, depth int) sr.Schema {
	s := sr.Schema{Schema: record("Money0", field("cents", `"long"`))}
	for i := range depth {
		name := fmt.Sprintf("Money%d", i)
		registry.SeedSchema(name, 1, 100+i, s)
		s = sr.Schema{
			Schema:     record(fmt.Sprintf("Money%d", i+1), field("of", `"`+name+`"`)),
			References: []sr.SchemaReference{{Name: name, Subject: name, Version: 1}},
		}
	}
	s.Schema = strings.Replace(paymentSchema, `"fields":[`, `"fields":[{"name":"price","type":"`+s.References[0].Name+`"},`, 1)
	return s
}

// priceless is the value of a payment whose price is in a schema of its own,
// however deep.
func priceless(t *testing.T) []byte {
	t.Helper()
	body, err := avro.MustParse(record("p", field("cents", `"long"`)+","+field("id", `"string"`)+","+field("amount", `"double"`)+","+field("note", `"string"`))).
		Encode(map[string]any{"cents": 100, "id": "P-1", "amount": 2.5, "note": ""})
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte{0, 0, 0, 0, 5}, body...)
}

// What a schema says in other subjects belongs to it, at any depth.
func TestReferencesAreRead(t *testing.T) {
	for _, depth := range []int{1, 2, 16} {
		registry := startRegistry(t)
		registry.SeedSchema("payments-value", 1, 5, chained(registry, depth))
		c := newCodec(t, settings(t, registry.URL()))
		var got payment
		_, err := decode(t, c, &message.Message{Topic: topic, Value: priceless(t), Time: time.Now()}, &got)
		if err != nil || got != (payment{ID: "P-1", Amount: 2.5}) {
			t.Errorf("%d deep: read %+v, %v", depth, got, err)
		}
	}
}

// What is deleted is still there to be read by. What is not there, or has no
// end, never will be: the schema that a message needs is named, and so is what
// it lacks.
func TestReferencesThatCannotBeFollowedAreNamed(t *testing.T) {
	missing := func(status int, body string, deletedToo bool) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/subjects/Money0/versions/1" || r.URL.Query().Get("deleted") == "true" && !deletedToo {
				return false
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
			return true
		}
	}
	notFound := `{"error_code":40402,"message":"Version 1 not found."}`
	for _, tt := range []struct {
		name      string
		depth     int
		intercept func(http.ResponseWriter, *http.Request) bool
		says      string // empty when it can be read
		permanent bool
	}{
		{"deleted", 2, missing(http.StatusNotFound, notFound, false), "", false},
		{"not there", 2, missing(http.StatusNotFound, notFound, true), "schema 5 cannot be read: its references cannot be followed: Money0, version 1 of Money0", true},
		{"too deep", 17, nil, "Money0, version 1 of Money0 is more than 16 deep", true},
		{"away", 1, missing(http.StatusServiceUnavailable, "", true), "schema 5: it refers to Money0, version 1 of Money0: schema registry", false},
		{"another's answer", 1, missing(http.StatusOK, "{}", true), "its answer has no schema in it", false},
	} {
		registry := startRegistry(t)
		registry.SeedSchema("payments-value", 1, 5, chained(registry, tt.depth))
		if tt.intercept != nil {
			registry.Intercept(tt.intercept)
		}
		c := newCodec(t, settings(t, registry.URL()))
		var got payment
		_, err := decode(t, c, &message.Message{Topic: topic, Value: priceless(t), Time: time.Now()}, &got)
		if tt.says == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		mustSay(t, err, tt.says)
		if isPermanent(err) != tt.permanent || isUnavailable(err) == tt.permanent {
			t.Errorf("%s: permanent is not %v: %v", tt.name, tt.permanent, err)
		}
	}
}
