package model

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// messageModel makes a model of one message, a body or a whole envelope. It
// takes everything that is there for required, which is a guess.
func (r *reader) messageModel(root *node) *Model {
	if root.kind != object {
		r.fail(root, kinds, "a message is an object, and this is %s", root.kind)
	}
	m := &Model{Version: "1", guessed: true}
	body := root
	if header := root.get("header"); header != nil && header.kind == object && root.get("body") != nil && len(root.fields) == 2 {
		if body = root.get("body"); body.kind != object {
			r.fail(body, "", "the body of a message is an object, and this is %s", body.kind)
		}
		r.names(m, header)
	}
	t := r.infer([]*node{body}, "")
	m.Body, m.message = t.Record, body
	return m
}

// names takes from a header what it says of the message's type.
func (r *reader) names(m *Model, header *node) {
	fits := messageType
	if r.avro {
		fits = avroName
	}
	if name := header.get("messageType"); name != nil {
		if !messageType.MatchString(r.string(name)) {
			r.fail(name, "use letters, digits, _ and -", "%q is no type of messages", name.text)
		}
		m.Name = name.text
	}
	if name := header.get("schemaName"); name != nil && fits.MatchString(r.string(name)) {
		if namespace, last := cutLast(name.text); last == m.Name {
			m.Namespace = namespace
		}
	}
	if version := header.get("schemaVersion"); version != nil && r.string(version) != "" {
		if !messageType.MatchString("v" + version.text) {
			r.fail(version, "use a number", "%q is no version", version.text)
		}
		m.Version = version.text
	}
}

// infer finds the type that all of the values have.
func (r *reader) infer(values []*node, name string) *Type {
	t := &Type{at: values[0]}
	some := slices.DeleteFunc(slices.Clone(values), func(n *node) bool { return n.kind == null })
	t.Null = len(some) < len(values)
	if len(some) == 0 {
		t.Kind = Any
		return t
	}
	t.at, t.example = some[0], some[0]
	if slices.ContainsFunc(some, func(n *node) bool { return n.kind != some[0].kind }) {
		t.Kind = Any
		r.keepAll(some)
		return t
	}
	switch some[0].kind {
	case object:
		r.inferFields(t, some, name)
	case array:
		t.Kind = List
		var items []*node
		for _, n := range some {
			items = append(items, n.items...)
		}
		t.Elem = &Type{Kind: Any, at: some[0]}
		if len(items) > 0 {
			t.Elem = r.infer(items, one(name))
		}
	case text:
		inferText(t, some)
	case number:
		t.Kind, t.Bits = Float, 64
		if !slices.ContainsFunc(some, func(n *node) bool { _, err := strconv.ParseInt(n.text, 10, 64); return err != nil }) {
			t.Kind = Int
		} else {
			r.keepAll(some)
		}
	default:
		t.Kind = Bool
	}
	return t
}

// keepAll refuses values that would become others where a number is a float64.
func (r *reader) keepAll(values []*node) {
	for _, n := range values {
		if n.kind == number {
			r.keep(n)
		}
		r.keepAll(n.items)
		r.keepAll(n.fields)
	}
}

// inferFields makes a struct of all fields that some of the objects have. Of
// objects inside of others that have none, nothing says which they may have.
func (r *reader) inferFields(t *Type, objects []*node, name string) {
	var names []string
	values := make(map[string][]*node)
	for _, o := range objects {
		for _, f := range o.fields {
			if values[f.name] == nil {
				names = append(names, f.name)
			}
			values[f.name] = append(values[f.name], f)
		}
	}
	if len(names) == 0 && name != "" {
		t.Kind, t.Elem = Map, &Type{Kind: Any, at: objects[0]}
		return
	}
	if len(names) > most {
		r.fail(objects[0], "describe only what the service needs", "has more than %d fields, and forge reads no more", most)
	}
	t.Kind, t.Record = Struct, &Record{Name: name, at: objects[0]}
	for _, name := range names {
		field := &Field{JSON: name, Type: r.infer(values[name], name)}
		isEmpty := slices.ContainsFunc(values[name], func(n *node) bool { return n.kind == text && n.text == "" })
		field.Required = len(values[name]) == len(objects) && !field.Type.Null && !isEmpty
		t.Record.Fields = append(t.Record.Fields, field)
	}
}

var (
	uuidText  = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	emailText = regexp.MustCompile(`^[a-z0-9.+_-]+@[a-z0-9-]+(\.[a-z0-9-]+)+$`)
)

func inferText(t *Type, values []*node) {
	all := func(is func(s string) bool) bool {
		return !slices.ContainsFunc(values, func(n *node) bool { return !is(n.text) })
	}
	t.Kind = Text
	switch {
	case all(isTime):
		t.Kind = Time
	case all(func(s string) bool { _, err := time.Parse(time.DateOnly, s); return err == nil }):
		t.layout = time.DateOnly
	case all(uuidText.MatchString):
		t.format = "uuid"
	case all(emailText.MatchString):
		t.format = "email"
	}
}

// isTime reports whether s is a time by the letter of RFC 3339.
func isTime(s string) bool {
	at, err := time.Parse(time.RFC3339Nano, s)
	return err == nil && !at.IsZero() && len(s) >= len("2006-01-02T15:04:05Z") && s[13] == ':' && !strings.Contains(s, ",")
}
