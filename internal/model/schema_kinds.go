package model

import (
	"math"
	"strconv"
	"strings"
)

// object reads an object: a struct if it says which fields there are, else a map.
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
	if properties == nil {
		s.mapOf(t, name)
		if len(required) > 0 {
			s.fail(required[0], "describe it in properties", "%q is required, but nothing says what it is", s.string(required[0]))
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
	if rec, ok := s.records[described]; ok && described != nil {
		t.Record = rec
		return
	}
	rec := &Record{Name: name, at: s.at}
	doc := s.first("description")
	if described != nil { // what refers to it may say what it is there
		doc = described.get("description")
	}
	if doc != nil {
		rec.Doc = s.string(doc)
	}
	if more := s.only("additionalProperties"); more != nil && more.kind == boolean {
		rec.Closed = !more.truth
	}
	s.fields(rec, properties, required)
	t.Record = rec
	if described != nil {
		s.records[described] = rec
	}
}

// fields reads the fields of a struct.
func (s *schema) fields(rec *Record, properties, required []*node) {
	isRequired := make(map[string]bool)
	for _, r := range required {
		isRequired[s.string(r)] = true
	}
	described := make(map[string]bool)
	for _, p := range properties {
		if described[p.name] {
			s.fail(p, "say it in one place", "%q is described twice", p.name)
		}
		described[p.name] = true
		f := &Field{JSON: p.name, Type: s.read(p, p.name), Required: isRequired[p.name]}
		if doc := p.get("description"); doc != nil {
			f.Doc = s.string(doc)
		}
		rec.Fields = append(rec.Fields, f)
	}
	for _, r := range required {
		if !described[r.text] {
			s.fail(r, "describe it in properties", "%q is required, but nothing says what it is", r.text)
		}
	}
}

func (s *schema) mapOf(t *Type, name string) {
	t.Kind = Map
	t.Elem = &Type{Kind: Any, at: s.at}
	if values := s.only("additionalProperties"); values != nil && values.kind == object {
		t.Elem = s.read(values, one(name))
	} else if values != nil && !s.want(values, boolean).truth && s.first("patternProperties") == nil {
		s.fail(values, "describe its fields in properties", "an object that can have no field says nothing")
	}
	if patterns := s.only("patternProperties"); patterns != nil {
		if s.want(patterns, object); len(patterns.fields) == 1 {
			t.Elem = s.read(patterns.fields[0], one(name))
		}
		t.unchecked = append(t.unchecked, notChecked("patternProperties"))
	}
	t.shortest, t.longest = s.count("minProperties"), s.count("maxProperties")
}

func (s *schema) list(t *Type, name string) {
	t.Kind = List
	t.Elem = &Type{Kind: Any, at: s.at}
	items := s.only("items")
	if tuple := s.only("prefixItems"); tuple != nil || items != nil && items.kind == array {
		if tuple == nil {
			tuple = items
		}
		s.fail(tuple, "make it an object with a field for each of them", "a list whose items differ by their place is no type of Go")
	}
	if items != nil {
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
