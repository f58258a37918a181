package model

import (
	"strconv"
	"strings"
	"unicode"
)

// A field that must be there, of a type in which nothing is a value too, is a
// pointer: so that 0 is told from missing. A text that must be there must not be
// empty instead, since hardly anybody means the empty text when they say that
// there must be one. In Avro every field is there, and needs neither.

// isPointer reports whether a field is a pointer in Go.
func (m *Model) isPointer(f *Field) bool {
	t := f.Type
	switch t.Kind {
	case List, Map, Bytes, Any, Nothing:
		return t.byPointer // else nil is a value of theirs
	case Text:
		return t.Null || !f.Required && m.source == "" && (m.avro || t.refusesEmpty() && !m.guessed)
	}
	switch {
	case t.Null:
		return true
	case m.avro && m.source != "":
		return false
	case !f.Required:
		return true
	}
	return m.tellsMissing(f)
}

// tellsMissing reports whether a field that must be there has to be a pointer,
// because its rules allow the zero value.
func (m *Model) tellsMissing(f *Field) bool {
	t := f.Type
	if m.avro || m.guessed || !f.Required || t.Null {
		return false
	}
	switch t.Kind {
	case Bool:
		return len(t.allowed) != 1 || !t.allowed[0].truth
	case Int, Float:
		return t.allows(0)
	case Fixed:
		return true
	case Struct:
		for _, inner := range t.Record.Fields {
			if rules := m.rules(inner); len(rules) > 0 && rules[0] == "required" {
				return false // what is in it is missing then
			}
		}
		return true
	default:
		return false
	}
}

// pointAtLists has lists, maps and bytes that may be null be pointers where the
// Avro schema is told from the struct: it has null for nothing else.
func (m *Model) pointAtLists() {
	if !m.avro || m.source != "" {
		return
	}
	for _, rec := range m.records() {
		for _, f := range rec.Fields {
			for t := f.Type; t != nil; t = t.Elem {
				t.byPointer = t.Null && (t.Kind == List || t.Kind == Map || t.Kind == Bytes)
			}
		}
	}
}

// goType is a type as Go writes it, without a pointer.
func (t *Type) goType() string {
	switch t.Kind {
	case Struct:
		return t.Record.Name
	case List:
		return "[]" + t.Elem.inside()
	case Map:
		return "map[string]" + t.Elem.inside()
	case Text:
		if t.Enum != nil {
			return t.Enum.Name
		}
		return "string"
	case Bytes:
		return "[]byte"
	case Fixed:
		return "[" + strconv.Itoa(t.Size) + "]byte"
	case Bool:
		return "bool"
	case Int:
		sign := ""
		if t.Uint {
			sign = "u"
		}
		return sign + "int" + strconv.Itoa(t.Bits)
	case Float:
		return "float" + strconv.Itoa(t.Bits)
	case Time:
		return "time.Time"
	case Decimal:
		return "message.Decimal"
	default:
		return "any"
	}
}

// inside is the type of an item, or of a map's value.
func (t *Type) inside() string {
	if t.isNullable() {
		return "*" + t.goType()
	}
	return t.goType()
}

// isNullable reports whether an item needs a pointer to be null.
func (t *Type) isNullable() bool {
	switch t.Kind {
	case List, Map, Bytes, Any, Nothing:
		return t.byPointer
	}
	return t.Null
}

// refusesEmpty reports whether the rules of a text refuse an empty one: where it
// may be left out, a pointer tells that from empty.
func (t *Type) refusesEmpty() bool {
	_, isChoice := t.allowedRule()
	return isChoice && !t.isAllowed("") || t.shortest != nil && *t.shortest > 0 || t.format != "" || t.layout != ""
}

// rules are the rules of a field's validate tag.
func (m *Model) rules(f *Field) []string {
	t := f.Type
	rules := t.valueRules()
	optional := !f.Required || t.Null
	switch {
	case optional && len(rules) > 0 && (rules[0] != "dive" || t.byPointer):
		return append([]string{"omitempty"}, rules...)
	case optional:
		return rules
	case m.isRequired(f):
		return append([]string{"required"}, rules...)
	}
	return rules
}

