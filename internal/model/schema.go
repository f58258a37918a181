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
	return typ.is("object") && !slices.ContainsFunc(root.fields, func(f *node) bool { return !keyword[f.name] })
}

// keyword are the words of JSON Schema that an object without properties may have.
var keyword = func() map[string]bool {
	all := make(map[string]bool)
	for w := range strings.FieldsSeq("$id $schema $comment $defs definitions $ref title description type additionalProperties required allOf anyOf oneOf " +
		"minProperties maxProperties patternProperties propertyNames unevaluatedProperties examples default") {
		all[w] = true
	}
	return all
}()

// jsonModel reads a JSON Schema, of any draft.
func (r *reader) jsonModel(root *node) *Model {
	j := &jsonReader{reader: r, root: root, records: make(map[*node]*Record)}
	t := j.read(root, "")
	if t.Kind != Struct {
		r.fail(root, `describe an object: {"type": "object", "properties": { … }}`, "the body of a message has fields, and this says none")
	}
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
}

// schema is a JSON Schema together with what it refers to: all in which a value
// has to agree.
type schema struct {
	*jsonReader
	at    *node
	parts []*node
	name  string // of the last definition that was referred to
	null  bool   // null is a value
	oneOf []*node
}

// flatten collects a schema's parts.
func (s *schema) flatten(n *node) {
	if n.kind == boolean && n.truth {
		return
	}
	if n.kind == boolean {
		s.fail(n, "leave it out", "no value is allowed here")
	}
	if slices.Contains(s.parts, s.want(n, object)) || slices.Contains(s.open, n) {
		s.fail(n, recursive, "is inside of itself, and a model cannot be")
	}
	s.parts = append(s.parts, n)
	for _, f := range n.fields {
		switch f.name {
		case "$ref":
			target, name := s.find(f)
			if slices.Contains(s.open, target) || slices.Contains(s.parts, target) {
				s.fail(f, recursive, "%q is inside of itself, and a model cannot be", f.text)
			}
			s.name = name
			s.flatten(target)
		case "$dynamicRef", "$recursiveRef":
			s.fail(f, "use $ref", "%s is not followed", f.name)
		case "allOf":
			for _, part := range s.want(f, array).items {
				s.flatten(part)
			}
		case "anyOf", "oneOf":
			s.choose(f)
		case "nullable":
			s.null = s.null || s.want(f, boolean).truth
		}
	}
}

// find returns what a reference refers to, and what it is called there.
func (s *schema) find(ref *node) (*node, string) {
	path, ok := strings.CutPrefix(s.string(ref), "#")
	if !ok || path != "" && path[0] != '/' {
		s.fail(ref, "put it into $defs of the same file and refer to it as #/$defs/NAME", "%q is not in this file", ref.text)
	}
	at, name := s.root, ""
	for step := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if path == "" {
			break
		}
		name = strings.NewReplacer("~1", "/", "~0", "~", "%25", "%").Replace(step)
		if at = at.get(name); at == nil {
			s.fail(ref, "", "%q is not in this file: there is no %q", ref.text, name)
		}
	}
	return at, name
}

// choose reads alternatives: null and one other schema, or single values.
func (s *schema) choose(n *node) {
	var some []*node
	values := true
	for _, branch := range s.want(n, array).items {
		if branch.get("type").is("null") || branch.get("const") != nil && branch.get("const").kind == null {
			s.null = true
			continue
		}
		some = append(some, branch)
		values = values && branch.get("const") != nil
	}
	switch {
	case len(some) == 1:
		s.flatten(some[0])
	case values && len(some) > 1:
		for _, branch := range some {
			s.oneOf = append(s.oneOf, branch.get("const"))
		}
	default:
		s.fail(n, "make it null and one other, with a field for each that is wanted", "%d alternatives are no type of Go", len(some))
	}
}

// first returns the first of the parts' fields of that name, or nil.
func (s *schema) first(name string) *node {
	for _, part := range s.parts {
		if n := part.get(name); n != nil {
			return n
		}
	}
	return nil
}

// only is first, for what two parts cannot say in two ways.
func (s *schema) only(name string) *node {
	found := s.first(name)
	for _, part := range s.parts {
		if n := part.get(name); n != nil && !same(n, found) {
			s.fail(n, "say it in one place", "%s is said twice, and differently", name)
		}
	}
	return found
}

func same(a, b *node) bool {
	return a.kind == b.kind && a.text == b.text && a.truth == b.truth &&
		slices.EqualFunc(a.items, b.items, same) &&
		slices.EqualFunc(a.fields, b.fields, func(a, b *node) bool { return a.name == b.name && same(a, b) })
}

// read reads the schema n of something that is called name.
func (j *jsonReader) read(n *node, name string) *Type {
	s := &schema{jsonReader: j, at: n}
	s.flatten(n)
	if s.name != "" {
		name = s.name
	} else if title := s.first("title"); title != nil && title.kind == text && len(words(title.text)) > 0 && len(title.text) < 40 {
		name = title.text
	}
	before := j.open
	j.open = append(slices.Clip(j.open), s.parts...)
	defer func() { j.open = before }()

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
			if slices.ContainsFunc(t.allowed, func(n *node) bool { return !isWhole(n.text) }) {
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
	for _, value := range allowed {
		switch value.kind {
		case null:
			s.null = true
		case object, array:
			s.fail(value, "describe its fields or items", "%s is no value that a rule can name", value.kind)
		default:
			t.allowed = append(t.allowed, value)
		}
	}
	for _, value := range t.allowed {
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
	for _, word := range []string{"pattern", "contains", "not", "if", "dependentRequired", "dependentSchemas", "dependencies", "propertyNames", "unevaluatedProperties"} {
		switch n := s.first(word); {
		case n == nil:
		case n.kind == text:
			t.unchecked = append(t.unchecked, "Not checked: "+word+" "+n.text)
		default:
			t.unchecked = append(t.unchecked, "Not checked: what the schema says with "+word+".")
		}
	}
}
