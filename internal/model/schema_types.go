package model

import (
	"maps"
	"slices"
	"strings"
)

// any makes a type of several, or of which nothing is said.
func (s *schema) any(t *Type, types []string) {
	t.Kind = Any
	t.Null = s.null || !s.isTyped
	if len(t.allowed) > 0 {
		t.like, t.example = &Type{Kind: Any, Null: true, at: t.at, limits: limits{example: t.allowed[0]}}, t.allowed[0]
		t.allowed = nil
		t.unchecked = append(t.unchecked, unknownChoice)
		return
	}
	switch {
	case s.isTyped && len(types) == 0:
		t.like = &Type{Kind: Any, limits: limits{example: &node{kind: null}}}
		t.unchecked = append(t.unchecked, "Not checked: that it is null.")
	case len(types) > 0 && len(types) < len(typeWords): // all of them are no rule
		t.like = sample(types[0], t.at)
		t.unchecked = append(t.unchecked, "Not checked: that it is "+oneOfWords(types)+".")
	}
}

// typeWords are the types besides null, as a sentence has them. An integer is a
// number.
var typeWords = map[string]string{"object": "an object", "array": "a list", "string": "a string", "number": "a number", "boolean": "true or false"}

func oneOfWords(types []string) string {
	var all []string
	for _, name := range types {
		word := typeWords[name]
		if name == "integer" {
			word = "a whole number"
		}
		all = append(all, word)
	}
	last := len(all) - 1
	if last == 0 {
		return all[0]
	}
	return strings.Join(all[:last], ", ") + " or " + all[last]
}

// sample is a plain type of that name.
func sample(name string, at *node) *Type {
	t := &Type{Kind: map[string]Kind{"object": Map, "array": List, "string": Text, "number": Float, "integer": Int, "boolean": Bool}[name], Bits: 64, at: at}
	switch t.Kind {
	case Map, List:
		t.Elem, t.longest = &Type{Kind: Any, at: at}, new(int) // none
	case Text:
		t.Bits = 0 // which would be a decimal's
	}
	return t
}

// types are the types that the schema allows, besides null.
func (s *schema) types(t *Type) []string {
	var all []string
	withNull := false
	add := func(n *node) {
		switch name := s.string(n); name {
		case "null":
			withNull = true
		case "object", "array", "string", "number", "integer", "boolean":
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		case "any": // in draft 3
			all, withNull = slices.Collect(maps.Keys(typeWords)), true
		default:
			s.fail(n, "the types are object, array, string, number, integer, boolean and null", "%q is no type of JSON Schema", name)
		}
	}
	n := s.said()
	switch {
	case n == nil:
		return s.guess(t)
	case n.kind == array:
		for _, item := range n.items {
			add(item)
		}
	default:
		add(n)
	}
	s.isTyped = true
	s.null = s.null || withNull && !s.isChoice || withNull && s.choosesNull
	if i := slices.Index(all, "integer"); i >= 0 && slices.Contains(all, "number") {
		all = slices.Delete(all, i, i+1)
	}
	return all
}

// said is what says of which type it is. Of two parts that say it, one may say
// less: a number that is an integer, or null too.
func (s *schema) said() *node {
	var found *node
	names := func(n *node) []string {
		if n.kind != array {
			return []string{s.string(n)}
		}
		var all []string
		for _, item := range n.items {
			all = append(all, s.string(item))
		}
		return all
	}
	within := func(a, b []string) bool {
		return !slices.ContainsFunc(a, func(name string) bool {
			return !slices.Contains(b, name) && (name != "integer" || !slices.Contains(b, "number"))
		})
	}
	for _, part := range s.parts {
		switch n := part.get("type"); {
		case n == nil:
		case found == nil || within(names(n), names(found)):
			found = n
		case !within(names(found), names(n)):
			s.fail(n, "say it in one place", "type is said twice, and differently")
		}
	}
	return found
}

// guess tells the type from the words that are used.
func (s *schema) guess(t *Type) []string {
	if len(t.allowed) > 0 {
		s.null, s.isTyped = s.null || s.choosesNull, true
		return kindsOf(t.allowed)
	}
	if s.isChoice { // null alone
		s.null, s.isTyped = true, true
		return nil
	}
	for _, hint := range []struct{ words, typ string }{
		{"properties required additionalProperties patternProperties minProperties maxProperties", "object"},
		{"items prefixItems minItems maxItems uniqueItems contains", "array"},
		{"minLength maxLength pattern format contentEncoding", "string"},
		{"minimum maximum exclusiveMinimum exclusiveMaximum multipleOf", "number"},
	} {
		for word := range strings.FieldsSeq(hint.words) {
			if n := s.first(word); n != nil && (word != "required" || n.kind == array) {
				if hint.typ == "string" || hint.typ == "number" {
					t.unchecked = append(t.unchecked, "Taken for "+typeWords[hint.typ]+": the schema does not say that it is one.")
				}
				s.isTyped = true
				return []string{hint.typ}
			}
		}
	}
	return nil
}

// kindsOf are the types of single values.
func kindsOf(values []*node) []string {
	var all []string
	for _, v := range values {
		name := map[kind]string{text: "string", boolean: "boolean", number: "integer", object: "object", array: "array"}[v.kind]
		if _, ok := exact(v.text); v.kind == number && !ok {
			name = "number"
		}
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	if i := slices.Index(all, "integer"); i >= 0 && slices.Contains(all, "number") {
		all = slices.Delete(all, i, i+1)
	}
	return all
}
