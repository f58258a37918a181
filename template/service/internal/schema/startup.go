package schema

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Startup registers every schema, or only looks it up where
// SCHEMA_REGISTRY_AUTO_REGISTER is false, and checks that each is compatible with
// the versions before it. While the registry cannot be reached the error is
// message.Unavailable. It may be called again: what is known is not asked for again.
func (c *Codec) Startup(ctx context.Context) error {
	for _, b := range c.on("") {
		_, err := c.schemaID(ctx, b)
		if errors.Is(err, errNotRegistered) {
			if !b.warned.Swap(true) { // each consumer starts the codec
				c.log.Warn("messages of this type can be read, but not written", "error", err)
			}
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// errNotRegistered is for a schema that the registry lacks and that may not be
// registered.
var errNotRegistered = errors.New("it is not registered: register it with `schema register`, or set SCHEMA_REGISTRY_AUTO_REGISTER=true")

// schemaID returns the id of b's schema, from the registry the first time.
func (c *Codec) schemaID(ctx context.Context, b *binding) (uint32, error) {
	if id := b.id.Load(); id != 0 {
		return id, nil
	}
	err := c.ask(ctx, "schema "+b.model.about.FullName()+" of topic "+b.topic, func(ctx context.Context) error {
		id, err := c.findOrRegister(ctx, b, c.register)
		if err == nil {
			b.id.Store(uint32(id))
		}
		return err
	})
	return b.id.Load(), err
}

// findOrRegister returns the id of b's schema. If the registry lacks it, it is
// registered, or errNotRegistered is returned.
func (c *Codec) findOrRegister(ctx context.Context, b *binding, register bool) (id int, err error) {
	if b.undeclared { // of two types at once, one gets the topic's subject
		c.choosing <- struct{}{}
		defer func() { <-c.choosing }()
	}
	subject, err := c.chooseSubject(ctx, b)
	if err == nil {
		id, err = c.findOrRegisterIn(ctx, b, subject, register)
	}
	return id, b.explain(subject, err)
}

// findOrRegisterIn returns the id of b's schema in a subject. A schema that is not
// there must be compatible with those that are.
func (c *Codec) findOrRegisterIn(ctx context.Context, b *binding, subject string, register bool) (int, error) {
	s := sr.Schema{Schema: b.model.text, Type: c.format.kind()}
	lookup := func(r *Registry) (id int, err error) { return r.lookup(ctx, subject, s) }
	id, err := lookup(c.registry)
	if errors.Is(err, errUnknown) && !register { // else it is settled by the instance that registers
		id, err = confirm(ctx, c.registry, lookup)
	}
	if err == nil && register {
		return id, c.keepLevel(ctx, b, subject)
	}
	if !errors.Is(err, errUnknown) {
		return id, err
	}
	if other, err := c.elsewhere(ctx, b, subject); err != nil || other != subject {
		if err != nil {
			return 0, err
		}
		return c.findOrRegisterIn(ctx, b, other, register)
	}
	known, err := c.check(ctx, b, subject)
	if err != nil {
		return 0, err
	}
	if !register {
		return 0, errNotRegistered
	}
	if err := known.enforce(ctx, c, subject); err != nil {
		return 0, err
	}
	if id, err = c.registry.create(ctx, subject, s, known.level); err != nil {
		return 0, err
	}
	c.log.Info("schema registered", "subject", subject, "schema", b.model.about.FullName(), "id", id, "compatibility", known.level)
	return id, nil
}

// explain adds to an error the schema and its subject. It is message.Unavailable
// unless it is final.
func (b *binding) explain(subject string, err error) error {
	if _, incompatible := errors.AsType[*IncompatibleError](err); err == nil || incompatible {
		return err // it says so itself
	}
	err = fmt.Errorf("schema of %s in subject %s: %w", b.model.typ, subject, err)
	if _, refused := errors.AsType[*refusal](err); refused || errors.Is(err, errNotRegistered) {
		return err
	}
	return message.Unavailable(err)
}

// unavailableIfFixable makes an error Unavailable if a change of the credentials
// or of the registry would remove it. A start ends with such an error, so that it
// is noticed; a message that is being handled waits, and is no dead letter.
func unavailableIfFixable(err error) error {
	refused, _ := errors.AsType[*refusal](err)
	if errors.Is(err, errNotRegistered) || refused != nil && refused.fixable() {
		return message.Unavailable(err)
	}
	return err
}
