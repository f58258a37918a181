//go:build http

package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/dev/samples"
	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/httpapi"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// sink is a Publisher that remembers what it was given.
type sink struct {
	message.Publisher
	events []message.Event
}

func (s *sink) Publish(_ context.Context, e message.Event) error {
	s.events = append(s.events, e)
	return nil
}

// newAPI returns an API whose endpoints publish to s.
func newAPI(s *sink) *httpapi.API {
	log := slog.New(slog.DiscardHandler)
	a := httpapi.New(config.Config{HTTP: config.HTTP{RequestTimeout: time.Minute, MaxBodyBytes: 1 << 20, MaxRequests: 1}}, log)
	Register(a, Deps{Log: log, Publisher: s})
	return a
}

// post posts a body and returns the answer.
func post(h http.Handler, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// bodies returns the bodies of a topic's samples in dev/samples that are handled.
func bodies(t *testing.T, topic string) []string {
	t.Helper()
	all, err := samples.Load()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, s := range all {
		if body, ok := s.Posted(); ok && s.Topic == topic && s.Expect == samples.Handled {
			found = append(found, body)
		}
	}
	return found
}
