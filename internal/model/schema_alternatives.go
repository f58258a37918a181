package model

import "slices"

// alternative makes a type of what anyOf or oneOf say, where nothing else says
// which type it is: a struct with the fields of all, where all are structs; else
// a type that takes all.
func (s *schema) alternative(t *Type, name string) {
	types := s.branches(s.alternatives[0], name)
	*t = *join(types, name, t, 0)
	t.Null = t.Null || s.null
	s.isTyped = true
}

// branches are the types of alternatives.
func (s *schema) branches(alternatives *node, name string) []*Type {
	var types []*Type
	for _, branch := range alternatives.items {
		if branch.kind == boolean && !branch.truth || branch.get("type").is("null") {
			continue
		}
		types = append(types, s.read(branch, name))
	}
	return types
}

// join makes a type whose values are those of all. What is known of it beside that
// is in is.
func join(types []*Type, name string, is *Type, depth int) *Type {
	first := types[0]
	t := &Type{Kind: first.Kind, Bits: first.Bits, Uint: first.Uint, Size: first.Size, at: is.at, doc: is.doc, isDeprecated: is.isDeprecated}
	t.unchecked = is.unchecked
	isAll := func(has func(*Type) bool) bool {
		return !slices.ContainsFunc(types, func(o *Type) bool { return !has(o) })
	}
	t.Null = slices.ContainsFunc(types, func(o *Type) bool { return o.Null })
	switch {
	case isAll(func(o *Type) bool { return same(o.at, first.at) }): // the same again
		*t = *first
		t.unchecked = append(slices.Clone(is.unchecked), first.unchecked...)
		return t
	case first.Kind == Struct && isAll(func(o *Type) bool { return o.Record == first.Record }):
		t.Record = first.Record
	case first.Kind == Struct && depth < deepestJoin && isAll(func(o *Type) bool { return o.Kind == Struct }):
		t.Record = joinRecords(types, name, depth+1)
	case (first.Kind == List || first.Kind == Map) && isAll(func(o *Type) bool { return o.Kind == first.Kind }):
		var inner []*Type
		for _, o := range types {
			inner = append(inner, o.Elem)
		}
		t.Elem = join(inner, one(name), &Type{at: inner[0].at}, depth+1)
	case first.Kind != Any && first.Kind != Struct && isAll(func(o *Type) bool { return o.goType() == first.goType() }):
		if isAll(func(o *Type) bool { return len(o.allowed) > 0 }) {
			for _, o := range types {
				t.allowed = append(t.allowed, o.allowed...)
			}
		}
	case isAll(func(o *Type) bool { return o.Kind == Int || o.Kind == Float }):
		t.Kind, t.Bits, t.Uint = Float, 64, false
	default:
		t.Kind, t.like = Any, example(types)
		if kinds := kindWords(types); kinds != "" {
			t.unchecked = append(t.unchecked, "Not checked: that it is "+kinds+".")
		}
		return t
	}
	return t
}

// deepestJoin is how deep the structs may be in each other that become one: they
// may have themselves inside.
const deepestJoin = 8

// example is a type that values of one of several types may have. Structs are
// avoided: they may lead back to where they are.
func example(types []*Type) *Type {
	for _, t := range types {
		if t.record() == nil {
			return t
		}
	}
	if types[0].Elem != nil {
		return sample("array", types[0].at)
	}
	return sample("object", types[0].at)
}

// kindWords are the types as a sentence has them, or empty where one is any.
func kindWords(types []*Type) string {
	var names []string
	for _, o := range types {
		name := map[Kind]string{Struct: "object", Map: "object", List: "array", Text: "string", Bytes: "string", Time: "string", Bool: "boolean", Int: "integer", Float: "number"}[o.Kind]
		if name == "" {
			return ""
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return oneOfWords(names)
}

// joinRecords makes a struct with the fields of all. What only some have need not
// be there.
func joinRecords(types []*Type, name string, depth int) *Record {
	rec := &Record{Name: name, at: types[0].at}
	fields := make(map[string][]*Field)
	for _, t := range types {
		for _, f := range t.Record.Fields {
			if fields[f.JSON] == nil {
				rec.Fields = append(rec.Fields, &Field{JSON: f.JSON, Doc: f.Doc, isDeprecated: f.isDeprecated})
			}
			fields[f.JSON] = append(fields[f.JSON], f)
		}
	}
	for _, joined := range rec.Fields {
		var inner []*Type
		joined.Required = len(fields[joined.JSON]) == len(types)
		for _, f := range fields[joined.JSON] {
			inner = append(inner, f.Type)
			joined.Required = joined.Required && f.Required
		}
		joined.Type = join(inner, joined.JSON, &Type{at: inner[0].at}, depth)
	}
	return rec
}
