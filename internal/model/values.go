package model

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// value is one that messages can have, in JSON. Those of a struct keep the order
// of its fields.
type value struct {
	text   string // a scalar, as JSON
	names  []string
	inner  []value
	isList bool
}

// String is the value on one line.
func (v value) String() string {
	var b strings.Builder
	v.write(&b)
	return b.String()
}

func (v value) write(b *strings.Builder) {
	if v.text != "" {
		b.WriteString(v.text)
		return
	}
	ends := "{}"
	if v.isList {
		ends = "[]"
	}
	b.WriteByte(ends[0])
	for i, inner := range v.inner {
		if i > 0 {
			b.WriteString(", ")
		}
		if !v.isList {
			b.WriteString(quoteJSON(v.names[i]) + ": ")
		}
		inner.write(b)
	}
	b.WriteByte(ends[1])
}

// with returns v with another value in the place of its i-th part, or without
// that part.
func (v value) with(i int, part *value) value {
	if part == nil {
		v.names, v.inner = slices.Delete(slices.Clone(v.names), i, i+1), slices.Delete(slices.Clone(v.inner), i, i+1)
		return v
	}
	v.inner = slices.Clone(v.inner)
	v.inner[i] = *part
	return v
}

// quoteJSON writes a text in JSON so that it means nothing in a shell, in
// Markdown, in HTML and in a string of Go in back quotes either.
func quoteJSON(s string) string {
	quoted, err := json.Marshal(s)
	if err != nil {
		return `""` // no string is refused
	}
	return strings.NewReplacer("'", `\u0027`, "`", `\u0060`, "$", `\u0024`, "\u007f", `\u007f`).Replace(string(quoted))
}

// valid is a body that keeps every rule.
func (m *Model) valid() value {
	if m.message != nil {
		return literal(m.message)
	}
	m.inside = make(map[*Record]bool)
	return m.record(m.Body)
}

// literal is a value as it stands in a file.
func literal(n *node) value {
	switch n.kind {
	case object:
		v := value{}
		for _, f := range n.fields {
			v.names, v.inner = append(v.names, f.name), append(v.inner, literal(f))
		}
		return v
	case array:
		v := value{isList: true}
		for _, item := range n.items {
			v.inner = append(v.inner, literal(item))
		}
		return v
	case text:
		return value{text: quoteJSON(n.text)}
	case boolean:
		return value{text: strconv.FormatBool(n.truth)}
	case number:
		return value{text: n.text}
	default:
		return value{text: "null"}
	}
}

func (m *Model) record(rec *Record) value {
	v := value{}
	m.inside[rec] = true
	defer delete(m.inside, rec)
	for _, f := range rec.Fields {
		made := value{isList: f.Type.Kind == List} // empty
		switch {
		case f.loops && !f.Required:
			continue
		case f.loops && f.Type.Null:
			made = value{text: "null"}
		case !f.loops:
			made = m.make(f.Type, f.JSON, 0)
		}
		v.names, v.inner = append(v.names, f.JSON), append(v.inner, made)
	}
	return v
}

// make makes a value of type t for something called name; the n-th is not the
// same as others where the rules want that.
func (m *Model) make(t *Type, name string, n int) value {
	switch t.Kind {
	case Struct:
		if m.inside[t.Record] { // which may be null, or it would have no end
			return value{text: "null"}
		}
		return m.record(t.Record)
	case List, Map:
		return m.items(t, name)
	case Text:
		return value{text: quoteJSON(t.makeText(name, n))}
	case Bytes:
		return value{text: quoteJSON("AQID")}
	case Fixed:
		return value{text: quoteJSON(base64.StdEncoding.EncodeToString(make([]byte, t.Size)))}
	case Bool:
		truth := n == 0
		if len(t.allowed) > 0 {
			truth = t.allowed[min(n, len(t.allowed)-1)].truth
		}
		return value{text: strconv.FormatBool(truth)}
	case Int, Float:
		return value{text: t.makeNumber(n)}
	case Time:
		if t.logical == "date" {
			return value{text: `"2026-01-02T00:00:00Z"`}
		}
		if t.example != nil && t.example.kind == text && isTime(t.example.text) {
			return value{text: quoteJSON(t.example.text)}
		}
		return value{text: `"2026-01-02T12:00:01Z"`}
	case Decimal:
		return value{text: quoteJSON(t.makeDecimal())}
	case Nothing:
		return value{text: "null"}
	default:
		return m.any(t, name, n)
	}
}

// isReadable reports whether all numbers of a value are some of Go.
func isReadable(n *node) bool {
	_, err := strconv.ParseFloat(n.text, 64)
	isBad := func(inner *node) bool { return !isReadable(inner) }
	return (n.kind != number || err == nil) && !slices.ContainsFunc(n.items, isBad) && !slices.ContainsFunc(n.fields, isBad)
}

