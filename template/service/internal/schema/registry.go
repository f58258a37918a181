package schema

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

// Registry is a Schema Registry: Confluent's, or another with its REST API.
type Registry struct {
	client *sr.Client
	cfg    config.Registry
	url    string      // for messages
	others []*Registry // the same, and each asks another instance first
}

// idle is how long a connection to the registry is kept for the next question.
const idle = 90 * time.Second

// Connect returns the registry of the settings. It asks it nothing yet.
func Connect(cfg config.Registry) (*Registry, error) {
	if _, err := newTransport(cfg); err != nil {
		return nil, err
	}
	options := []sr.ClientOpt{
		sr.HTTPClient(&http.Client{Transport: &renewing{cfg: cfg}, Timeout: cfg.LookupTimeout}),
	}
	switch {
	case cfg.Token != "":
		options = append(options, sr.BearerToken(string(cfg.Token)))
	case cfg.Username != "":
		options = append(options, sr.BasicAuth(cfg.Username, string(cfg.Password)))
	}
	var all []*Registry
	for i := range cfg.URLs {
		client, err := sr.NewClient(append(options, sr.URLs(slices.Concat(cfg.URLs[i:], cfg.URLs[:i])...))...)
		if err != nil {
			return nil, fmt.Errorf("schema registry: %w", err)
		}
		all = append(all, &Registry{client: client, cfg: cfg, url: strings.Join(cfg.URLs, ",")})
	}
	all[0].others = all[1:]
	return all[0], nil
}

// renewing sends requests with the secrets and certificates that their files hold then.
type renewing struct {
	mu        sync.Mutex
	cfg       config.Registry // of the last request
	transport *http.Transport // nil before the first
}

// RoundTrip implements http.RoundTripper.
func (t *renewing) RoundTrip(r *http.Request) (*http.Response, error) {
	cfg, transport, err := t.renew()
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	switch {
	case r.Header.Get("Authorization") == "": // redirected to a host that is not to see it
	case cfg.Token != "":
		r.Header.Set("Authorization", "Bearer "+string(cfg.Token))
	case cfg.Username != "":
		r.SetBasicAuth(cfg.Username, string(cfg.Password))
	}
	return transport.RoundTrip(r)
}

func (t *renewing) renew() (config.Registry, *http.Transport, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	cfg, err := t.cfg.Renewed()
	if err != nil {
		return cfg, nil, err
	}
	if t.transport == nil || cfg.CA != t.cfg.CA || cfg.Cert != t.cfg.Cert || cfg.Key != t.cfg.Key {
		transport, err := newTransport(cfg)
		if err != nil { // a file may be half written: the next request reads it again
			return cfg, nil, err
		}
		if t.transport != nil {
			t.transport.CloseIdleConnections()
		}
		t.transport = transport
	}
	t.cfg = cfg
	return cfg, t.transport, nil
}

func newTransport(cfg config.Registry) (*http.Transport, error) {
	secure, err := config.ClientTLS("SCHEMA_REGISTRY_", cfg.CA, cfg.Cert, cfg.Key)
	return &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: secure, ForceAttemptHTTP2: true, IdleConnTimeout: idle}, err
}

// registered is a schema as the registry has it.
type registered struct {
	id         int
	kind       sr.SchemaType
	text       string
	refers     bool     // to other schemas
	references []string // those, each before the ones that need it
}

// byID returns the schema with an id, or errUnknown.
func (r *Registry) byID(ctx context.Context, id uint32) (registered, error) {
	s, err := r.client.SchemaByID(ctx, int(id))
	if err != nil {
		return registered{}, r.classify(err)
	}
	if s.Schema == "" {
		return registered{}, r.notAnAnswer("schema")
	}
	return r.resolve(ctx, registered{id: int(id), kind: s.Type, text: s.Schema}, s.References)
}

// byVersion returns a version of a subject, also when it was deleted since: what
// was written by it, or by what refers to it, is still there.
func (r *Registry) byVersion(ctx context.Context, subject string, version int) (sr.SubjectSchema, error) {
	s, err := r.client.SchemaByVersion(sr.WithParams(ctx, sr.ShowDeleted), subject, version)
	if err == nil && s.Schema.Schema == "" {
		return s, r.notAnAnswer("schema")
	}
	return s, r.classify(err)
}

// deepestReference bounds how far references are followed.
const deepestReference = 16

