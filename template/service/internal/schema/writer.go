package schema

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// writer is a schema by which bodies were written, as the registry has it.
type writer struct {
	id         uint32
	name, full string
	schema     written
	fault      error // why nothing can be read by it
	readers    frozen[reflect.Type, reader]
}

// writer returns the schema with an id.
func (c *Codec) writer(ctx context.Context, id uint32) (*writer, error) {
	w, ok := c.writers.get(id)
	if !ok {
		err := c.ask(ctx, "schema "+strconv.FormatUint(uint64(id), 10), func(ctx context.Context) error {
			found, err := c.find(ctx, id)
			if err == nil {
				c.writers.set(id, found) // an id is the same schema for ever
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		w, _ = c.writers.get(id)
	}
	return w, w.fault
}

// find asks the registry for a schema. A schema that cannot be used is returned
// with its fault, which is final; one that the registry does not have is an error,
// as it may be registered later.
func (c *Codec) find(ctx context.Context, id uint32) (*writer, error) {
	w := &writer{id: id}
	found, err := c.byID(ctx, id)
	switch {
	case errors.Is(err, errReferences):
		return nil, message.Fail(message.ClassDecode, "schema %d cannot be read: %w", id, err)
	case errors.Is(err, errUnknown):
		return nil, message.Fail(message.ClassDecode, "schema %d is unknown to the registry", id)
	case err != nil:
		return nil, message.Unavailable(fmt.Errorf("schema %d: %w", id, err))
	case found.kind != c.format.kind():
		w.fault = message.Fail(message.ClassDecode, "schema %d is one of %s, and SCHEMA_REGISTRY_FORMAT asks for %s", id, found.kind, c.format.kind())
		return w, nil
	}
	if w.schema, err = c.format.parse(found.text, found.references); err != nil {
		w.fault = message.Fail(message.ClassDecode, "schema %d cannot be read: %w", id, err)
		return w, nil
	}
	w.name, w.full = w.schema.name()
	return w, nil
}

// reader returns what reads bodies by w into a value of type out, a pointer.
func (c *Codec) reader(w *writer, out reflect.Type) (reader, error) {
	if read, ok := w.readers.get(out); ok {
		return read, nil
	}
	var b body
	if t := out.Elem(); t.Kind() != reflect.Interface {
		c.mu.Lock()
		m, err := c.model(t)
		c.mu.Unlock()
		if err != nil {
			return nil, err
		}
		b = m.body
	}
	read, err := w.schema.reader(b)
	if err != nil {
		return nil, message.Fail(message.ClassDecode, "schema %d (%s) cannot be read as %s: %w", w.id, w.full, out.Elem(), err)
	}
	w.readers.set(out, read)
	return read, nil
}
