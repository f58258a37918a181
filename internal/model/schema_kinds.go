package model

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// object reads an object: a struct if it says which fields there are, or that
// there are none, else a map.
func (s *schema) object(t *Type, name string) {
	var properties, required []*node
	for _, part := range s.parts {
		if p := part.get("properties"); p != nil {
			properties = append(properties, s.want(p, object).fields...)
		}
		if r := part.get("required"); r != nil && r.kind != boolean { // draft 3 had it on the property
			required = append(required, s.want(r, array).items...)
		}
	}
	isBody := len(s.open) == 1
	if properties == nil && !isBody && !s.isClosed() && !s.branchesHave("properties") {
		s.mapOf(t, name)
		if len(required) > 0 {
			t.unchecked = append(t.unchecked, notChecked("required"))
		}
		return
	}
	t.Kind = Struct
	for _, word := range []string{"minProperties", "maxProperties", "patternProperties", "additionalProperties"} {
		if n := s.first(word); n != nil && (n.kind != object || len(n.fields) > 0) && n.kind != boolean {
			t.unchecked = append(t.unchecked, notChecked(word))
		}
	}
	described := s.describedBy()
	if rec, ok := s.records[described]; ok {
		t.Record = rec
		return
	}
	rec := &Record{Name: name, at: s.at, Closed: s.isClosed(), Doc: s.string(s.docOf(described)), isDeprecated: s.isDeprecated()}
	t.Record, s.records[described] = rec, rec
	s.fields(rec, properties, required)
	s.fieldsOfBranches(rec, name)
	if len(rec.Fields) == 0 && !rec.Closed {
		rec.unchecked = append(rec.unchecked, "The schema describes no fields, so that none are read.")
	}
}

// docOf is what explains an object: what refers to it may say what it is there.
func (s *schema) docOf(described *node) *node {
	if described == s.at {
		return s.first("description")
	}
	return described.get("description")
}

// isClosed reports whether an object has no fields but those that are described.
func (s *schema) isClosed() bool {
	if s.first("patternProperties") != nil {
		return false
	}
	if more := s.only("additionalProperties"); more != nil {
		return more.kind == boolean && !more.truth
	}
	for _, word := range []string{"if", "dependentSchemas"} {
		if s.first(word) != nil {
			return false
		}
	}
	more := s.first("unevaluatedProperties")
	return more != nil && more.kind == boolean && !more.truth
}

// branchesHave reports whether one of the alternatives, or what it refers to, has a
// word.
func (s *schema) branchesHave(word string) bool {
	has := func(n *node) bool {
		for range deepest {
			if ref := n.get("$ref"); ref != nil && n.get(word) == nil {
				n, _ = s.find(ref)
			}
		}
		return n.get(word) != nil
	}
	return slices.ContainsFunc(s.alternatives, func(all *node) bool { return slices.ContainsFunc(all.items, has) })
}

// fields reads the fields of a struct.
func (s *schema) fields(rec *Record, properties, required []*node) {
	isRequired := make(map[string]bool)
	for _, r := range required {
		isRequired[s.string(r)] = true
	}
	described := make(map[string]*node)
	for _, p := range properties {
		if before := described[p.name]; before != nil {
			if !same(before, p) {
				rec.unchecked = append(rec.unchecked, "Not checked: what the schema says of "+p.name+" a second time.")
			}
			continue
		}
		described[p.name] = p
		if p.kind == boolean && !p.truth {
			rec.unchecked = append(rec.unchecked, "Not checked: that there is no "+p.name+".")
			continue
		}
		f := &Field{JSON: p.name, Type: s.read(p, p.name), Required: isRequired[p.name]}
		f.isDeprecated = f.Type.isDeprecated
		if f.Doc = s.string(p.get("description")); f.Doc == "" && f.Type.record() == nil {
			f.Doc = f.Type.doc
		}
		rec.Fields = append(rec.Fields, f)
	}
	for _, r := range required {
		if described[r.text] == nil {
			described[r.text] = r
			rec.Fields = append(rec.Fields, &Field{JSON: r.text, Type: &Type{Kind: Any, Null: true, at: r}, Required: true})
		}
	}
	for _, f := range rec.Fields {
		if f.Required && f.Type.Null && !s.avro {
			f.Type.unchecked = append(f.Type.unchecked, "Not checked: that it is there; it may be null.")
		}
	}
}

// fieldsOfBranches adds the fields that only alternatives describe. All of them
// together are more than any message has, so that none has to be there unless it
// is in each.
func (s *schema) fieldsOfBranches(rec *Record, name string) {
	for _, all := range s.alternatives {
		var structs []*Type
		isInEach := true
		for _, t := range s.branches(all, name) {
			if t.Kind == Struct && t.Record != rec {
				structs = append(structs, t)
			}
			isInEach = isInEach && t.Kind == Struct
		}
		if len(structs) == 0 {
			continue
		}
		for _, f := range joinRecords(structs, name, 1).Fields {
			f.Required = f.Required && isInEach
			if !slices.ContainsFunc(rec.Fields, func(own *Field) bool { return own.JSON == f.JSON }) {
				rec.Fields = append(rec.Fields, f)
			}
		}
	}
}