// errReferences says that the registry has confirmed that it does not have what
// a schema refers to, or that it goes too deep.
var errReferences = errors.New("its references cannot be followed")

// resolve adds the schemas that s refers to.
func (r *Registry) resolve(ctx context.Context, s registered, references []sr.SchemaReference) (registered, error) {
	seen := make(map[sr.SchemaReference]bool)
	var follow func(references []sr.SchemaReference, depth int) error
	follow = func(references []sr.SchemaReference, depth int) error {
		for _, reference := range references {
			if seen[reference] {
				continue
			}
			seen[reference] = true
			name := fmt.Sprintf("%s, version %d of %s", reference.Name, reference.Version, reference.Subject)
			if depth > deepestReference {
				return fmt.Errorf("%w: %s is more than %d deep", errReferences, name, deepestReference)
			}
			found, err := r.byVersion(ctx, reference.Subject, reference.Version)
			if errors.Is(err, errUnknown) {
				return fmt.Errorf("%w: %s: %v", errReferences, name, err) //nolint:errorlint // it is not s that is unknown
			}
			if err != nil {
				return fmt.Errorf("it refers to %s: %w", name, err)
			}
			if err := follow(found.References, depth+1); err != nil {
				return err
			}
			s.references = append(s.references, found.Schema.Schema)
		}
		return nil
	}
	s.refers = len(references) > 0
	return s, follow(references, 1)
}

// lookup returns the id of a schema of a subject, or errUnknown.
func (r *Registry) lookup(ctx context.Context, subject string, s sr.Schema) (int, error) {
	found, err := r.client.LookupSchema(ctx, subject, s)
	return r.checkID(found.ID, err)
}

// create adds a version to a subject and returns the schema's id. When that
// breaks the level by which the registry judges, it is an *IncompatibleError.
func (r *Registry) create(ctx context.Context, subject string, s sr.Schema, l level) (int, error) {
	id, err := r.client.RegisterSchema(ctx, subject, s, -1, -1)
	if e, ok := errors.AsType[*sr.ResponseError](err); ok && e.StatusCode == http.StatusConflict {
		return 0, refused(subject, l, e.Error())
	}
	return r.checkID(id, err)
}

// versions returns the numbers of a subject's versions, the oldest first; none
// when there is no such subject.
func (r *Registry) versions(ctx context.Context, subject string) ([]int, error) {
	numbers, err := r.client.SubjectVersions(ctx, subject)
	if err = r.classify(err); errors.Is(err, errUnknown) {
		return nil, nil
	}
	slices.Sort(numbers)
	return numbers, err
}

// version returns one of them. References that cannot be followed are left out:
// the registry knows what it took.
func (r *Registry) version(ctx context.Context, subject string, n int) (registered, error) {
	s, err := r.byVersion(ctx, subject, n)
	if err == nil {
		found := registered{id: s.ID, kind: s.Type, text: s.Schema.Schema}
		if found, err = r.resolve(ctx, found, s.References); err == nil || errors.Is(err, errReferences) {
			return found, nil
		}
	}
	return registered{}, fmt.Errorf("version %d of %s: %w", n, subject, err)
}

// level returns the compatibility that was set for a subject, and false when
// none was; with global, what then holds instead.
func (r *Registry) level(ctx context.Context, subject string, global bool) (level, bool, error) {
	asked := sr.WithParams(ctx, sr.RawParams(map[string][]string{"defaultToGlobal": {strconv.FormatBool(global)}}))
	found := r.client.Compatibility(asked, subject)[0]
	if err := r.classify(found.Err); err != nil {
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
	return r.classify(r.client.SetCompatibility(ctx, sr.SetCompatibility{Level: asked}, subject)[0].Err)
}

// compatible asks the registry whether a schema may become the next version of
// a subject: at a transitive level with regard to all of them, or else to the
// latest.
func (r *Registry) compatible(ctx context.Context, subject string, s sr.Schema, l level) error {
	version := -1
	if l.transitive() {
		version = -2
	}
	answer, err := r.client.CheckCompatibility(sr.WithParams(ctx, sr.Verbose), subject, version, s)
	if err != nil {
		return r.classify(err)
	}
	if !answer.Is {
		return refused(subject, l, strings.Join(answer.Messages, "; "))
	}
	return nil
}

func refused(subject string, l level, why string) error {
	return &IncompatibleError{subject, "the versions before", string(l), &BreakError{Problem: "the registry says: " + short(why)}}
}
