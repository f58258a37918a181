package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// errForeign is for schemas that have more in them than models make.
var errForeign = errors.New("it is not a schema that models make, so only the registry can compare it")

// parseJSON reads a schema that says nothing but what models make.
func parseJSON(text string) (*jsonSchema, error) {
	var s jsonSchema
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return nil, fmt.Errorf("%w: %w", errForeign, err)
	}
	return &s, nil
}

// comparison looks for documents that one schema allows and the other does not.
type comparison struct {
	writer, reader *jsonSchema // the roots, for references
	seen           map[[2]*jsonSchema]bool
}

func (c *comparison) compare(path string, w, r *jsonSchema) error {
	w, err := deref(w, c.writer)
	if err != nil {
		return err
	}
	r, err = deref(r, c.reader)
	if err != nil {
		return err
	}
	pair := [2]*jsonSchema{w, r}
	if c.seen[pair] {
		return nil
	}
	c.seen[pair] = true
	err = c.compareOnce(path, w, r)
	if err != nil {
		delete(c.seen, pair) // it may be asked for again, as one of several
	}
	return err
}

func (c *comparison) compareOnce(path string, w, r *jsonSchema) error {
	if len(w.AnyOf) > 0 || len(r.AnyOf) > 0 {
		if !anyOfAlone(w) || !anyOfAlone(r) {
			return errForeign
		}
		return c.anyOf(path, w, r)
	}
	if problem := narrower(w, r); problem != "" {
		return &BreakError{Field: path, Problem: problem}
	}
	if r.Items != nil && w.Items != nil {
		if err := c.compare(path+"[]", w.Items, r.Items); err != nil {
			return err
		}
	}
	if err := c.properties(path, w, r); err != nil {
		return err
	}
	return c.others(path, w, r)
}

// anyOf compares schemas that have several. What the writer may have, one of the
// reader's must take.
func (c *comparison) anyOf(path string, w, r *jsonSchema) error {
	for _, one := range w.AnyOf {
		if err := c.compare(path, one, r); err != nil {
			return err
		}
	}
	if len(w.AnyOf) > 0 {
		return nil
	}
	var err error
	for _, one := range r.AnyOf {
		if err = c.compare(path, w, one); err == nil {
			return nil
		}
	}
	return err // of the last: the first is null
}

func anyOfAlone(s *jsonSchema) bool {
	return len(s.AnyOf) == 0 || reflect.DeepEqual(*s, jsonSchema{AnyOf: s.AnyOf, Description: s.Description})
}

func deref(s, root *jsonSchema) (*jsonSchema, error) {
	if s.Ref == "" {
		return s, nil
	}
	if s.Ref == "#" {
		return root, nil
	}
	name, ok := strings.CutPrefix(s.Ref, definitionsPath)
	if found := root.Definitions[name]; ok && found != nil && found.Ref == "" {
		return found, nil
	}
	return nil, fmt.Errorf("%w: it refers to %s", errForeign, s.Ref)
}

// narrower says which single value the reader refuses that the writer may have.
func narrower(w, r *jsonSchema) string {
	for _, t := range w.Type {
		if len(r.Type) > 0 && !slices.Contains(r.Type, t) && (t != "integer" || !slices.Contains(r.Type, "number")) {
			return fmt.Sprintf("the writer has %s, the reader %s", strings.Join(w.Type, " or "), strings.Join(r.Type, " or "))
		}
	}
	if len(w.Type) == 0 && len(r.Type) > 0 {
		return "the writer has any type, the reader " + strings.Join(r.Type, " or ")
	}
	for _, f := range [][3]string{{"format", w.Format, r.Format}, {"encoding", w.ContentEncoding, r.ContentEncoding}} {
		if f[2] != "" && f[1] != f[2] {
			return fmt.Sprintf("the reader asks for the %s %s", f[0], f[2])
		}
	}
	if r.Enum != nil {
		if w.Enum == nil {
			return "the reader takes only some values"
		}
		for _, v := range w.Enum {
			if !slices.Contains(r.Enum, v) {
				return fmt.Sprintf("the reader does not take %v", v)
			}
		}
	}
	return tighter(w, r)
}

// tighter says which limit of the reader's is not the writer's too.
func tighter(w, r *jsonSchema) string {
	for _, limit := range []struct {
		name string
		w, r *float64
	}{
		{"minimum", w.Minimum, r.Minimum}, {"exclusiveMinimum", w.ExclusiveMinimum, r.ExclusiveMinimum},
		{"minLength", w.MinLength, r.MinLength}, {"minItems", w.MinItems, r.MinItems}, {"minProperties", w.MinProperties, r.MinProperties},
	} {
		if limit.r != nil && (limit.w == nil || *limit.w < *limit.r) {
			return fmt.Sprintf("the reader has a %s of %v, which the writer does not keep", limit.name, *limit.r)
		}
	}
	for _, limit := range []struct {
		name string
		w, r *float64
	}{
		{"maximum", w.Maximum, r.Maximum}, {"exclusiveMaximum", w.ExclusiveMaximum, r.ExclusiveMaximum},
		{"maxLength", w.MaxLength, r.MaxLength}, {"maxItems", w.MaxItems, r.MaxItems}, {"maxProperties", w.MaxProperties, r.MaxProperties},
	} {
		if limit.r != nil && (limit.w == nil || *limit.w > *limit.r) {
			return fmt.Sprintf("the reader has a %s of %v, which the writer does not keep", limit.name, *limit.r)
		}
	}
	return ""
}

func (c *comparison) properties(path string, w, r *jsonSchema) error {
	for _, name := range r.Required {
		if !slices.Contains(w.Required, name) {
			return &BreakError{Field: fieldOfPath(path, name), Problem: "the reader requires it, and the writer may leave it out"}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.Properties)) {
		at := fieldOfPath(path, name)
		known, ok := r.Properties[name]
		if !ok && r.AdditionalProperties != nil && r.AdditionalProperties.schema != nil {
			known, ok = r.AdditionalProperties.schema, true
		}
		switch {
		case ok:
			if err := c.compare(at, w.Properties[name], known); err != nil {
				return err
			}
		case r.AdditionalProperties != nil && r.AdditionalProperties.none:
			return &BreakError{Field: at, Problem: "the reader does not have it, and takes no other fields than its own"}
		}
	}
	if w.AdditionalProperties != nil && w.AdditionalProperties.none {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(r.Properties)) {
		if _, ok := w.Properties[name]; !ok {
			return &BreakError{Field: fieldOfPath(path, name), Problem: "the writer may have anything there: its schema allows other fields than its own"}
		}
	}
	return nil
}

// others compares what may be there beside the fields that have names.
func (c *comparison) others(path string, w, r *jsonSchema) error {
	if r.AdditionalProperties == nil || w.AdditionalProperties != nil && w.AdditionalProperties.none {
		return nil
	}
	if r.AdditionalProperties.none || w.AdditionalProperties == nil && r.AdditionalProperties.schema != nil {
		if slices.Contains(w.Type, "object") {
			return &BreakError{Field: path, Problem: "the writer may have other fields than its own, and the reader does not take them"}
		}
		return nil
	}
	if w.AdditionalProperties == nil || w.AdditionalProperties.schema == nil || r.AdditionalProperties.schema == nil {
		return nil
	}
	return c.compare(path+"{}", w.AdditionalProperties.schema, r.AdditionalProperties.schema)
}

func fieldOfPath(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
