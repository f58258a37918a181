package model

import (
	"regexp"
	"slices"
	"strings"
)

// isJSONSchema tells a JSON Schema from a message.
func isJSONSchema(root *node) bool {
	if root.kind != object {
		return false
	}
	if s := root.get("$schema"); s != nil && s.kind == text {
		return true
	}
	properties, typ := root.get("properties"), root.get("type")
	if properties != nil && properties.kind == object && (typ == nil || typ.is("object")) {
		return !slices.ContainsFunc(properties.fields, func(p *node) bool { return p.kind != object && p.kind != boolean })
	}
	return (typ.is("object") || refers(root)) && !slices.ContainsFunc(root.fields, func(f *node) bool { return !isKeyword(f) })
}

// refers reports whether what is described is said in another place, or in
// several.
func refers(root *node) bool {
	if ref := root.get("$ref"); ref != nil && ref.kind == text {
		return true
	}
	for _, word := range []string{"$defs", "definitions"} {
		if n := root.get(word); n != nil && n.kind == object {
			return true
		}
	}
	return slices.ContainsFunc([]string{"allOf", "anyOf", "oneOf"}, func(word string) bool {
		n := root.get(word)
		return n != nil && len(n.items) > 0 && !slices.ContainsFunc(n.items, func(part *node) bool { return part.kind != object })
	})
}

// isKeyword reports whether a field of an object without properties is one of
// JSON Schema. Drafts before 6 have id for $id.
func isKeyword(f *node) bool {
	return keyword[f.name] || strings.HasPrefix(f.name, "x-") || f.name == "id" && f.kind == text && strings.Contains(f.text, ":")
}

var keyword = func() map[string]bool {
	all := make(map[string]bool)
	for w := range strings.FieldsSeq("$id $schema $comment $anchor $defs definitions $ref title description type nullable additionalProperties required " +
		"allOf anyOf oneOf not if then else minProperties maxProperties patternProperties propertyNames unevaluatedProperties " +
		"dependentRequired dependentSchemas dependencies deprecated readOnly writeOnly examples default") {
		all[w] = true
	}
	return all
}()

// checkDocument refuses what has schemas among other things.
func (r *reader) checkDocument(root *node) {
	for name, called := range map[string]string{"openapi": "an OpenAPI", "swagger": "an OpenAPI", "asyncapi": "an AsyncAPI"} {
		if version := root.get(name); version != nil && (version.kind == text || version.kind == number) && root.get("info") != nil {
			r.fail(nil, "copy it into a file of its own, with what it refers to in $defs", "is %s document; give one of its schemas", called)
		}
	}
}

// jsonModel reads a JSON Schema, of any draft.
func (r *reader) jsonModel(root *node) *Model {
	j := &jsonReader{reader: r, root: root, records: make(map[*node]*Record)}
	t := j.read(root, "")
	if t.Kind != Struct {
		r.fail(root, `describe an object: {"type": "object", "properties": { … }}`, "the body of a message has fields, and this says none")
	}
	t.Record.unchecked = t.notes()
	m := &Model{Body: t.Record, Version: "1"}
	if title := r.string(root.get("title")); messageType.MatchString(title) && (!r.avro || avroName.MatchString(title)) {
		m.Namespace, m.Name = cutLast(title)
	}
	return m
}