// any makes a value of any type: of one of several, the first that has an end, or one
// as the schema shows.
func (m *Model) any(t *Type, name string, n int) value {
	for _, branch := range t.branches {
		if branch.Kind != Struct || !m.inside[branch.Record] {
			return value{names: []string{branch.branch}, inner: []value{m.make(branch, name, 0)}}
		}
	}
	switch {
	case len(t.branches) > 0:
		return value{text: "null"}
	case t.like != nil:
		return m.make(t.like, name, n)
	case t.example != nil && isReadable(t.example):
		return literal(t.example)
	}
	return value{text: `"anything"`}
}

func (m *Model) items(t *Type, name string) value {
	v := value{isList: t.Kind == List}
	count := 1
	if t.longest != nil {
		count = min(count, *t.longest)
	}
	if t.shortest != nil {
		count = max(count, *t.shortest)
	}
	if t.Elem.Kind == Struct && m.inside[t.Elem.Record] {
		count = 0
	}
	for n := range count {
		v.names = append(v.names, "key"+strings.Repeat(strconv.Itoa(n+1), min(n, 1)))
		v.inner = append(v.inner, m.make(t.Elem, one(name), n*btoi(t.unique)))
	}
	return v
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// makeText makes a text that keeps the rules: the schema's own example if it
// does, else one that shows the format or the field's name.
func (t *Type) makeText(name string, n int) string {
	if len(t.allowed) > 0 {
		return t.choice(n, func(v *node) bool { return t.fits(v.text) }).text
	}
	if n == 0 && t.example != nil && t.example.kind == text && t.example.text != "" && t.fits(t.example.text) {
		return t.example.text
	}
	switch {
	case t.logical != "" && t.Bits > 0: // a decimal
		return t.makeDecimal()
	case t.layout != "":
		return time.Date(2026, 1, 2+n, 0, 0, 0, 0, time.UTC).Format(t.layout)
	case t.format != "":
		return formatted(t.format, n)
	}
	made := name
	if strings.HasSuffix(goName(name), "ID") {
		made = "A-1"
	}
	if n > 0 {
		made += "-" + strconv.Itoa(n+1)
	}
	if t.longest != nil && utf8.RuneCountInString(made) > *t.longest {
		made = string([]rune(name)[:*t.longest])
		if n > 0 {
			made = number36(n, *t.longest)
		}
	}
	if t.shortest != nil {
		made += strings.Repeat("x", max(0, *t.shortest-utf8.RuneCountInString(made)))
	}
	return made
}

// choice is the n-th of the only values, of those that are good. One is, as check
// found.
func (t *Type) choice(n int, isGood func(*node) bool) *node {
	var good []*node
	for _, v := range t.allowed {
		if !isGood(v) {
			continue
		}
		if good = append(good, v); len(good) > n {
			return v
		}
	}
	return good[n%len(good)]
}

// number36 is a number in as few characters as there may be.
func number36(n, length int) string {
	digits := strconv.FormatInt(int64(n), 36)
	return digits[max(0, len(digits)-length):]
}

func formatted(format string, n int) string {
	digit := strconv.FormatInt(int64(n), 16)
	switch format {
	case "email":
		return "ada" + strings.Repeat(digit, min(n, 1)) + "@example.com"
	case "uuid":
		return "0192f0c1-0000-7000-8000-" + strings.Repeat("0", 12-len(digit)) + digit
	case "uri":
		return "https://example.com/" + digit
	case "hostname_rfc1123":
		return "host" + digit + ".example.com"
	case "ipv4":
		return "192.0.2." + strconv.Itoa(1+n%250)
	case "ipv6":
		return "2001:db8::" + strconv.FormatInt(int64(1+n), 16)
	default:
		return "12.50"
	}
}

// fits reports whether a text keeps the rules.
func (t *Type) fits(s string) bool {
	length := utf8.RuneCountInString(s)
	if t.shortest != nil && length < *t.shortest || t.longest != nil && length > *t.longest {
		return false
	}
	switch {
	case t.layout != "":
		_, err := time.Parse(t.layout, s)
		return err == nil
	case t.format == "uuid":
		return uuidText.MatchString(s)
	case t.format == "email":
		return emailText.MatchString(s)
	case t.format != "" || t.Bits > 0: // what is made is known to be right
		return len(t.allowed) > 0
	}
	return true
}

// makeDecimal makes a number that has no more digits than precision and scale.
func (t *Type) makeDecimal() string {
	precision, scale := t.Bits, t.Size
	if precision > scale {
		whole := "12"[:min(2, precision-scale)]
		if scale == 0 {
			return whole
		}
		return whole + "." + strings.Repeat("5", min(scale, 2))
	}
	return "0." + strings.Repeat("5", min(scale, 2))
}
