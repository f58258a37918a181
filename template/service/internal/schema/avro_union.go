package schema

import (
	"errors"
	"fmt"

	"github.com/twmb/avro"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// A writer's union may have types that the model has not, as where a field could be
// null before. By the specification the type that was written counts, not the union.
// The library wants all of them to be readable. So what it reads are bodies that are
// written anew, by the writer's schema without the types that cannot be read: a body
// that has one of them cannot be written so.

// narrowed returns w without those types of its unions that r cannot read, or nil
// where there is none.
func narrowed(w, r *avro.Schema) *avro.Schema {
	root := w.Root()
	if !narrow(root, r.Root().ExpandReferences()) {
		return nil
	}
	s, err := root.Schema()
	if err != nil {
		return nil // a type that others refer to is gone
	}
	return s
}

func narrow(w, r *avro.SchemaNode) (changed bool) {
	if w.Type == "union" {
		return narrowUnion(w, r)
	}
	if r.Type == "union" {
		if r = branchFor(w, r.Branches); r == nil {
			return false
		}
	}
	switch {
	case w.Items != nil && r.Items != nil:
		return narrow(w.Items, r.Items)
	case w.Values != nil && r.Values != nil:
		return narrow(w.Values, r.Values)
	}
	for i := range r.Fields {
		if from := fieldFor(&r.Fields[i], w.Fields); from != nil && narrow(&from.Type, &r.Fields[i].Type) {
			from.Default, from.HasDefault = nil, false // it may have been of the type that is gone
			changed = true
		}
	}
	return changed
}

func narrowUnion(w, r *avro.SchemaNode) (changed bool) {
	var kept []avro.SchemaNode
	for _, branch := range w.Branches {
		if narrow(&branch, r) {
			changed = true
		}
		if isReadable(&branch, r) {
			kept = append(kept, branch)
		}
	}
	if len(kept) == 0 || len(kept) == len(w.Branches) && !changed {
		return false
	}
	w.Branches = kept
	return true
}

func isReadable(w, r *avro.SchemaNode) bool {
	from, err := w.Schema()
	if err != nil {
		return false
	}
	to, err := r.Schema()
	return err == nil && avro.CheckCompatibility(from, to) == nil
}

// byBranch returns what reads bodies of a writer of whose unions the model can read a
// part.
func (w *avroWritten) byBranch(model *avroBody, unreadable error) (reader, error) {
	some := narrowed(w.schema, model.wire)
	if some == nil {
		return nil, unreadable
	}
	read, err := (&avroWritten{some}).reader(model)
	if err != nil {
		return nil, unreadable
	}
	return func(data []byte, out any) error {
		var value any
		rest, err := w.schema.Decode(data, &value, avro.TaggedUnions())
		if err != nil {
			return message.Fail(message.ClassDecode, "body: cannot be read as Avro: %w", err)
		}
		again, err := some.Encode(value)
		if err != nil {
			return message.Fail(message.ClassDecode, "body: cannot be read as Avro: %w", notOurs(err))
		}
		return read(append(again, rest...), out)
	}, nil
}

// notOurs says of which field the value is of a type that the model has not.
func notOurs(err error) error {
	e, ok := errors.AsType[*avro.SemanticError](err)
	if !ok {
		return err
	}
	return fmt.Errorf("field %s: the value is of a type of the writer's union that the reader does not have", e.Field)
}
