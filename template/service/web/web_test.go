package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/httpapi"
	"github.com/ouroboros-forge/forge/template/service/internal/message/messagetest"
	"github.com/ouroboros-forge/forge/template/service/internal/samples"
)

// post posts a body to the endpoints and returns the answer. What they publish is
// kept by to.
func post(to *messagetest.Publisher, path, body string) *httptest.ResponseRecorder {
	log := slog.New(slog.DiscardHandler)
	api := httpapi.New(config.Config{HTTP: config.HTTP{RequestTimeout: time.Minute, MaxBodyBytes: 1 << 20, MaxRequests: 1}}, log)
	Register(api, Deps{Log: log, Publisher: to})
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	return w
}

// bodies returns the bodies of a topic's samples in dev/samples that are handled.
func bodies(t *testing.T, topic string) (found []string) {
	t.Helper()
	all, err := samples.Load(os.DirFS("../dev/samples"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if body, ok := s.Posted(); ok && s.Topic == topic && s.Expect == "handled" {
			found = append(found, body)
		}
	}
	return found
}
