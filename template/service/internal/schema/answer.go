package schema

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/twmb/franz-go/pkg/sr"
)

// errUnknown says that the registry has confirmed that it does not have
// something.
var errUnknown = errors.New("unknown to the registry")

// notAnAnswer is the error of a successful answer that is not a registry's, but
// that of a proxy in front of it, say.
func (r *Registry) notAnAnswer(lacks string) error {
	return fmt.Errorf("schema registry %s: its answer has no %s in it; is that a Schema Registry?", r.url, lacks)
}

// checkID returns the id in an answer.
func (r *Registry) checkID(id int, err error) (int, error) {
	if err == nil && id <= 0 {
		return 0, r.notAnAnswer("id")
	}
	return id, r.classify(err)
}

// refusal is an answer of the registry that asking again cannot change.
type refusal struct {
	status int
	err    error
}

func (e *refusal) Error() string { return e.err.Error() }

func (e *refusal) Unwrap() error { return e.err }

// fixable reports whether the answer can change without a change of the schema:
// by other credentials, say, or another route through a proxy.
func (e *refusal) fixable() bool {
	return e.status == http.StatusUnauthorized || e.status == http.StatusForbidden || e.status == http.StatusNotFound
}

// classify returns the client's error as errUnknown, a *refusal, or, if it may be
// temporary, any other error. A 404 is errUnknown only with one of the registry's
// error codes: a proxy answers 404 too, and so does a wrong path.
func (r *Registry) classify(err error) error {
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*sr.ResponseError](err)
	if !ok {
		if failed, ok := errors.AsType[*url.Error](err); ok {
			err = failed.Err // it says twice what was asked
		}
		return fmt.Errorf("schema registry %s: %w", r.url, err)
	}
	switch {
	case e.StatusCode == http.StatusNotFound && sr.IsNotFoundError(e.ErrorCode):
		return fmt.Errorf("schema registry %s: %w: %s", r.url, errUnknown, r.said(e))
	case e.StatusCode == http.StatusNotFound:
		return &refusal{e.StatusCode, fmt.Errorf("schema registry %s: nothing is at %s; is SCHEMA_REGISTRY_URL right?", r.url, e.URL)}
	case e.StatusCode == http.StatusUnauthorized:
		return &refusal{e.StatusCode, fmt.Errorf("schema registry %s: it refuses these credentials (401): %s", r.url, r.said(e))}
	case e.StatusCode == http.StatusForbidden:
		return &refusal{e.StatusCode, fmt.Errorf("schema registry %s: a permission is missing for %s %s (403): %s", r.url, e.Method, e.URL, r.said(e))}
	}
	err = fmt.Errorf("schema registry %s: it says %d: %s", r.url, e.StatusCode, r.said(e))
	if e.StatusCode < http.StatusInternalServerError && e.StatusCode != http.StatusTooManyRequests && e.StatusCode != http.StatusRequestTimeout {
		return &refusal{e.StatusCode, err}
	}
	return err
}

// said returns what others wrote. They may repeat what they were told.
func (r *Registry) said(e *sr.ResponseError) string {
	cfg, _ := r.cfg.Renewed()
	basic := base64.StdEncoding.EncodeToString([]byte(cfg.Username + ":" + string(cfg.Password)))
	text := e.Error()
	for _, secret := range []string{string(cfg.Token), basic, string(cfg.Password)} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[redacted]")
		}
	}
	return short(text)
}

// short cuts what others wrote to what a line of a log can have.
func short(s string) string {
	const most = 500
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