func (s *schema) mapOf(t *Type, name string) {
	t.Kind = Map
	t.Elem = &Type{Kind: Any, Null: true, at: s.at}
	patterns, values := s.only("patternProperties"), s.only("additionalProperties")
	isOpen := values == nil || values.kind == boolean && values.truth
	switch {
	case patterns == nil && !isOpen && values.kind == object:
		t.Elem = s.read(values, one(name))
	case patterns != nil && !isOpen && values.kind == boolean && len(s.want(patterns, object).fields) == 1: // no other keys
		t.Elem = s.read(patterns.fields[0], one(name))
	case values != nil && values.kind != boolean && values.kind != object:
		s.want(values, object)
	}
	if patterns != nil {
		t.unchecked = append(t.unchecked, notChecked("patternProperties"))
		if !isOpen && values.kind == object {
			t.unchecked = append(t.unchecked, notChecked("additionalProperties"))
		}
	}
	t.shortest, t.longest = s.count("minProperties"), s.count("maxProperties")
}

func (s *schema) list(t *Type, name string) {
	t.Kind = List
	t.Elem = &Type{Kind: Any, Null: true, at: s.at}
	switch items := s.only("items"); {
	case items == nil:
	case items.kind == array || s.first("prefixItems") != nil || items.kind == boolean && !items.truth: // they differ by their place
		t.unchecked = append(t.unchecked, notChecked("items"))
	default:
		t.Elem = s.read(items, one(name))
	}
	t.shortest, t.longest = s.count("minItems"), s.count("maxItems")
	if unique := s.only("uniqueItems"); unique != nil && s.want(unique, boolean).truth {
		switch t.Elem.Kind {
		case Text, Int, Float, Bool:
			t.unique = !t.Elem.Null
		default:
			t.unchecked = append(t.unchecked, "Not checked: that no two are the same.")
		}
	}
}

// one is what to call one of several.
func one(name string) string {
	for _, end := range []struct{ plural, singular string }{{"ies", "y"}, {"sses", "ss"}, {"xes", "x"}, {"ches", "ch"}, {"shes", "sh"}, {"ss", "ss"}, {"us", "us"}, {"is", "is"}, {"s", ""}} {
		if base, ok := strings.CutSuffix(name, end.plural); ok && len(base) > 1 {
			return base + end.singular
		}
	}
	return name + " item"
}

// formats are the rules of the validator by the formats of JSON Schema that
// they check.
var formats = map[string]string{
	"email": "email", "uuid": "uuid", "uri": "uri", "url": "uri", "hostname": "hostname_rfc1123", "ipv4": "ipv4", "ipv6": "ipv6",
}

func (s *schema) texts(t *Type) {
	t.Kind = Text
	t.shortest, t.longest = s.count("minLength"), s.count("maxLength")
	if encoding := s.first("contentEncoding"); encoding != nil && s.string(encoding) == "base64" {
		s.unlimited(t, Bytes)
		return
	} else if encoding != nil {
		t.unchecked = append(t.unchecked, "Not checked: the encoding "+encoding.text+".")
	}
	format := s.only("format")
	if format == nil {
		return
	}
	switch name := s.string(format); name {
	case "date-time":
		s.unlimited(t, Time)
	case "date":
		t.layout = "2006-01-02"
	case "byte":
		s.unlimited(t, Bytes)
	default:
		if t.format = formats[name]; t.format == "" {
			t.unchecked = append(t.unchecked, "Not checked: the format "+name+".")
		}
	}
}

// unlimited gives a text another type, whose values no rule limits.
func (s *schema) unlimited(t *Type, kind Kind) {
	allowed := t.allowed
	t.Kind, t.limits = kind, limits{}
	if len(allowed) > 0 {
		t.example = allowed[0]
		t.unchecked = append(t.unchecked, unknownChoice)
	}
	for _, word := range []string{"minLength", "maxLength"} {
		if s.first(word) != nil {
			t.unchecked = append(t.unchecked, notChecked(word))
		}
	}
}

// most is as many characters, items or entries as a message made here can have.
const most = 10_000

func (s *schema) count(word string) *int {
	n := s.only(word)
	if n == nil {
		return nil
	}
	value, err := strconv.ParseFloat(s.want(n, number).text, 64)
	if err != nil || value < 0 || value != math.Trunc(value) {
		s.fail(n, "", "must be a whole number from 0")
	}
	count := int(math.Min(value, math.MaxInt32))
	if word[:3] == "min" && count > most {
		s.fail(n, "", "is more than %d, and forge makes no message of that size to test with", most)
	}
	return &count
}
