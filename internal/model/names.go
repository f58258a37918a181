package model

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// initialisms are words that Go writes in capitals.
var initialisms = func() map[string]bool {
	all := make(map[string]bool)
	for w := range strings.FieldsSeq("acl api ascii cpu css dns eof gid guid html http https id ip json lhs qps ram rhs rpc sip sla smtp sql ssh " +
		"tcp tls ttl udp ui uid uuid uri url utf8 vm xml xmpp xsrf xss amqp db ts rtp") {
		all[w] = true
	}
	return all
}()

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }

// goName makes an exported name for Go of any text.
func goName(name string) string {
	var b strings.Builder
	for _, word := range words(name) {
		lower := strings.ToLower(word)
		switch plural := strings.TrimSuffix(lower, "s"); {
		case initialisms[lower]:
			b.WriteString(strings.ToUpper(word))
		case plural != lower && initialisms[plural] && len(plural) > 1:
			b.WriteString(strings.ToUpper(plural) + "s")
		default:
			runes := []rune(word)
			runes[0] = unicode.ToUpper(runes[0])
			b.WriteString(string(runes))
		}
	}
	made := b.String()
	if first := []rune(made + "_")[0]; !unicode.IsUpper(first) { // a digit, nothing, or a script without capitals
		return "Field" + made
	}
	return made
}

// words cuts a name where it is not a letter or a digit, and before a capital
// that begins a word.
func words(name string) []string {
	var all []string
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return !isWord(r) || r == '_' }) {
		all = append(all, camelWords(part)...)
	}
	if strings.ToUpper(name) == name { // ORDER_ID has no more to say than order_id
		for i, w := range all {
			all[i] = strings.ToLower(w)
		}
	}
	return all
}

func camelWords(part string) []string {
	var all []string
	runes, start := []rune(part), 0
	for i := 1; i < len(runes); i++ {
		next := i+1 < len(runes) && unicode.IsLower(runes[i+1])
		if unicode.IsUpper(runes[i]) && (!unicode.IsUpper(runes[i-1]) || next) {
			all = append(all, string(runes[start:i]))
			start = i
		}
	}
	return append(all, string(runes[start:]))
}

// names gives names that nothing else has.
type names struct {
	taken func(string) bool
	next  map[string]int // by name, the number to try, since thousands may want the same
}

func newNames(taken func(string) bool) *names {
	return &names{taken: taken, next: make(map[string]int)}
}

// free returns name, or name with the first number that makes it one of its own.
func (n *names) free(name string) string {
	for {
		made := name
		if n.next[name]++; n.next[name] > 1 {
			made += strconv.Itoa(n.next[name])
		}
		if !n.taken(made) {
			return made
		}
	}
}

// methods are the names of the methods that a body has or may get. No field of
// it can be called that.
var methods = []string{
	"AvroSchema", "ForbidExtra", "Headers", "Key", "MessageType", "Schema", "SchemaName", "SchemaVersion", "String", "Topic", "Validate",
}

// Declare gives everything its name in Go: the body that of the topic's model,
// what is in it names that begin with that, and are not taken. It adds them, and
// what OpenAPI calls them, where only letters of ASCII count.
func (m *Model) Declare(model string, taken map[string]bool) {
	taken[model] = true
	own := newNames(func(s string) bool { return taken[s] || taken[component(s)] })
	for i, rec := range m.records() {
		if i == 0 {
			rec.Name = model
		} else {
			name := goName(rec.Name)
			if !strings.HasPrefix(name, model) {
				name = model + name
			}
			rec.Name = own.free(name)
			taken[rec.Name], taken[component(rec.Name)] = true, true
		}
		nameFields(rec, i == 0)
	}
	m.setEnums()
	for _, t := range m.enums() {
		t.Enum.declare(model, t.allowed, own, taken)
	}
}

// mostConstants is how many values of a text are worth a constant each.
const mostConstants = 100

// setEnums sets which types have values that are constants. A text that is one of a
// few without a type of its own gets one that is called as its first field.
func (m *Model) setEnums() {
	for _, rec := range m.records() {
		for _, f := range rec.Fields {
			t := f.Type.innermost()
			switch {
			case t.Kind != Text || len(t.allowed) == 0 || len(t.allowed) > mostConstants:
				t.Enum = nil
			case t.Enum == nil:
				t.Enum = &Enum{Name: f.JSON}
			}
		}
	}
}

// enums are the types whose values are constants, each once.
func (m *Model) enums() []*Type {
	var all []*Type
	seen := make(map[*Enum]bool)
	for _, rec := range m.records() {
		for _, f := range rec.Fields {
			if t := f.Type.innermost(); t.Enum != nil && !seen[t.Enum] {
				seen[t.Enum] = true
				all = append(all, t)
			}
		}
	}
	return all
}

// innermost is what a list or map has, or what it has in turn, or the type itself.
func (t *Type) innermost() *Type {
	for t.Elem != nil {
		t = t.Elem
	}
	return t
}

// declare names a type and its constants.
func (e *Enum) declare(model string, values []*node, own *names, taken map[string]bool) {
	free := func(name string) string {
		name = own.free(name)
		taken[name], taken[component(name)] = true, true
		return name
	}
	name := goName(e.Name)
	if !strings.HasPrefix(name, model) {
		name = model + name
	}
	e.Name = free(name)
	for _, value := range values {
		name := "Empty"
		if value.text != "" {
			name = strings.TrimPrefix(goName(value.text), "Field")
		}
		e.Values = append(e.Values, Constant{free(e.Name + name), value.text})
	}
}

func nameFields(rec *Record, isBody bool) {
	taken := make(map[string]bool)
	own := newNames(func(s string) bool { return taken[s] })
	for _, f := range rec.Fields {
		name := goName(f.JSON)
		if isBody && slices.Contains(methods, name) {
			name += "Field"
		}
		f.Go = own.free(name)
		taken[f.Go] = true
	}
}
