package message_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func TestOutcomes(t *testing.T) {
	invalid := message.Fail(message.ClassInvalid, "bad")
	for name, tt := range map[string]struct {
		err              error
		retry, permanent bool
		class            message.Class
	}{
		"nil":                     {nil, false, false, ""},
		"plain":                   {errTest, false, false, message.ClassHandler},
		"retry":                   {message.Retry(errTest), true, false, message.ClassHandler},
		"permanent":               {message.Permanent(errTest), false, true, message.ClassHandler},
		"wrapped":                 {fmt.Errorf("store: %w", message.Retry(errTest)), true, false, message.ClassHandler},
		"the outermost decides":   {message.Retry(message.Permanent(errTest)), true, false, message.ClassHandler},
		"the class stays":         {message.Retry(invalid), true, false, message.ClassInvalid},
		"failed":                  {invalid, false, true, message.ClassInvalid},
		"deadline":                {context.DeadlineExceeded, false, false, message.ClassTimeout},
		"deadline, to be retried": {message.Retry(context.DeadlineExceeded), true, false, message.ClassTimeout},
		"unavailable":             {message.Unavailable(errTest), false, false, message.ClassUnavailable},
		"no longer unavailable":   {message.Retry(message.Unavailable(errTest)), true, false, message.ClassUnavailable},
		"nothing is unavailable":  {message.Unavailable(nil), false, false, ""},
		"nothing to retry":        {message.Retry(nil), false, false, ""},
		"nothing permanent":       {message.Permanent(nil), false, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := isRetry(tt.err); got != tt.retry {
				t.Errorf("IsRetry %v", got)
			}
			if got := isPermanent(tt.err); got != tt.permanent {
				t.Errorf("IsPermanent %v", got)
			}
			if got := isUnavailable(tt.err); got != (name == "unavailable") {
				t.Errorf("IsUnavailable %v", got)
			}
			if got := message.ClassOf(tt.err); got != tt.class {
				t.Errorf("ClassOf %q, want %q", got, tt.class)
			}
		})
	}
	if err := message.Retry(errTest); !errors.Is(err, errTest) || err.Error() != "test" {
		t.Errorf("the cause or its text is lost: %v", err)
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