// isRequired reports whether the rule required says of a field what the schema
// does.
func (m *Model) isRequired(f *Field) bool {
	switch f.Type.Kind {
	case Text:
		return !m.avro && !f.Type.allowsEmpty()
	case Struct:
		return m.tellsMissing(f)
	case Time:
		return !m.avro
	default:
		return !m.avro && !m.guessed
	}
}

// allowsEmpty reports whether a text is one of several of which one is empty, or
// has no choice.
func (t *Type) allowsEmpty() bool {
	return t.longest != nil && *t.longest == 0 ||
		t.isAllowed("")
}

// valueRules are the rules for a value that is there.
func (t *Type) valueRules() []string {
	var rules []string
	if rule, ok := t.allowedRule(); ok {
		rules = append(rules, rule)
	}
	switch t.Kind {
	case Text, List, Map:
		rules = append(rules, t.sizeRules()...)
	case Int, Float:
		rules = append(rules, numberRule(t.Kind, t.least, "min", "gt")...)
		rules = append(rules, numberRule(t.Kind, t.most, "max", "lt")...)
	}
	if t.format != "" && t.Kind == Text {
		rules = append(rules, t.format)
	}
	if t.layout != "" {
		rules = append(rules, "datetime="+t.layout)
	}
	if t.unique {
		rules = append(rules, "unique")
	}
	if t.Kind == List || t.Kind == Map {
		if inner := t.Elem.itemRules(); len(inner) > 0 || t.Elem.Kind == Struct {
			rules = append(append(rules, "dive"), inner...)
		}
	}
	return rules
}

// itemRules are the rules for an item.
func (t *Type) itemRules() []string {
	rules := t.valueRules()
	if t.Null && len(rules) > 0 && (rules[0] != "dive" || t.byPointer) {
		return append([]string{"omitempty"}, rules...)
	}
	return rules
}

func (t *Type) sizeRules() []string {
	if t.shortest != nil && t.longest != nil && *t.shortest == *t.longest {
		return []string{"len=" + strconv.Itoa(*t.shortest)}
	}
	var rules []string
	if t.shortest != nil && *t.shortest > 0 {
		rules = append(rules, "min="+strconv.Itoa(*t.shortest))
	}
	if t.longest != nil {
		rules = append(rules, "max="+strconv.Itoa(*t.longest))
	}
	return rules
}

func numberRule(k Kind, b *bound, closed, open string) []string {
	if b == nil {
		return nil
	}
	rule := closed
	if b.open {
		rule = open
	}
	if k == Int {
		return []string{rule + "=" + b.whole.String()}
	}
	return []string{rule + "=" + strconv.FormatFloat(b.value, 'g', -1, 64)}
}

// mostNamed is how many values a tag can name and still be read.
const mostNamed = 1000

// allowedRule is the rule that names the only values, if a tag can name them.
func (t *Type) allowedRule() (string, bool) {
	if len(t.allowed) > mostNamed {
		return "", false
	}
	var values []string
	for _, n := range t.allowed {
		switch t.Kind {
		case Text:
			quoted, ok := quoteOne(n.text)
			if !ok {
				return "", false
			}
			values = append(values, quoted)
		case Int:
			values = append(values, t.numberOf(n))
		case Float:
			values = append(values, "eq="+strconv.FormatFloat(number64(n), 'g', -1, 64))
		case Bool:
			values = append(values, "eq="+strconv.FormatBool(n.truth))
		}
	}
	switch {
	case len(values) == 0:
		return "", false
	case t.Kind == Float || t.Kind == Bool:
		return strings.Join(values, "|"), true
	}
	return "oneof=" + strings.Join(values, " "), true
}

// quoteOne writes a text for the rule oneof, unless the validator has no way to.
func quoteOne(s string) (string, bool) {
	if strings.ContainsAny(s, "'`") || strings.Contains(s, "0x2C") || strings.Contains(s, "0x7C") ||
		strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", false
	}
	quoted := strings.NewReplacer(",", "0x2C", "|", "0x7C").Replace(s)
	if s == "" || strings.ContainsFunc(s, unicode.IsSpace) {
		return "'" + quoted + "'", true
	}
	return quoted, true
}
