package schema

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/sr"
)

// standing is the level that the next version of a subject has to keep.
type standing struct {
	level level
	set   bool // the registry has this level for the subject
}

// check returns an *IncompatibleError when b's schema does not go with the
// versions before it.
func (c *Codec) check(ctx context.Context, b *binding, subject string) (standing, error) {
	from, versions, err := c.history(ctx, b, subject)
	if err != nil {
		return standing{}, err
	}
	at, err := c.standing(ctx, b, subject, from)
	if err != nil {
		return at, err
	}
	if !at.level.transitive() && len(versions) > 1 {
		versions = versions[len(versions)-1:]
	}
	var before []past
	foreign := false
	for _, n := range versions {
		v, err := c.registry.version(ctx, from, n)
		if err != nil {
			return at, err
		}
		what := fmt.Sprintf("version %d", n)
		switch {
		case v.kind != c.format.kind():
			return at, &IncompatibleError{from, what, string(at.level), &BreakError{Problem: fmt.Sprintf("that is one of %s, this of %s", v.kind, c.format.kind())}}
		case v.refers:
			foreign = true
		default:
			before = append(before, past{v.text, what})
		}
	}
	err = at.level.keeps(c.format, from, b.model.text, before)
	if errors.Is(err, errForeign) || err == nil && foreign {
		err = c.registry.compatible(ctx, from, sr.Schema{Schema: b.model.text, Type: c.format.kind()}, at.level)
	}
	return at, err
}

// standing returns the level that b's schema has to keep: that of the model, or
// else the one that is set for its subject, for the former one, or for all. NONE
// for all is ignored: it is a default rather than a choice for this subject.
func (c *Codec) standing(ctx context.Context, b *binding, subject, from string) (standing, error) {
	own, set, err := c.registry.level(ctx, subject, false)
	if err != nil || b.model.explicit {
		return standing{b.model.level, set && own == b.model.level}, err
	}
	if set {
		return standing{own, true}, nil
	}
	if from != subject {
		if own, set, err = c.registry.level(ctx, from, false); err != nil || set {
			return standing{own, false}, err
		}
	}
	own, set, err = c.registry.level(ctx, subject, true)
	if err != nil || !set || own == "NONE" {
		return standing{b.model.level, false}, err
	}
	return standing{own, true}, nil
}

// keepLevel puts the model's level for a schema that is registered, if another is
// set.
func (c *Codec) keepLevel(ctx context.Context, b *binding, subject string) error {
	if !b.model.explicit {
		return nil
	}
	at, err := c.standing(ctx, b, subject, subject)
	if err != nil {
		return err
	}
	return at.enforce(ctx, c, subject)
}

// enforce sets the level in the registry, so that it binds other clients too. A
// service that may register but not configure goes on without.
func (s standing) enforce(ctx context.Context, c *Codec, subject string) error {
	if s.set {
		return nil
	}
	err := c.registry.setLevel(ctx, subject, s.level)
	if permanent, ok := errors.AsType[*refusal](err); ok {
		c.log.Warn("compatibility not set in the schema registry", "subject", subject, "compatibility", s.level, "error", permanent)
		return nil
	}
	return err
}