// messageType is what a message's type can be called.
var messageType = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,99}$`)

type jsonReader struct {
	*reader
	root    *node
	records map[*node]*Record // by what describes them
	open    []*node           // what is being read
	parts   int               // how many were read
	choices int               // how many single values
}

// read reads the schema n of something that is called name.
func (j *jsonReader) read(n *node, name string) *Type {
	if slices.Contains(j.open, n) {
		if ref := n.get("$ref"); ref != nil {
			j.fail(ref, recursive, "%q is inside of itself, and a model cannot be", ref.text)
		}
		j.fail(n, recursive, "is inside of itself, and a model cannot be")
	}
	j.open = append(j.open, n)
	defer func() { j.open = j.open[:len(j.open)-1] }()
	s := &schema{jsonReader: j, at: n}
	s.flatten(n)
	name = s.called(name)

	t := &Type{at: n}
	s.values(t)
	types := s.types(t)
	t.Null = s.null
	switch {
	case len(types) == 0:
		t.Kind = Any
	case len(types) > 1:
		j.fail(s.only("type"), "make it null and one other, with a field for each that is wanted", "%d types are no type of Go", len(types))
	default:
		s.describe(t, types[0], name)
	}
	s.note(t)
	if example := s.first("examples"); example != nil && example.kind == array && len(example.items) > 0 {
		t.example = example.items[0]
	} else if example := s.first("default"); example != nil {
		t.example = example
	}
	return t
}

// types are the types that the schema allows, besides null.
func (s *schema) types(t *Type) []string {
	var all []string
	add := func(n *node) {
		switch name := s.string(n); name {
		case "null":
			s.null = true
		case "object", "array", "string", "number", "integer", "boolean":
			all = append(all, name)
		default:
			s.fail(n, "the types are object, array, string, number, integer, boolean and null", "%q is no type of JSON Schema", name)
		}
	}
	switch n := s.only("type"); {
	case n == nil:
		return s.guess(t)
	case n.kind == array:
		for _, item := range n.items {
			add(item)
		}
	default:
		add(n)
	}
	if i := slices.Index(all, "integer"); i >= 0 && slices.Contains(all, "number") {
		all = slices.Delete(all, i, i+1)
	}
	if len(all) == 0 {
		s.fail(s.at, "leave it out", "a value that is always null says nothing")
	}
	return all
}

// guess tells the type from the words that are used.
func (s *schema) guess(t *Type) []string {
	for _, hint := range []struct{ words, typ string }{
		{"properties required additionalProperties patternProperties minProperties maxProperties", "object"},
		{"items prefixItems minItems maxItems uniqueItems contains", "array"},
		{"minLength maxLength pattern format contentEncoding", "string"},
		{"minimum maximum exclusiveMinimum exclusiveMaximum multipleOf", "number"},
	} {
		for word := range strings.FieldsSeq(hint.words) {
			if s.first(word) != nil {
				return []string{hint.typ}
			}
		}
	}
	if len(t.allowed) > 0 {
		switch t.allowed[0].kind {
		case text:
			return []string{"string"}
		case boolean:
			return []string{"boolean"}
		case number:
			if slices.ContainsFunc(t.allowed, func(n *node) bool { _, ok := whole(n.text); return !ok }) {
				return []string{"number"}
			}
			return []string{"integer"}
		}
	}
	return nil
}

// values reads which values are allowed, if single ones are.
func (s *schema) values(t *Type) {
	allowed := s.oneOf
	if list := s.only("enum"); list != nil {
		allowed = s.want(list, array).items
		if len(allowed) == 0 {
			s.fail(list, "", "allows no value")
		}
	}
	if value := s.only("const"); value != nil {
		allowed = []*node{value}
	}
	isNull := func(n *node) bool { return n.kind == null }
	if slices.ContainsFunc(allowed, isNull) {
		s.null = true
		allowed = slices.DeleteFunc(slices.Clone(allowed), isNull)
	}
	if s.choices += len(allowed); s.choices > mostChoices {
		s.fail(s.at, "leave the choice out", tooManyChoices, mostChoices)
	}
	t.allowed = allowed
	for _, value := range t.allowed {
		if value.kind == object || value.kind == array {
			s.fail(value, "describe its fields or items", "%s is no value that a rule can name", value.kind)
		}
		if value.kind != t.allowed[0].kind {
			s.fail(value, "use values of one type", "%s among others that are not is no type of Go", value.kind)
		}
	}
}

// describe reads what there is to say of a type's values.
func (s *schema) describe(t *Type, typ, name string) {
	want := map[string]kind{"string": text, "number": number, "integer": number, "boolean": boolean, "object": object, "array": array}[typ]
	if len(t.allowed) > 0 && t.allowed[0].kind != want {
		s.fail(t.allowed[0], "", "is %s, and not of the type %s", t.allowed[0].kind, typ)
	}
	switch typ {
	case "object":
		s.object(t, name)
	case "array":
		s.list(t, name)
	case "string":
		s.texts(t)
	case "boolean":
		t.Kind = Bool
	default:
		s.numbers(t, typ == "integer")
	}
}

// note takes down the rules that nothing checks, besides those of the types.
func (s *schema) note(t *Type) {
	for _, word := range []string{"pattern", "contains", "not", "if", "dependentRequired", "dependentSchemas", "dependencies", "propertyNames", "unevaluatedProperties"} {
		switch n := s.first(word); {
		case n == nil:
		case n.kind == text:
			t.unchecked = append(t.unchecked, "Not checked: "+word+" "+n.text)
		default:
			t.unchecked = append(t.unchecked, notChecked(word))
		}
	}
}

func notChecked(word string) string { return "Not checked: what the schema says with " + word + "." }
