package model

import (
	"math"
	"slices"
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
	for _, word := range []string{"minProperties", "maxProperties", "patternProperties"} {
		if s.first(word) != nil {
			t.unchecked = append(t.unchecked, "Not checked: what the schema says with "+word+".")
		}
	}
	t.Record = rec
	if described != nil {
		s.records[described] = rec
	}
}

// fields reads the fields of a struct.
func (s *schema) fields(rec *Record, properties, required []*node) {
	isRequired := func(name string) bool {
		return slices.ContainsFunc(required, func(r *node) bool { return s.string(r) == name })
	}
	for _, p := range properties {
		if slices.ContainsFunc(rec.Fields, func(f *Field) bool { return f.JSON == p.name }) {
			s.fail(p, "say it in one place", "%q is described twice", p.name)
		}
		f := &Field{JSON: p.name, Type: s.read(p, p.name), Required: isRequired(p.name)}
		if doc := p.get("description"); doc != nil {
			f.Doc = s.string(doc)
		}
		rec.Fields = append(rec.Fields, f)
	}
	for _, r := range required {
		if !slices.ContainsFunc(rec.Fields, func(f *Field) bool { return f.JSON == s.string(r) }) {
			s.fail(r, "describe it in properties", "%q is required, but nothing says what it is", r.text)
		}
	}
}

// describedBy is the one part that describes the object, if there is only one.
func (s *schema) describedBy() *node {
	var found *node
	for _, part := range s.parts {
		if part.get("properties") == nil && part.get("required") == nil && part.get("additionalProperties") == nil {
			continue
		}
		if found != nil {
			return nil
		}
		found = part
	}
	return found
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
		t.unchecked = append(t.unchecked, "Not checked: what the schema says with patternProperties.")
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
		t.Kind, t.limits = Bytes, limits{}
		return
	}
	format := s.only("format")
	if format == nil {
		return
	}
	switch name := s.string(format); name {
	case "date-time":
		t.Kind, t.limits = Time, limits{}
	case "date":
		t.layout = "2006-01-02"
	case "byte":
		t.Kind, t.limits = Bytes, limits{}
	default:
		t.format = formats[name]
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

func isWhole(literal string) bool {
	value, err := strconv.ParseFloat(literal, 64)
	return err == nil && value == math.Trunc(value) && math.Abs(value) < math.MaxInt64
}

func (s *schema) numbers(t *Type, whole bool) {
	t.Kind, t.Bits = Float, 64
	if whole {
		t.Kind = Int
	}
	if format := s.first("format"); format.is("int32") && whole || format.is("float") && !whole {
		t.Bits = 32
	}
	t.least, t.most = s.bound("minimum", 1, whole), s.bound("maximum", -1, whole)
	t.least = tighter(t.least, s.beyond("exclusiveMinimum", &t.least, 1, whole), 1)
	t.most = tighter(t.most, s.beyond("exclusiveMaximum", &t.most, -1, whole), -1)
	if t.step = s.only("multipleOf"); t.step != nil {
		if step, err := strconv.ParseFloat(s.want(t.step, number).text, 64); err != nil || step <= 0 {
			s.fail(t.step, "", "must be more than 0")
		}
		t.unchecked = append(t.unchecked, "Not checked: that it is a multiple of "+t.step.text+".")
	}
}

// beyond reads a limit that is not a value itself. In draft 4 it is a word on the
// other limit.
func (s *schema) beyond(word string, closed **bound, side float64, whole bool) *bound {
	n := s.only(word)
	if n == nil {
		return nil
	}
	if n.kind == boolean {
		if *closed != nil && n.truth {
			(*closed).open = true
		}
		return nil
	}
	b := s.bound(word, side, whole)
	if b != nil && b.value == number64(n) {
		b.open = true
	}
	return b
}

func number64(n *node) float64 {
	value, _ := strconv.ParseFloat(n.text, 64)
	return value
}

// bound reads a limit; side is 1 for the least and -1 for the most. Whole
// numbers have limits that are. One that no int64 reaches is none.
func (s *schema) bound(word string, side float64, whole bool) *bound {
	n := s.only(word)
	if n == nil || n.kind == boolean {
		return nil
	}
	value, err := strconv.ParseFloat(s.want(n, number).text, 64)
	if err != nil {
		s.fail(n, "", "%s is beyond all numbers of Go", n.text)
	}
	b := &bound{value: value}
	if !whole {
		return b
	}
	if exact, err := strconv.ParseInt(n.text, 10, 64); err == nil {
		b.whole = exact
		return b
	}
	b.value = side * math.Ceil(side*value)
	if math.Abs(b.value) >= math.MaxInt64 {
		if b.value*side > 0 {
			s.fail(n, "", "%s is beyond all whole numbers of Go", n.text)
		}
		return nil
	}
	b.whole = int64(b.value)
	return b
}

// tighter returns the limit of two that leaves less.
func tighter(a, b *bound, side float64) *bound {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.value*side > b.value*side || a.value == b.value && a.open:
		return a
	}
	return b
}
