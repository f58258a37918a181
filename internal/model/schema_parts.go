package model

import (
	"net/url"
	"slices"
	"strings"
)

// schema is a JSON Schema together with what it refers to: all in which a value
// has to agree.
type schema struct {
	*jsonReader
	at    *node
	parts []*node
	path  []*node // the parts, each in the one before, of which one is being read
	null  bool    // null is a value
	oneOf []*node

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
		s.fail(n, recursive, "is inside of itself, and a model cannot be")
	}
	if slices.Contains(s.parts, n) { // two of the others have it in common
		return
	}
	s.parts, s.path = append(s.parts, n), append(s.path, n)
	defer func() { s.path = s.path[:len(s.path)-1] }()
	for _, word := range []string{"$dynamicRef", "$recursiveRef"} {
		if f := n.get(word); f != nil {
			s.fail(f, "use $ref", "%s is not followed", f.name)
		}
	}
	if ref := n.get("$ref"); ref != nil {
		s.follow(ref)
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

// follow collects the parts of what a reference refers to.
func (s *schema) follow(ref *node) {
	target, name := s.find(ref)
	if slices.Contains(s.path, target) {
		s.fail(ref, recursive, "%q is inside of itself, and a model cannot be", ref.text)
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
		plain, err := url.PathUnescape(step)
		if err != nil {
			s.fail(ref, "write % as %25", "%q is no reference: %q", ref.text, step)
		}
		name = strings.NewReplacer("~1", "/", "~0", "~").Replace(plain)
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
	return a == b || a.kind == b.kind && a.text == b.text && a.truth == b.truth &&
		slices.EqualFunc(a.items, b.items, same) &&
		slices.EqualFunc(a.fields, b.fields, func(a, b *node) bool { return a.name == b.name && same(a, b) })
}

// describers are the parts that describe an object, and whether the definition
// has them all.
func (s *schema) describers() (parts []*node, areDefined bool) {
	areDefined = s.definition != nil
	for _, part := range s.parts {
		if part.get("properties") != nil || part.get("required") != nil || part.get("additionalProperties") != nil {
			parts = append(parts, part)
			areDefined = areDefined && slices.Contains(s.defined, part)
		}
	}
	return parts, areDefined
}

// describedBy is what alone describes the object: one of the parts, or the
// definition. It is nil where nothing does.
func (s *schema) describedBy() *node {
	parts, areDefined := s.describers()
	switch {
	case len(parts) == 1:
		return parts[0]
	case len(parts) > 1 && areDefined:
		return s.definition
	}
	return nil
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
