package schema

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/avro"
)

func (avroFormat) compare(writer, reader string) error {
	w, err := avro.Parse(writer)
	if err != nil {
		return fmt.Errorf("%w: %w", errForeign, err)
	}
	r, err := avro.Parse(reader)
	if err != nil {
		return fmt.Errorf("%w: %w", errForeign, err)
	}
	return readable(w, r)
}

// readable returns a *BreakError when r cannot read what w writes, or would
// take its times for others.
func readable(w, r *avro.Schema) error {
	if err := avro.CheckCompatibility(w, r); err != nil {
		return asBreak(err)
	}
	return sameUnits("", w.Root().ExpandReferences(), r.Root().ExpandReferences())
}

// asBreak returns the library's error as a *BreakError.
func asBreak(err error) error {
	e, ok := errors.AsType[*avro.CompatibilityError](err)
	if !ok {
		return err
	}
	b := &BreakError{Field: e.Path, Problem: e.Detail}
	switch {
	case e.Path == "(root)":
		b.Field = ""
	case e.WriterType == "":
		b.Problem = "the writer does not have it, and the reader has no default for it"
		b.advice = "make it a pointer; a plain boolean, number or text may have omitempty, or default= in its avro tag, instead"
	}
	if e.WriterType != "" && e.ReaderType != "" {
		b.Problem = fmt.Sprintf("the writer has %s, the reader %s: %s", e.WriterType, e.ReaderType, e.Detail)
	}
	return b
}

// sameUnits returns a *BreakError when r has a time in another unit than w.
// Avro resolves the numbers alone, so milliseconds would be read as
// microseconds without an error. w and r are known to be compatible.
func sameUnits(path string, w, r *avro.SchemaNode) error {
	if w.Type == "union" {
		for i := range w.Branches {
			if err := sameUnits(path, &w.Branches[i], r); err != nil {
				return err
			}
		}
		return nil
	}
	if r.Type == "union" {
		if r = branchFor(w, r.Branches); r == nil {
			return nil
		}
	}
	if from, to := unit(w), unit(r); from != "" && to != "" && from != to {
		return &BreakError{Field: path, Problem: fmt.Sprintf("the writer has %s, the reader %s: the same number is another time", w.LogicalType, r.LogicalType)}
	}
	switch {
	case w.Items != nil && r.Items != nil:
		return sameUnits(path+".items", w.Items, r.Items)
	case w.Values != nil && r.Values != nil:
		return sameUnits(path+".values", w.Values, r.Values)
	}
	for i := range r.Fields {
		to := &r.Fields[i]
		if from := fieldFor(to, w.Fields); from != nil {
			if err := sameUnits(fieldOfPath(path, to.Name), &from.Type, &to.Type); err != nil {
				return err
			}
		}
	}
	return nil
}

// unit is what a number counts that is a time, and empty for all else. A local
// time counts the same as another.
func unit(n *avro.SchemaNode) string {
	logical := strings.TrimPrefix(n.LogicalType, "local-")
	if logical == "date" || strings.HasPrefix(logical, "time") {
		return logical
	}
	return ""
}

// branchFor returns the branch of a reader's union that reads w: the one of its
// type and name, or what its number becomes.
func branchFor(w *avro.SchemaNode, branches []avro.SchemaNode) *avro.SchemaNode {
	for i := range branches {
		b := &branches[i]
		isIts := func(name string) bool { return unqualified(name) == unqualified(w.Name) }
		if b.Type == w.Type && (isIts(b.Name) || slices.ContainsFunc(b.Aliases, isIts)) {
			return b
		}
	}
	if i := slices.IndexFunc(branches, func(b avro.SchemaNode) bool { return b.Type == "long" }); i >= 0 && w.Type == "int" {
		return &branches[i]
	}
	return nil
}

// fieldFor returns the writer's field that goes into a reader's.
func fieldFor(to *avro.SchemaField, fields []avro.SchemaField) *avro.SchemaField {
	for _, name := range append([]string{to.Name}, to.Aliases...) {
		if i := slices.IndexFunc(fields, func(f avro.SchemaField) bool { return f.Name == name }); i >= 0 {
			return &fields[i]
		}
	}
	return nil
}
