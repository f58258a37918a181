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
	namespace, name := cutLast(a.fullName(root, ""))
	return &Model{Body: body.Record, Namespace: namespace, Name: name, Version: "1", source: string(r.text)}
}

type avroReader struct {
	*reader
	named map[string]*Type // by full name; nil while it is being read
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
		t.at = n
		return &t
	}
	if n.text == "null" {
		a.fail(n, "leave the field out, or make a union of null and what else it can be", "a value that is always null says nothing")
	}
	full := n.text
	if !strings.Contains(full, ".") && namespace != "" {
		full = namespace + "." + full
	}
	t, known := a.named[full]
	if !known {
		t, known = a.named[n.text]
	}
	switch {
	case !known:
		hint := "the types are " + strings.Join(slices.Sorted(maps.Keys(primitives)), ", ") + ", and those that the schema has named before"
		a.fail(n, hint, "%q is no type of Avro, nor one of this schema", n.text)
	case t == nil:
		a.fail(n, recursive, "%q is inside of itself, and a model cannot be", n.text)
	}
	same := *t
	return &same
}

const recursive = "send the parts as messages of their own, or let them refer to each other by ids"

// union reads a union: of null and one other type, since a Go field has one.
func (a *avroReader) union(n *node, namespace string) *Type {
	var some []*node
	isNull := false
	for _, branch := range n.items {
		if branch.is("null") || branch.get("type").is("null") {
			isNull = true
		} else {
			some = append(some, branch)
		}
	}
	if len(some) != 1 {
		a.fail(n, "make it null and one other type, with a field for each that is wanted", "a union of %d types besides null is no type of Go", len(some))
	}
	t := a.read(some[0], namespace)
	t.Null = t.Null || isNull
	return t
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
		return &Type{Kind: List, Elem: a.part(n, "items", namespace), at: n}
	case "map":
		return &Type{Kind: Map, Elem: a.part(n, "values", namespace), at: n}
	}
	return a.logical(n, a.reference(kind, namespace))
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
	a.named[full] = nil
	inner, name := cutLast(full)
	t := &Type{at: n}
	switch kind {
	case "record":
		t.Kind, t.Record = Struct, &Record{Name: name, Doc: a.string(n.get("doc")), at: n}
		a.fields(n, t.Record, inner)
	case "enum":
		t.Kind = Text
		a.symbols(n, t)
	case "fixed":
		t.Kind, t.Size = Fixed, a.size(n)
		t = a.logical(n, t)
	}
	a.named[full] = t
	same := *t
	return &same
}

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
		case !avroName.MatchString(a.string(name)) || strings.Contains(name.text, "."):
			a.fail(name, "", "%q is no name of Avro: letters, digits and _, no digit first", name.text)
		case seen[name.text]:
			a.fail(name, "", "a field %q is there already", name.text)
		}
		seen[name.text] = true
		t := a.part(f, "type", namespace)
		fallback := f.get("default")
		if fallback != nil && fallback.kind != null {
			t.example = fallback
		}
		rec.Fields = append(rec.Fields, &Field{
			JSON: name.text, Doc: a.string(f.get("doc")), Type: t, Required: fallback == nil && !t.Null,
		})
	}
}

func (a *avroReader) symbols(n *node, t *Type) {
	symbols := n.get("symbols")
	if symbols == nil || len(a.want(symbols, array).items) == 0 {
		a.fail(n, "", "has no symbols")
	}
	seen := make(map[string]bool)
	for _, s := range symbols.items {
		if !avroName.MatchString(a.string(s)) || strings.Contains(s.text, ".") {
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
	case "uuid":
		if t.Kind == Text {
			t.format, t.logical = "uuid", "uuid"
		}
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
	}
	return t
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
