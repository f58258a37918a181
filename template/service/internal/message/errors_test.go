package message_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func TestOutcomes(t *testing.T) {
	const plain, retry, permanent, unavailable = message.OutcomePlain, message.OutcomeRetry, message.OutcomePermanent, message.OutcomeUnavailable
	invalid := message.Fail(message.ClassInvalid, "bad")
	for name, tt := range map[string]struct {
		err   error
		want  message.Outcome
		class message.Class
	}{
		"nil":                     {nil, plain, ""},
		"plain":                   {errTest, plain, message.ClassHandler},
		"retry":                   {message.Retry(errTest), retry, message.ClassHandler},
		"retry after":             {message.RetryAfter(time.Second, errTest), retry, message.ClassHandler},
		"permanent":               {message.Permanent(errTest), permanent, message.ClassHandler},
		"wrapped":                 {fmt.Errorf("store: %w", message.Retry(errTest)), retry, message.ClassHandler},
		"the outermost decides":   {message.Retry(message.Permanent(errTest)), retry, message.ClassHandler},
		"the class stays":         {message.Retry(invalid), retry, message.ClassInvalid},
		"failed":                  {invalid, permanent, message.ClassInvalid},
		"deadline":                {context.DeadlineExceeded, plain, message.ClassTimeout},
		"deadline, to be retried": {message.Retry(context.DeadlineExceeded), retry, message.ClassTimeout},
		"unavailable":             {message.Unavailable(errTest), unavailable, message.ClassUnavailable},
		"unavailable after all":   {message.Unavailable(invalid), unavailable, message.ClassUnavailable},
		"no longer unavailable":   {message.Retry(message.Unavailable(errTest)), retry, message.ClassUnavailable},
		"nothing is unavailable":  {message.Unavailable(nil), plain, ""},
		"nothing to retry":        {message.Retry(nil), plain, ""},
		"nothing to retry after":  {message.RetryAfter(time.Second, nil), plain, ""},
		"nothing permanent":       {message.Permanent(nil), plain, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := message.OutcomeOf(tt.err); got != tt.want {
				t.Errorf("outcome %v, want %v", got, tt.want)
			}
			if got := message.ClassOf(tt.err); got != tt.class {
				t.Errorf("class %q, want %q", got, tt.class)
			}
		})
	}
	if err := message.Retry(errTest); !errors.Is(err, errTest) || err.Error() != "test" {
		t.Errorf("the cause or its text is lost: %v", err)
	}
	e, ok := errors.AsType[*message.Error](fmt.Errorf("api: %w", message.RetryAfter(time.Minute, errTest)))
	if !ok || e.After != time.Minute {
		t.Errorf("the delay is lost: %+v", e)
	}
}

func TestGetReturnsTheLastOfSeveral(t *testing.T) {
	m := message.Message{Headers: []message.Field{{Key: "a", Value: []byte("1")}, {Key: "b"}, {Key: "a", Value: []byte("2")}}}
	if v, ok := m.Get("a"); !ok || string(v) != "2" {
		t.Errorf("%q %v", v, ok)
	}
	if v, ok := m.Get("c"); ok || v != nil {
		t.Errorf("%q %v", v, ok)
	}
}

func TestAPanicWithAMessageDoesNotTellIt(t *testing.T) {
	for want, value := range map[string]any{
		"panic: no space":               "no space\nmore",
		"panic: EOF":                    io.EOF,
		"panic: int":                    7,
		"panic: message_test.confided":  confided{"hunter2"},
		"panic: *message_test.confided": &confided{"hunter2"},
	} {
		wantError(t, message.NewPanicError(value), message.ClassPanic, want)
	}
}

type confided struct{ secret string }

func (c confided) String() string { return c.secret }
