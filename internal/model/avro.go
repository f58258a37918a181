package model

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// avroModel reads an Avro schema, by the specification of version 1.12.
func (r *reader) avroModel(root *node) *Model {
	if root.kind != object || !root.get("type").is("record") {
		r.fail(root, `begin with {"type": "record", "name": …, "fields": [ … ]}`, "the body of a message is a record, and this is none")
	}
	a := &avroReader{reader: r, named: make(map[string]*Type)}
	body := a.complex(root, "")
	a.ask(root)
	namespace, name := cutLast(a.fullName(root, ""))
	return &Model{Body: body.Record, Namespace: namespace, Name: name, Version: "1", source: string(r.text)}
}

type avroReader struct {
	*reader
	named map[string]*Type // by full name; a record is there while its fields are read
}

// primitives are the types that need no more than a name.
var primitives = map[string]Type{
	"boolean": {Kind: Bool},
	"int":     {Kind: Int, Bits: 32},
	"long":    {Kind: Int, Bits: 64},
	"float":   {Kind: Float, Bits: 32},
	"double":  {Kind: Float, Bits: 64},
	"bytes":   {Kind: Bytes},
	"string":  {Kind: Text},
}

// read reads the schema n, in which names without a namespace have that of what
// they are in.
func (a *avroReader) read(n *node, namespace string) *Type {
	switch n.kind {
	case text:
		return a.reference(n, namespace)
	case array:
		return a.union(n, namespace)
	case object:
		return a.complex(n, namespace)
	default:
		a.fail(n, "", "must be a type: a name, an object or a union, not %s", n.kind)
		return nil
	}
}

// reference reads the name of a type.
func (a *avroReader) reference(n *node, namespace string) *Type {
	if t, ok := primitives[n.text]; ok {
		t.at, t.branch = n, n.text
		return &t
	}
	if n.text == "null" {
		return &Type{Kind: Nothing, Null: true, at: n}
	}
	full := n.text
	if !strings.Contains(full, ".") && namespace != "" {
		full = namespace + "." + full
	}
	t, known := a.named[full]
	if !known {
		t, known = a.named[n.text]
	}
	if !known {
		hint := "the types are null, " + strings.Join(slices.Sorted(maps.Keys(primitives)), ", ") + ", and those that the schema has named before; " +
			"copy a type of another file in, in the place of its first use"
		a.fail(n, hint, "%q is no type of Avro, nor one of this schema", n.text)
	}
	same := *t
	same.at = n
	return &same
}

// union reads a union. That of null and one other type is the type with null; of
// several it can be any of them, and says which.
func (a *avroReader) union(n *node, namespace string) *Type {
	t := &Type{Kind: Any, at: n}
	for _, item := range n.items {
		branch := a.read(item, namespace)
		if branch.Kind == Nothing {
			t.Null = true
			continue
		}
		t.branches = append(t.branches, branch)
	}
	switch {
	case len(t.branches) == 1:
		t.branches[0].Null = t.branches[0].Null || t.Null
		return t.branches[0]
	case len(t.branches) == 0 && t.Null:
		t.Kind = Nothing
	case len(t.branches) == 0:
		a.fail(n, "", "is a union without a type")
	}
	t.unchecked = append(t.unchecked, t.branchNotes())
	return t
}

// branchNotes says how a value is written that can be of several types.
func (t *Type) branchNotes() string {
	var names []string
	if t.Null {
		names = append(names, "null")
	}
	for _, branch := range t.branches {
		names = append(names, `{"`+branch.branch+`": …}`)
	}
	last := len(names) - 1
	return "One of " + strings.Join(names[:last], ", ") + " or " + names[last] + ": a map of the type's name to the value."
}

// complex reads a type that is an object.
func (a *avroReader) complex(n *node, namespace string) *Type {
	kind := n.get("type")
	if kind == nil {
		a.fail(n, "", "has no type")
	}
	if kind.kind != text { // as in {"type": {"type": "array", …}}
		return a.read(kind, namespace)
	}
	switch kind.text {
	case "record", "enum", "fixed":
		return a.define(n, kind.text, namespace)
	case "error":
		a.fail(kind, "", "an error is for calls of procedures, and is no message")
	case "array":
		return &Type{Kind: List, Elem: a.part(n, "items", namespace), branch: "array", at: n}
	case "map":
		return &Type{Kind: Map, Elem: a.part(n, "values", namespace), branch: "map", at: n}
	}
	t := a.logical(n, a.reference(kind, namespace))
	a.meaning(n, t)
	return t
}

