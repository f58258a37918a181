package model

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The service derives an OpenAPI document from its models, by their types and
// tags, and a test of its holds the file against it. What follows says the same
// of a model before there is a service, in the same words: what the service's test
// writes into the file is no other style than what was there (object.go there).

// Components describes the model for OpenAPI: its structs, as YAML that is
// indented by so many spaces.
func (m *Model) Components(indent int) string {
	var b strings.Builder
	isClosed := m.forbidsExtra()
	for _, rec := range m.records() {
		o := pairs{{"type", "object"}}
		if doc := strings.Join(strings.Fields(strings.Map(printable, rec.Doc)), " "); doc != "" {
			o = append(o, pair{"description", doc})
		}
		var required []any
		properties := pairs{}
		for _, f := range rec.Fields {
			properties = append(properties, pair{f.JSON, m.property(f)})
			if m.refusesZero(f) || m.isNeeded(f) {
				required = append(required, f.JSON)
			}
		}
		o = append(o, pair{"properties", properties})
		if len(required) > 0 {
			o = append(o, pair{"required", required})
		}
		if isClosed {
			o = append(o, pair{"additionalProperties", false})
		}
		pairs{{component(rec.Name), o}}.write(&b, indent)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// isNeeded reports whether a field must be there because Avro has no way to leave it
// out, and its schema no default.
func (m *Model) isNeeded(f *Field) bool {
	return m.avro && f.Required && !m.isPointer(f)
}

var unusual = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

func component(name string) string { return strings.Trim(unusual.ReplaceAllString(name, "-"), "-") }

// pairs are the fields of an object, in order.
type pairs []pair

type pair struct {
	key   string
	value any // string, bool, number, pairs, []any
}

// with returns the pairs with another value of key, or with one more.
func (o pairs) with(key string, value any) pairs {
	for i := range o {
		if o[i].key == key {
			o[i].value = value
			return o
		}
	}
	return append(o, pair{key, value})
}

func (o pairs) get(key string) any {
	for _, p := range o {
		if p.key == key {
			return p.value
		}
	}
	return nil
}

// write writes the pairs as YAML.
func (o pairs) write(b *strings.Builder, indent int) {
	for _, p := range o {
		b.WriteString(strings.Repeat(" ", indent) + YAMLKey(p.key) + ":")
		if inner, ok := p.value.(pairs); ok && len(inner) > 0 {
			b.WriteString("\n")
			inner.write(b, indent+2)
			continue
		}
		b.WriteString(" " + flow(p.value) + "\n")
	}
}

var plainKey = regexp.MustCompile(`^[A-Za-z$_][A-Za-z0-9_-]*$`)

// YAMLKey quotes what YAML would take for something else than a text.
func YAMLKey(key string) string {
	switch strings.ToLower(key) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		return quoteJSON(key)
	}
	if plainKey.MatchString(key) {
		return key
	}
	return quoteJSON(key)
}

// flow is a value on one line.
func flow(v any) string {
	switch v := v.(type) {
	case string:
		if plainKey.MatchString(v) && YAMLKey(v) == v {
			return v
		}
		return quoteJSON(v)
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, flow(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case pairs:
		var items []string
		for _, p := range v {
			items = append(items, YAMLKey(p.key)+": "+flow(p.value))
		}
		return "{" + strings.Join(items, ", ") + "}"
	}
	return "null"
}

// property describes a field.
func (m *Model) property(f *Field) pairs {
	o := limitTo(f.Type.described(), f.Type, m.rules(f))
	if !m.refusesZero(f) && (m.isPointer(f) || !m.avro) { // null is as if it were not there
		o = orNull(o)
	}
	if doc := strings.Join(strings.Fields(strings.Map(printable, f.Doc)), " "); doc != "" {
		o = o.with("description", doc)
	}
	return o
}

// described describes a type by what it is in Go.
func (t *Type) described() pairs {
	switch t.Kind {
	case Struct:
		return pairs{{"$ref", "#/components/schemas/" + component(t.Record.Name)}}
	case List:
		return pairs{{"type", "array"}, {"items", t.Elem.item()}}
	case Map:
		return pairs{{"type", "object"}, {"additionalProperties", t.Elem.item()}}
	case Text:
		return pairs{{"type", "string"}}
	case Decimal:
		return pairs{{"type", "string"}, {"pattern", `^-?[0-9]+(\.[0-9]+)?$`}}
	case Bytes, Fixed:
		return pairs{{"type", "string"}, {"contentEncoding", "base64"}}
	case Bool:
		return pairs{{"type", "boolean"}}
	case Int:
		if t.Uint {
			return pairs{{"type", "integer"}}
		}
		return pairs{{"type", "integer"}, {"format", "int" + strconv.Itoa(cmp.Or(t.Bits, 64))}}
	case Float:
		return pairs{{"type", "number"}}
	case Time:
		return pairs{{"type", "string"}, {"format", "date-time"}}
	default:
		return pairs{}
	}
}

func (t *Type) item() pairs {
	if t.isNullable() {
		return orNull(t.described())
	}
	return t.described()
}

func orNull(o pairs) pairs {
	for i, p := range o {
		if p.key == "const" {
			o[i] = pair{"enum", []any{p.value}}
		}
	}
	if choices, ok := o.get("enum").([]any); ok {
		o = o.with("enum", append(choices, nil))
	}
	if kind, ok := o.get("type").(string); ok {
		return o.with("type", []any{kind, "null"})
	}
	if len(o) == 0 {
		return o
	}
	return pairs{{"anyOf", []any{o, pairs{{"type", "null"}}}}}
}

// limitTo adds what the rules say.
func limitTo(o pairs, t *Type, rules []string) pairs {
	for i, rule := range rules {
		name, param, _ := strings.Cut(rule, "=")
		switch {
		case name == "dive":
			if items, ok := o.get("items").(pairs); ok {
				o = o.with("items", limitTo(items, t.Elem, rules[i+1:]))
			}
			return o
		case strings.ContainsAny(rule, "|'") || strings.Contains(rule, "0x"):
		case name == "oneof":
			o = o.with("enum", choices(t, strings.Fields(param)))
		case name == "email" || name == "uuid" || name == "uri" || name == "ipv4" || name == "ipv6":
			o = o.with("format", name)
		case name == "unique" && o.get("items") != nil:
			o = o.with("uniqueItems", true)
		case name == "required" && t.Kind == Text:
			o = o.with("minLength", 1.0)
		default:
			o = limitSize(o, t, name, param)
		}
	}
	return o
}

func choices(t *Type, words []string) []any {
	var values []any
	for _, word := range words {
		if n, err := strconv.ParseInt(word, 10, 64); err == nil && t.Kind == Int {
			values = append(values, n)
			continue
		}
		if n, err := strconv.ParseFloat(word, 64); err == nil && t.Kind != Text {
			values = append(values, n)
			continue
		}
		values = append(values, word)
	}
	return values
}

func limitSize(o pairs, t *Type, rule, param string) pairs {
	n, err := strconv.ParseFloat(param, 64)
	if err != nil || o.get("type") == nil {
		return o
	}
	words := map[Kind]map[string][]string{
		Text: {"min": {"minLength"}, "max": {"maxLength"}, "len": {"minLength", "maxLength"}},
		List: {"min": {"minItems"}, "max": {"maxItems"}, "len": {"minItems", "maxItems"}},
		Map:  {"min": {"minProperties"}, "max": {"maxProperties"}, "len": {"minProperties", "maxProperties"}},
	}[t.Kind]
	if t.Kind == Int || t.Kind == Float {
		words = map[string][]string{"min": {"minimum"}, "gt": {"exclusiveMinimum"}, "max": {"maximum"}, "lt": {"exclusiveMaximum"}, "eq": {"const"}}
	}
	for _, word := range words[rule] {
		o = o.with(word, n)
	}
	return o
}

// refusesZero reports whether the rules refuse what a field is when it is not
// in the message.
func (m *Model) refusesZero(f *Field) bool {
	rules := m.rules(f)
	if f.Type.Kind == Struct && !m.isPointer(f) {
		if slices.ContainsFunc(f.Type.Record.Fields, m.refusesZero) {
			return true
		}
	}
	if len(rules) == 0 || rules[0] == "omitempty" {
		return false
	}
	if rules[0] == "required" {
		return true
	}
	for _, rule := range rules {
		name, param, _ := strings.Cut(rule, "=")
		n, _ := strconv.ParseFloat(param, 64)
		switch {
		case name == "dive":
			return false
		case name == "min" && n > 0, name == "gt" && n >= 0, name == "max" && n < 0, name == "lt" && n <= 0, name == "len" && n != 0:
			return true
		case rule == "eq=true", name == "eq" && f.Type.Kind == Float && !f.Type.allows(0), name == "datetime", f.Type.Kind == Text && name == f.Type.format:
			return true
		case name == "oneof":
			return f.Type.Kind == Text && !f.Type.allowsEmpty() || f.Type.Kind == Int && !f.Type.allows(0)
		}
	}
	return false
}
