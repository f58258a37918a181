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
	if err := b.asking.take(ctx); err != nil {
		return 0, b.failed(c.subject(b), err)
	}
	defer b.asking.release()
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

// settle returns the id of b's schema, and makes it known if that is wanted.
func (c *codec) settle(ctx context.Context, b *binding, register bool) (id int, err error) {
	if b.late { // two types that come at once must not both find the topic's subject free
		if err := c.late.take(ctx); err != nil {
			return 0, b.failed(c.subject(b), err)
		}
		defer c.late.release()
	}
	subject, err := c.settledSubject(ctx, b)
	if err == nil {
		id, err = c.place(ctx, b, subject, register)
	}
	return id, b.failed(subject, err)
}

// place returns the id of b's schema in its subject. One that is not there must
// go with those that are; then it is registered, if that is wanted.
func (c *codec) place(ctx context.Context, b *binding, subject string, register bool) (int, error) {
	s := sr.Schema{Schema: b.model.text, Type: c.format.kind()}
	id, err := c.registry.lookup(ctx, subject, s)
	if !errors.Is(err, errUnknown) {
		return id, err
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

// failed says what an error is about, and that it may pass if it may.
func (b *binding) failed(subject string, err error) error {
	if _, incompatible := errors.AsType[*IncompatibleError](err); err == nil || incompatible {
		return err // it says so itself
	}
	err = fmt.Errorf("schema of %s in subject %s: %w", b.model.typ, subject, err)
	if _, refused := errors.AsType[*refusal](err); refused || errors.Is(err, errNotRegistered) {
		return err
	}
	return message.Unavailable(err)
}

// patient makes an error one that may pass if somebody can mend it while the
// service runs. A start ends with those, so that somebody does; but whoever
// publishes has begun its work, and what it works on must not become a dead
// letter because a password has changed.
func patient(err error) error {
	refused, _ := errors.AsType[*refusal](err)
	if errors.Is(err, errNotRegistered) || refused != nil && refused.mendable() {
		return message.Unavailable(err)
	}
	return err
}
