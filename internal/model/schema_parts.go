package model

import "slices"

// schema is a JSON Schema together with what it refers to: all in which a value
// has to agree.
type schema struct {
	*jsonReader
	at    *node
	parts []*node
	path  []*node // the parts, each in the one before, of which one is being read
	null  bool    // null is a value
	oneOf []*node

	alternatives []*node  // anyOf and oneOf, where they are no null and no single values
	isTyped      bool     // it says of which type it is
	isChoice     bool     // single values are allowed
	choosesNull  bool     // and null is one
	ignored      string   // a word beside $ref that is none there
	twice        []string // what is said twice, and differently

	definition *node   // the first that was referred to
	name       string  // of the definition
	defined    []*node // the parts that are the definition's
}

// flatten collects a schema's parts.
func (s *schema) flatten(n *node) {
	if s.jsonReader.parts++; s.jsonReader.parts > most {
		s.fail(n, "describe only what the service needs", "is one of more than %d types, and forge reads no more", most)
	}
	if n.kind == boolean && n.truth {
		return
	}
	if n.kind == boolean {
		s.fail(n, "leave it out", "no value is allowed here")
	}
	if slices.Contains(s.path, s.want(n, object)) {
		s.fail(n, "let it be left out, or be null", "is inside of itself, and no message ends")
	}
	if slices.Contains(s.parts, n) { // two of the others have it in common
		return
	}
	s.path = append(s.path, n)
	defer func() { s.path = s.path[:len(s.path)-1] }()
	if ref := n.get("$ref"); ref != nil && isOld(n.root()) {
		s.ignoreBeside(n)
		s.follow(ref)
		return
	}
	s.parts = append(s.parts, n)
	for _, word := range []string{"$ref", "$dynamicRef", "$recursiveRef"} { // what a dynamic one begins with is where it mostly ends
		if ref := n.get(word); ref != nil {
			s.follow(ref)
		}
	}
	if all := n.get("allOf"); all != nil {
		for _, part := range s.want(all, array).items {
			s.flatten(part)
		}
	}
	for _, word := range []string{"anyOf", "oneOf"} {
		if f := n.get(word); f != nil {
			s.choose(f)
		}
	}
	if nullable := n.get("nullable"); nullable != nil {
		s.null = s.null || s.want(nullable, boolean).truth
	}
}

// ignoreBeside remembers that a rule stands beside a $ref of an old draft, which is
// no rule. What explains stays.
func (s *schema) ignoreBeside(n *node) {
	explains := &node{kind: object, named: make(map[string]*node)}
	for _, f := range n.fields {
		switch f.name {
		case "description", "deprecated", "default", "examples":
			explains.named[f.name] = f
		case "$ref", "$schema", "$id", "id", "$comment", "title", "definitions", "$defs", "readOnly", "writeOnly":
		default:
			if keyword[f.name] || ruleWord[f.name] {
				s.ignored = f.name
			}
		}
	}
	s.parts = append(s.parts, explains)
}

// follow collects the parts of what a reference refers to.
func (s *schema) follow(ref *node) {
	target, name := s.find(ref)
	if slices.Contains(s.path, target) {
		s.fail(ref, "let it be left out, or be null", "%q is inside of itself, and no message ends", ref.text)
	}
	if s.definition != nil {
		s.flatten(target)
		return
	}
	s.definition, s.name = target, name
	before := len(s.parts)
	s.flatten(target)
	s.defined = slices.Clone(s.parts[before:])
}

// choose reads alternatives: null and one other schema, single values, or others,
// which are left for later.
func (s *schema) choose(n *node) {
	var some, single []*node
	hasNull := false
	areSingle := true
	for _, branch := range s.want(n, array).items {
		values := singleValues(branch)
		switch {
		case branch.kind == boolean && !branch.truth:
			continue
		case branch.get("type").is("null") || len(values) == 1 && values[0].kind == null:
			hasNull = true
			continue
		}
		some, single = append(some, branch), append(single, values...)
		areSingle = areSingle && len(values) > 0
	}
	s.null = s.null || hasNull
	switch {
	case len(some) == 1:
		s.flatten(some[0])
	case len(some) == 0 && hasNull:
		s.isTyped = true
	case len(some) == 0:
		s.fail(n, "", "allows no value")
	case areSingle:
		s.oneOf = append(s.oneOf, single...)
	default:
		s.alternatives = append(s.alternatives, n)
	}
}

// singleValues are those that a schema allows, if it says no more than that.
func singleValues(n *node) []*node {
	for _, f := range n.fields {
		switch f.name {
		case "const", "enum", "type", "title", "description", "$comment", "deprecated":
		default:
			return nil
		}
	}
	if value := n.get("const"); value != nil {
		return []*node{value}
	}
	if list := n.get("enum"); list != nil && list.kind == array {
		return list.items
	}
	return nil
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

// only is first, for what two parts can say in two ways, of which the first holds.
func (s *schema) only(name string) *node {
	found := s.first(name)
	for _, part := range s.parts {
		if n := part.get(name); n != nil && !same(n, found) && !slices.Contains(s.twice, name) {
			s.twice = append(s.twice, name)
		}
	}
	return found
}

func same(a, b *node) bool {
	return a == b || a.kind == b.kind && a.text == b.text && a.truth == b.truth &&
		slices.EqualFunc(a.items, b.items, same) &&
		slices.EqualFunc(a.fields, b.fields, func(a, b *node) bool { return a.name == b.name && same(a, b) })
}

// describers are the parts that describe an object, and whether the definition
// has them all.
func (s *schema) describers() (parts []*node, areDefined bool) {
	areDefined = s.definition != nil
	for _, part := range s.parts {
		if slices.ContainsFunc([]string{"properties", "required", "additionalProperties"}, func(word string) bool { return part.get(word) != nil }) ||
			slices.ContainsFunc(s.alternatives, func(f *node) bool { return f == part.get(f.name) }) {
			parts = append(parts, part)
			areDefined = areDefined && slices.Contains(s.defined, part)
		}
	}
	return parts, areDefined
}

// describedBy is what alone describes the object: one of the parts, the
// definition, or where nothing does, all that is read here.
func (s *schema) describedBy() *node {
	parts, areDefined := s.describers()
	switch {
	case len(parts) == 1:
		return parts[0]
	case len(parts) > 1 && areDefined:
		return s.definition
	}
	return s.at
}

// called is what to call the type of something that is called name: as the
// definition is, unless that is only a part of it, or by the title.
func (s *schema) called(name string) string {
	if _, areDefined := s.describers(); areDefined && s.name != "" {
		return s.name
	}
	for _, n := range []*node{s.at, s.describedBy()} {
		if title := n.get("title"); title != nil && title.kind == text && len(words(title.text)) > 0 && len(title.text) < 40 {
			return title.text
		}
	}
	return name
}
