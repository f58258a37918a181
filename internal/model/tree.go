package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// node is a JSON value that knows where it stands, and keeps its fields in
// their order.
type node struct {
	kind   kind
	text   string // of a string; the literal of a number
	truth  bool   // of a boolean
	fields []*node
	items  []*node
	named  map[string]*node // the fields

	parent *node
	of     *reader // of the file, if it is all of that
	name   string  // in parent, if that is an object
	index  int     // in parent, if that is an array
	start  int     // offset in the file
}

// kind is what a JSON value is, in a person's words.
type kind string

const (
	object  kind = "an object"
	array   kind = "a list"
	text    kind = "a string"
	number  kind = "a number"
	boolean kind = "true or false"
	null    kind = "null"
)

// deepest is more than any schema that a person wrote.
const deepest = 64

// longest is as many characters as a number may have here, more than any of Go's
// needs.
const longest = 400

// get returns the field of that name, or nil.
func (n *node) get(name string) *node {
	if n == nil {
		return nil
	}
	return n.named[name]
}

// root is all of the file that n is in.
func (n *node) root() *node {
	for n.parent != nil {
		n = n.parent
	}
	return n
}

// is reports whether n is a string and says that.
func (n *node) is(value string) bool { return n != nil && n.kind == text && n.text == value }

// path is where n is, as in fields[2].type.
func (n *node) path() string {
	if n.parent == nil {
		return ""
	}
	before := n.parent.path()
	switch {
	case n.parent.kind == array:
		return fmt.Sprintf("%s[%d]", before, n.index)
	case strings.ContainsFunc(n.name, func(r rune) bool { return !isWord(r) && r != '$' && r != '-' }) || n.name == "":
		return fmt.Sprintf("%s[%q]", before, n.name)
	case before == "":
		return n.name
	}
	return before + "." + n.name
}

// parseTree reads the one JSON value that is all of a file.
func (r *reader) parseTree() *node {
	r.text = bytes.TrimPrefix(r.text, []byte("\ufeff"))
	if !utf8.Valid(r.text) {
		r.fail(nil, "save it as UTF-8", "is not text in UTF-8")
	}
	t := &tree{reader: r, dec: json.NewDecoder(bytes.NewReader(r.text))}
	t.dec.UseNumber()
	root := t.value(&node{of: r}, 0)
	if _, err := t.dec.Token(); !errors.Is(err, io.EOF) {
		r.failAt(t.next(), "", "", "something follows the JSON value that a file must be")
	}
	return root
}

type tree struct {
	*reader
	dec *json.Decoder
}

// next is where the next token starts.
func (t *tree) next() int {
	at := int(t.dec.InputOffset())
	for at < len(t.text) && strings.IndexByte(" \t\r\n,:", t.text[at]) >= 0 {
		at++
	}
	return at
}

func (t *tree) token() json.Token {
	at := t.next()
	tok, err := t.dec.Token()
	if err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			t.failAt(int(syntax.Offset), "", "", "is not JSON: %s", syntax)
		}
		t.failAt(at, "", "", "is not JSON: it ends too soon")
	}
	return tok
}

// value reads a value into n, which knows its place.
func (t *tree) value(n *node, depth int) *node {
	n.start = t.next()
	if depth > deepest {
		t.failAt(n.start, "", "give what is deeper a schema of its own", "is nested more than %d deep, and forge reads no deeper", deepest)
	}
	switch v := t.token().(type) {
	case json.Delim:
		if v == '[' {
			n.kind = array
			t.list(n, depth)
		} else {
			n.kind = object
			t.members(n, depth)
		}
	case string:
		n.kind, n.text = text, v
	case json.Number:
		n.kind, n.text = number, v.String()
		if len(n.text) > longest {
			t.failAt(n.start, n.path(), "send it as a string", "is a number of %d characters, and forge reads %d", len(n.text), longest)
		}
	case bool:
		n.kind, n.truth = boolean, v
	default:
		n.kind = null
	}
	return n
}

func (t *tree) list(n *node, depth int) {
	for t.dec.More() {
		n.items = append(n.items, t.value(&node{parent: n, index: len(n.items)}, depth+1))
	}
	t.token() // ]
}

func (t *tree) members(n *node, depth int) {
	n.named = make(map[string]*node)
	for t.dec.More() {
		at := t.next()
		name, _ := t.token().(string)
		if n.named[name] != nil {
			t.failAt(at, n.path(), "leave out the one that is not meant", "%q is there twice", name)
		}
		f := t.value(&node{parent: n, name: name}, depth+1)
		n.fields, n.named[name] = append(n.fields, f), f
	}
	t.token() // }
}
