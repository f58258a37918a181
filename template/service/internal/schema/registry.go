package schema

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
	"golang.org/x/sync/singleflight"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

// Registry is a Schema Registry: Confluent's, or another with its REST API.
type Registry struct {
	client  *sr.Client
	url     string // for messages
	flights singleflight.Group
}

// idle is how long a connection to the registry is kept for the next question.
const idle = 90 * time.Second

// Connect returns the registry of the settings. It asks it nothing yet.
func Connect(cfg config.Registry) (*Registry, error) {
	secure, err := tlsConfig(cfg)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: secure, ForceAttemptHTTP2: true, IdleConnTimeout: idle}
	options := []sr.ClientOpt{
		sr.URLs(append([]string(nil), cfg.URLs...)...),
		sr.HTTPClient(&http.Client{Transport: transport, Timeout: cfg.LookupTimeout}),
	}
	switch {
	case cfg.Token != "":
		options = append(options, sr.BearerToken(string(cfg.Token)))
	case cfg.Username != "":
		options = append(options, sr.BasicAuth(cfg.Username, string(cfg.Password)))
	}
	client, err := sr.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("schema registry: %w", err)
	}
	return &Registry{client: client, url: strings.Join(cfg.URLs, ",")}, nil
}

func tlsConfig(cfg config.Registry) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.CA != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(cfg.CA)) {
			return nil, errors.New("SCHEMA_REGISTRY_CA has no certificate in PEM")
		}
	}
	if cfg.Cert != "" {
		pair, err := tls.X509KeyPair([]byte(cfg.Cert), []byte(cfg.Key))
		if err != nil {
			return nil, fmt.Errorf("SCHEMA_REGISTRY_CERT and SCHEMA_REGISTRY_KEY: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// errUnknown says that the registry has confirmed that it does not have
// something.
var errUnknown = errors.New("unknown to the registry")

// registered is a schema as the registry has it.
type registered struct {
	id, version int
	kind        sr.SchemaType
	text        string
	references  []string // the schemas that it refers to, each before those that need it
}

// byID returns the schema with an id. Callers that ask for the same at the same
// time share one request.
func (r *Registry) byID(ctx context.Context, id uint32) (registered, error) {
	shared := r.flights.DoChan(strconv.FormatUint(uint64(id), 10), func() (any, error) {
		// It is for all who wait, so it does not end with the first of them; the
		// client has a timeout.
		ctx := context.WithoutCancel(ctx)
		s, err := r.client.SchemaByID(ctx, int(id))
		if err != nil {
			return registered{}, r.told(err)
		}
		return r.resolve(ctx, registered{id: int(id), kind: s.Type, text: s.Schema}, s.References)
	})
	select {
	case result := <-shared:
		found, _ := result.Val.(registered)
		return found, result.Err
	case <-ctx.Done():
		return registered{}, context.Cause(ctx)
	}
}

// deepestReference bounds how far references are followed.
const deepestReference = 16

// resolve adds the schemas that s refers to.
func (r *Registry) resolve(ctx context.Context, s registered, references []sr.SchemaReference) (registered, error) {
	seen := make(map[sr.SchemaReference]bool)
	var follow func(references []sr.SchemaReference, depth int) error
	follow = func(references []sr.SchemaReference, depth int) error {
		if depth > deepestReference {
			return fmt.Errorf("its references go deeper than %d", deepestReference)
		}
		for _, reference := range references {
			if seen[reference] {
				continue
			}
			seen[reference] = true
			found, err := r.client.SchemaByVersion(ctx, reference.Subject, reference.Version)
			if err != nil {
				return fmt.Errorf("its reference to %s version %d: %w", reference.Subject, reference.Version, r.told(err))
			}
			if err := follow(found.References, depth+1); err != nil {
				return err
			}
			s.references = append(s.references, found.Schema.Schema)
		}
		return nil
	}
	return s, follow(references, 0)
}

// lookup returns the id of a schema of a subject, or errUnknown.
func (r *Registry) lookup(ctx context.Context, subject string, s sr.Schema) (int, error) {
	found, err := r.client.LookupSchema(ctx, subject, s)
	return found.ID, r.told(err)
}

// create adds a version to a subject and returns the schema's id.
func (r *Registry) create(ctx context.Context, subject string, s sr.Schema) (int, error) {
	id, err := r.client.RegisterSchema(ctx, subject, s, -1, -1)
	return id, r.told(err)
}

// versions returns the schemas of a subject, the oldest first, or the latest
// alone; none when there is no such subject.
func (r *Registry) versions(ctx context.Context, subject string, latest bool) ([]registered, error) {
	numbers, err := r.client.SubjectVersions(ctx, subject)
	if err = r.told(err); errors.Is(err, errUnknown) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if latest && len(numbers) > 1 {
		numbers = []int{slices.Max(numbers)}
	}
	slices.Sort(numbers)
	all := make([]registered, len(numbers))
	for i, n := range numbers {
		s, err := r.client.SchemaByVersion(ctx, subject, n)
		if err != nil {
			return nil, r.told(err)
		}
		all[i] = registered{id: s.ID, version: n, kind: s.Type, text: s.Schema.Schema}
		if all[i], err = r.resolve(ctx, all[i], s.References); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// level returns the compatibility that was set for a subject, and false when
// none was.
func (r *Registry) level(ctx context.Context, subject string) (level, bool, error) {
	own := sr.WithParams(ctx, sr.RawParams(map[string][]string{"defaultToGlobal": {"false"}}))
	found := r.client.Compatibility(own, subject)[0]
	if err := r.told(found.Err); err != nil {
		if errors.Is(err, errUnknown) {
			err = nil
		}
		return "", false, err
	}
	l, err := parseLevel(found.Level.String())
	return l, err == nil, err
}

// setLevel makes the registry refuse what l does not allow.
func (r *Registry) setLevel(ctx context.Context, subject string, l level) error {
	var asked sr.CompatibilityLevel
	if err := asked.UnmarshalText([]byte(l)); err != nil {
		return err
	}
	return r.told(r.client.SetCompatibility(ctx, sr.SetCompatibility{Level: asked}, subject)[0].Err)
}

// compatible asks the registry whether a schema may become the next version of
// a subject.
func (r *Registry) compatible(ctx context.Context, subject string, s sr.Schema, l level) error {
	answer, err := r.client.CheckCompatibility(sr.WithParams(ctx, sr.Verbose), subject, -1, s)
	if err != nil {
		return r.told(err)
	}
	if !answer.Is {
		return &IncompatibleError{subject, "the versions before", string(l), &BreakError{Problem: "the registry says: " + short(strings.Join(answer.Messages, "; "))}}
	}
	return nil
}

// refusal is an answer of the registry that asking again cannot change.
type refusal struct {
	status int
	err    error
}

func (e *refusal) Error() string { return e.err.Error() }

func (e *refusal) Unwrap() error { return e.err }

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
	case e.StatusCode == http.StatusUnauthorized, e.StatusCode == http.StatusForbidden:
		return &refusal{e.StatusCode, fmt.Errorf("schema registry %s: it refuses these credentials (%d): %s", r.url, e.StatusCode, short(e.Error()))}
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
