package model

import (
	"path"
	"path/filepath"
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
	for w := range strings.FieldsSeq("$id $schema $comment $anchor $dynamicAnchor $vocabulary $defs definitions $ref title description type nullable additionalProperties required " +
		"allOf anyOf oneOf not if then else minProperties maxProperties patternProperties propertyNames unevaluatedProperties " +
		"dependentRequired dependentSchemas dependencies deprecated readOnly writeOnly examples default") {
		all[w] = true
	}
	return all
}()

// ruleWord has the other words of JSON Schema that are rules.
var ruleWord = func() map[string]bool {
	all := make(map[string]bool)
	for w := range strings.FieldsSeq("properties items prefixItems additionalItems minItems maxItems uniqueItems contains minContains maxContains unevaluatedItems enum const " +
		"minLength maxLength pattern format contentEncoding contentMediaType minimum maximum exclusiveMinimum exclusiveMaximum multipleOf") {
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
func (r *reader) jsonModel(root *node, beside Files) *Model {
	j := &jsonReader{reader: r, root: root, beside: beside, records: make(map[*node]*Record), ids: make(map[string]*node), files: make(map[string]*node)}
	j.add(path.Base(filepath.ToSlash(r.file)), root)
	t := j.read(root, "")
	if t.Kind != Struct {
		r.fail(root, `describe an object: {"type": "object", "properties": { … }}`, "the body of a message has fields, and this says none")
	}
	t.Record.unchecked = append(t.Record.unchecked, t.notes()...)
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
	beside  Files
	files   map[string]*node  // that were read, by their path from the first
	ids     map[string]*node  // what has an $id or an anchor
	records map[*node]*Record // by what describes them
	open    []*node           // what is being read
	parts   int               // how many were read
	choices int               // how many single values
}

// read reads the schema n of something that is called name.
func (j *jsonReader) read(n *node, name string) *Type {
	if slices.Contains(j.open, n) { // a list or a map of itself: a struct would have been found
		return &Type{Kind: Any, Null: true, at: n, limits: limits{unchecked: []string{"Not checked: what is in it, which is the same again."}}}
	}
	j.open = append(j.open, n)
	defer func() { j.open = j.open[:len(j.open)-1] }()
	s := &schema{jsonReader: j, at: n}
	s.flatten(n)
	name = s.called(name)

	t := &Type{at: n}
	t.doc, t.isDeprecated = s.string(s.first("description")), s.isDeprecated()
	s.values(t)
	types := s.types(t)
	switch {
	case len(types) == 0 && len(s.alternatives) > 0:
		s.alternative(t, name)
	case len(types) == 1:
		t.Null = s.null
		s.describe(t, types[0], name)
	default:
		s.any(t, types)
	}
	s.note(t)
	s.exemplify(t)
	return t
}

// exemplify takes what the schema gives as an example.
func (s *schema) exemplify(t *Type) {
	if example := s.first("examples"); example != nil && example.kind == array && len(example.items) > 0 {
		t.example = example.items[0]
	} else if example := s.first("default"); example != nil {
		t.example = example
	}
	if t.Kind == Any && t.like != nil { // the example may be of another type
		t.example = nil
	}
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
	s.isChoice = len(allowed) > 0
	isNull := func(n *node) bool { return n.kind == null }
	if slices.ContainsFunc(allowed, isNull) {
		s.choosesNull = true
		allowed = slices.DeleteFunc(slices.Clone(allowed), isNull)
	}
	if s.choices += len(allowed); s.choices > mostChoices {
		s.fail(s.at, "leave the choice out", tooManyChoices, mostChoices)
	}
	t.allowed = allowed
}

// describe reads what there is to say of a type's values.
func (s *schema) describe(t *Type, typ, name string) {
	if len(t.allowed) > 0 {
		want := map[string]kind{"string": text, "number": number, "integer": number, "boolean": boolean, "object": object, "array": array}[typ]
		good := slices.DeleteFunc(slices.Clone(t.allowed), func(n *node) bool { return n.kind != want })
		if len(good) == 0 {
			s.fail(t.allowed[0], "", "is %s, and not of the type %s", t.allowed[0].kind, typ)
		}
		if t.allowed = good; want == object || want == array {
			s.any(t, nil)
			return
		}
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

// isDeprecated reports whether one of the parts says so.
func (s *schema) isDeprecated() bool {
	return slices.ContainsFunc(s.parts, func(part *node) bool {
		n := part.get("deprecated")
		return n != nil && n.kind == boolean && n.truth
	})
}

// note takes down the rules that nothing checks, besides those of which the types
// have something to say themselves. A rule for texts is none for numbers.
func (s *schema) note(t *Type) {
	about := "not if dependentRequired dependentSchemas dependencies propertyNames unevaluatedProperties"
	switch t.Kind {
	case Text, Bytes, Time:
		about = "not if pattern contentMediaType contentSchema"
	case Int, Float, Bool, Fixed, Decimal:
		about = "not if divisibleBy"
	case List:
		about = "not if contains minContains maxContains unevaluatedItems prefixItems additionalItems"
	case Any:
		about = "not if pattern contentMediaType contentSchema contains minContains maxContains unevaluatedItems dependentRequired dependentSchemas dependencies propertyNames " +
			"unevaluatedProperties minLength maxLength format contentEncoding minimum maximum exclusiveMinimum exclusiveMaximum multipleOf items prefixItems minItems maxItems " +
			"uniqueItems properties required additionalProperties patternProperties minProperties maxProperties"
	}
	for word := range strings.FieldsSeq(about) {
		switch n := s.only(word); {
		case n == nil, word == "unevaluatedProperties" && t.Kind == Struct && t.Record.Closed, n.kind == boolean && n.truth && word != "uniqueItems":
		case n.kind == text:
			t.unchecked = append(t.unchecked, "Not checked: "+word+" "+n.text)
		default:
			t.unchecked = append(t.unchecked, notChecked(word))
		}
	}
	for _, word := range s.twice {
		t.unchecked = append(t.unchecked, "Not checked: what the schema says a second time with "+word+".")
	}
	for _, f := range s.alternatives {
		t.unchecked = append(t.unchecked, notChecked(f.name))
	}
	if s.ignored != "" {
		t.unchecked = append(t.unchecked, "Not checked: "+s.ignored+", which stands beside $ref: drafts before 2019-09 ignore that.")
	}
}

func notChecked(word string) string { return "Not checked: what the schema says with " + word + "." }