func (a *avroReader) part(n *node, name, namespace string) *Type {
	part := n.get(name)
	if part == nil {
		a.fail(n, "", "has no %s", name)
	}
	return a.read(part, namespace)
}

// define reads a type that has a name.
func (a *avroReader) define(n *node, kind, namespace string) *Type {
	full := a.fullName(n, namespace)
	if _, again := a.named[full]; again {
		a.fail(n.get("name"), "", "%q is defined twice", full)
	}
	inner, name := cutLast(full)
	if _, primitive := primitives[name]; primitive || name == "null" {
		a.fail(n.get("name"), "give it another name", "%q is a type of Avro's own, and no other can be called that", name)
	}
	a.aliases(n, avroName)
	t := &Type{at: n, branch: full}
	a.named[full] = t
	switch kind {
	case "record":
		t.Kind, t.Record = Struct, &Record{Name: name, Doc: a.string(n.get("doc")), at: n}
		a.fields(n, t.Record, inner)
	case "enum":
		t.Kind, t.Enum = Text, &Enum{Name: name, Doc: a.string(n.get("doc"))}
		a.symbols(n, t)
	case "fixed":
		t.Kind, t.Size = Fixed, a.size(n)
		a.logical(n, t)
	}
	a.meaning(n, t)
	same := *t
	return &same
}

// aliases refuses former names that are none.
func (a *avroReader) aliases(n *node, names *regexp.Regexp) {
	aliases := n.get("aliases")
	if aliases == nil {
		return
	}
	for _, alias := range a.want(aliases, array).items {
		if !names.MatchString(a.string(alias)) {
			a.fail(alias, "", "%q is no name of Avro: letters, digits and _, no digit first", alias.text)
		}
	}
}

var simpleName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

var avroName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)

// fullName is the name of a type with its namespace.
func (a *avroReader) fullName(n *node, namespace string) string {
	name := n.get("name")
	if name == nil {
		a.fail(n, "", "has no name")
	}
	full := a.string(name)
	if own := n.get("namespace"); own != nil && !strings.Contains(full, ".") {
		if namespace = a.string(own); namespace != "" && !avroName.MatchString(namespace) {
			a.fail(own, "", "%q is no namespace of Avro: letters, digits and _, and dots between them", namespace)
		}
	}
	if !avroName.MatchString(full) {
		a.fail(name, "", "%q is no name of Avro: letters, digits and _, no digit first", full)
	}
	if namespace != "" && !strings.Contains(full, ".") {
		return namespace + "." + full
	}
	return full
}

// cutLast cuts a name into what is before its last dot, and after it.
func cutLast(full string) (namespace, name string) {
	dot := strings.LastIndexByte(full, '.')
	if dot < 0 {
		return "", full
	}
	return full[:dot], full[dot+1:]
}

func (a *avroReader) fields(n *node, rec *Record, namespace string) {
	fields := n.get("fields")
	if fields == nil {
		a.fail(n, "", "has no fields")
	}
	seen := make(map[string]bool)
	for _, f := range a.want(fields, array).items {
		name := a.want(f, object).get("name")
		if name == nil {
			a.fail(f, "", "has no name")
		}
		switch {
		case !simpleName.MatchString(a.string(name)):
			a.fail(name, "", "%q is no name of Avro: letters, digits and _, no digit first", name.text)
		case seen[name.text]:
			a.fail(name, "", "a field %q is there already", name.text)
		}
		seen[name.text] = true
		a.aliases(f, simpleName)
		t := a.part(f, "type", namespace)
		fallback := f.get("default")
		a.fallback(t, fallback)
		if fallback != nil && fallback.kind != null {
			t.example = fallback
		}
		rec.Fields = append(rec.Fields, &Field{
			JSON: name.text, Doc: a.string(f.get("doc")), Type: t, Required: fallback == nil && !t.Null,
		})
	}
}

// fallback refuses a default that the service's library takes, and other programs
// and registries do not.
func (a *avroReader) fallback(t *Type, n *node) {
	switch {
	case n == nil || t.Null:
	case t.Kind == Float && n.kind == text:
		a.fail(n, "write it without quotes", "the default of a %s is a number, not a string", t.branch)
	case (t.Kind == Int || t.Kind == Time) && n.kind == number && strings.ContainsAny(n.text, ".eE"):
		a.fail(n, "write it without a point and an exponent", "the default of %s is a whole number, not %s", t.branch, n.text)
	}
}

