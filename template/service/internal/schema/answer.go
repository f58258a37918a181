package schema

import (
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

// notAnAnswer is the error of an answer that is none of a registry's, though it
// says that all is well: a proxy's, say, while the registry is being mended.
func (r *Registry) notAnAnswer(lacks string) error {
	return fmt.Errorf("schema registry %s: its answer has no %s in it; is that a Schema Registry?", r.url, lacks)
}

// given is an id that the registry gave.
func (r *Registry) given(id int, err error) (int, error) {
	if err == nil && id <= 0 {
		return 0, r.notAnAnswer("id")
	}
	return id, r.told(err)
}

// refusal is an answer of the registry that asking again cannot change.
type refusal struct {
	status int
	err    error
}

func (e *refusal) Error() string { return e.err.Error() }

func (e *refusal) Unwrap() error { return e.err }

// mendable reports whether somebody can change the answer who does not change
// the schema: a password was changed, say, or a proxy has lost its way.
func (e *refusal) mendable() bool {
	return e.status == http.StatusUnauthorized || e.status == http.StatusForbidden || e.status == http.StatusNotFound
}

// told tells the client's errors apart: errUnknown, a *refusal, and those that
// may pass. A 404 counts only if the registry says with a code of its own what
// is not found: a proxy, or a wrong path, says 404 to everything.
func (r *Registry) told(err error) error {
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
		return fmt.Errorf("schema registry %s: %w: %s", r.url, errUnknown, short(e.Message))
	case e.StatusCode == http.StatusNotFound:
		return &refusal{e.StatusCode, fmt.Errorf("schema registry %s: nothing is at %s; is SCHEMA_REGISTRY_URL right?", r.url, e.URL)}
	case e.StatusCode == http.StatusUnauthorized:
		return &refusal{e.StatusCode, fmt.Errorf("schema registry %s: it refuses these credentials (401): %s", r.url, short(e.Error()))}
	case e.StatusCode == http.StatusForbidden:
		return &refusal{e.StatusCode, fmt.Errorf("schema registry %s: a permission is missing for %s %s (403): %s", r.url, e.Method, e.URL, short(e.Error()))}
	}
	err = fmt.Errorf("schema registry %s: it says %d: %s", r.url, e.StatusCode, short(e.Error()))
	if e.StatusCode < http.StatusInternalServerError && e.StatusCode != http.StatusTooManyRequests && e.StatusCode != http.StatusRequestTimeout {
		return &refusal{e.StatusCode, err}
	}
	return err
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
