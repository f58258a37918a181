package schema

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Startup makes every schema known to the registry, or looks it up where
// SCHEMA_REGISTRY_AUTO_REGISTER is false, and checks that each goes with the
// versions before it. While the registry is away the error is
// message.Unavailable, and Startup may be called again.
func (c *codec) Startup(ctx context.Context) error {
	for _, b := range c.on("") {
		_, err := c.identify(ctx, b)
		if errors.Is(err, errNotRegistered) {
			c.log.Warn("messages of this type can be read, but not written", "error", err)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// errNotRegistered says that a schema is not in the registry and may not be
// put there.
var errNotRegistered = errors.New("it is not registered: register it with `schema register`, or set SCHEMA_REGISTRY_AUTO_REGISTER=true")

// identify returns the id of b's schema, from the registry the first time.
func (c *codec) identify(ctx context.Context, b *binding) (uint32, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if id := b.id.Load(); id != 0 {
		return id, nil
	}
	id, err := c.settle(ctx, b, c.register)
	if err != nil {
		return 0, err
	}
	b.id.Store(uint32(id))
	return uint32(id), nil
}

// settle returns the id of b's schema. A schema that its subject does not have
// must go with those that it has; then it is registered, if that is wanted.
func (c *codec) settle(ctx context.Context, b *binding, register bool) (int, error) {
	subject := c.subject(b)
	if b.late {
		c.late.Lock() // two types that come at once must not both find the topic's subject free
		defer c.late.Unlock()
		var err error
		if subject, err = c.lateSubject(ctx, b); err != nil {
			return 0, passing(err)
		}
	}
	s := sr.Schema{Schema: b.model.text, Type: c.format.kind()}
	id, err := c.registry.lookup(ctx, subject, s)
	if err == nil {
		return id, nil
	}
	if !errors.Is(err, errUnknown) {
		return 0, passing(err)
	}
	known, err := c.check(ctx, b, subject)
	if err != nil {
		return 0, passing(err)
	}
	if !register {
		return 0, fmt.Errorf("schema of %s in subject %s: %w", b.model.typ, subject, errNotRegistered)
	}
	if err := known.enforce(ctx, c, subject); err != nil {
		return 0, passing(err)
	}
	if id, err = c.registry.create(ctx, subject, s); err != nil {
		return 0, passing(fmt.Errorf("register the schema of %s as %s: %w", b.model.typ, subject, err))
	}
	c.log.Info("schema registered", "subject", subject, "schema", b.model.about.FullName(), "id", id, "compatibility", known.level)
	return id, nil
}

// passing makes an error that may pass one that is tried again.
func passing(err error) error {
	var permanent *refusal
	var incompatible *IncompatibleError
	if errors.As(err, &permanent) || errors.As(err, &incompatible) {
		return err
	}
	return message.Unavailable(err)
}

// standing is what a subject asks of its next version.
type standing struct {
	level level
	set   bool // the registry has this level for the subject
}

// check returns an *IncompatibleError when b's schema does not go with the
// versions of its subject. A level that the model does not name is the one that
// somebody set for the subject.
func (c *codec) check(ctx context.Context, b *binding, subject string) (standing, error) {
	at := standing{level: b.model.level}
	own, set, err := c.registry.level(ctx, subject)
	if err != nil {
		return at, err
	}
	if set && !b.model.explicit {
		at.level = own
	}
	at.set = set && own == at.level
	versions, err := c.registry.versions(ctx, subject, !at.level.transitive())
	if err != nil {
		return at, err
	}
	var before []past
	foreign := false
	for _, v := range versions {
		what := fmt.Sprintf("version %d", v.version)
		if v.kind != c.format.kind() {
			return at, &IncompatibleError{subject, what, string(at.level), &BreakError{Problem: fmt.Sprintf("that is one of %s, this of %s", v.kind, c.format.kind())}}
		}
		if len(v.references) > 0 {
			foreign = true
			continue
		}
		before = append(before, past{v.text, what})
	}
	err = at.level.keeps(c.format, subject, b.model.text, before)
	if errors.Is(err, errForeign) || err == nil && foreign {
		err = c.registry.compatible(ctx, subject, sr.Schema{Schema: b.model.text, Type: c.format.kind()}, at.level)
	}
	return at, err
}

// enforce sets the level in the registry, so that others cannot break it either.
// Who may register but not configure goes without.
func (s standing) enforce(ctx context.Context, c *codec, subject string) error {
	if s.set {
		return nil
	}
	err := c.registry.setLevel(ctx, subject, s.level)
	if permanent, ok := errors.AsType[*refusal](err); ok {
		c.log.Warn("the registry does not let this service set a subject's compatibility", "subject", subject, "compatibility", s.level, "error", permanent)
		return nil
	}
	return err
}