func (a *avroReader) symbols(n *node, t *Type) {
	symbols := n.get("symbols")
	if symbols == nil || len(a.want(symbols, array).items) == 0 {
		a.fail(n, "", "has no symbols")
	}
	seen := make(map[string]bool)
	for _, s := range symbols.items {
		if !simpleName.MatchString(a.string(s)) {
			a.fail(s, "", "%q is no symbol of Avro: letters, digits and _, no digit first", s.text)
		}
		if seen[s.text] {
			a.fail(s, "", "the symbol %q is there already", s.text)
		}
		seen[s.text] = true
	}
	t.allowed = symbols.items
}

// mostFixed is as large as a fixed value can be. It is an array in Go, and so a
// part of every message's struct.
const mostFixed = 4096

func (a *avroReader) size(n *node) int {
	size := n.get("size")
	if size == nil {
		a.fail(n, "", "has no size")
	}
	bytes, err := strconv.Atoi(a.want(size, number).text)
	if err != nil || bytes < 1 || bytes > mostFixed {
		a.fail(size, "use the type bytes", "a fixed value has 1 to %d bytes here", mostFixed)
	}
	return bytes
}

// logical reads what a type means. What the specification does not know, or not
// for that type, it ignores, and so does this.
func (a *avroReader) logical(n *node, t *Type) *Type {
	name := n.get("logicalType")
	if name == nil || name.kind != text {
		return t
	}
	t.at = n
	switch name.text {
	case "date":
		if t.Kind == Int && t.Bits == 32 {
			a.date(t)
		}
	case "time-millis", "time-micros":
		if t.Kind == Int && (t.Bits == 32) == (name.text == "time-millis") {
			t.logical = name.text
			t.unchecked = append(t.unchecked, map[int]string{32: "In milliseconds", 64: "In microseconds"}[t.Bits]+" since midnight.")
		}
	case "timestamp-millis", "timestamp-micros", "timestamp-nanos", "local-timestamp-millis", "local-timestamp-micros", "local-timestamp-nanos":
		if t.Kind == Int && t.Bits == 64 {
			t.Kind, t.logical = Time, name.text
		}
	case "decimal":
		if t.Kind == Bytes || t.Kind == Fixed {
			a.decimal(n, t)
		}
	default:
		a.otherLogical(name.text, t)
	}
	return t
}

// otherLogical reads what a text, or bytes, mean.
func (a *avroReader) otherLogical(name string, t *Type) {
	switch {
	case name == "uuid" && t.Kind == Text:
		t.format, t.logical = "uuid", "uuid"
	case name == "uuid" && t.Kind == Fixed && t.Size == 16:
		t.unchecked = append(t.unchecked, "A UUID.")
	case name == "duration" && t.Kind == Fixed && t.Size == 12:
		t.unchecked = append(t.unchecked, "A duration: months, days and milliseconds, each in 4 bytes, the least significant first.")
	case name == "big-decimal" && t.Kind == Bytes && a.avro:
		t.Kind, t.Bits, t.Size = Decimal, 9, 2 // for samples: any number of digits is allowed
	case name == "big-decimal" && t.Kind == Bytes:
		t.Kind, t.format = Text, "numeric"
	}
}

// date makes t a day: a time in Avro, and a text in JSON, where a time.Time has
// an hour.
func (a *avroReader) date(t *Type) {
	if a.avro {
		t.Kind, t.logical = Time, "date"
		return
	}
	t.Kind, t.Bits, t.layout = Text, 0, "2006-01-02"
}

// decimal makes t a number with a fixed point. In JSON it is a text, because a
// number there would lose digits.
func (a *avroReader) decimal(n *node, t *Type) {
	precision, scale := a.digits(n, "precision", 1), 0
	if n.get("scale") != nil {
		scale = a.digits(n, "scale", 0)
	}
	if scale > precision {
		a.fail(n.get("scale"), "", "the scale %d is more than the precision %d", scale, precision)
	}
	t.Kind, t.Size, t.logical = Decimal, scale, "decimal("+strconv.Itoa(precision)+","+strconv.Itoa(scale)+")"
	t.Bits = precision
	if !a.avro {
		t.Kind, t.format = Text, "numeric"
	}
}

func (a *avroReader) digits(n *node, name string, least int) int {
	f := n.get(name)
	if f == nil {
		a.fail(n, "", "has no %s", name)
	}
	digits, err := strconv.Atoi(a.want(f, number).text)
	if err != nil || digits < least || digits > 1000 {
		a.fail(f, "", "must be a whole number from %d", least)
	}
	return digits
}
