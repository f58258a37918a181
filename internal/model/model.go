// Package model makes the model of a topic from a schema: an Avro schema, a
// JSON Schema, or a message that serves as an example. A Model gives the Go
// file that declares it, and messages that are valid and others that are not.
package model

import (
	"bytes"
	"fmt"
	"math/big"
	"path"
	"path/filepath"
	"strings"
)

// Model is what the messages of a topic carry.
type Model struct {
	Body      *Record
	Namespace string // of the schema; empty where it has none
	Name      string // of the schema, as the header has it; empty where it has none
	Version   string // of the schema; empty where it has none

	avro    bool   // messages are sent as Avro, so that their fields are always there
	source  string // the text of an Avro schema
	guessed bool   // the rules are guessed, from one message
	message *node  // the body of that message

	inside map[*Record]bool // those that a value is being made of
}

// Kind says which values a type has.
type Kind int

// The kinds of types.
const (
	Struct Kind = iota
	List
	Map
	Text
	Bytes
	Fixed // as many bytes as Size says
	Bool
	Int
	Float
	Time
	Decimal
	Any
	Nothing // always null
)

// Type is the type of a field, or of what is in a list or a map.
type Type struct {
	Kind   Kind
	Null   bool    // null is a value, too
	Bits   int     // of Int and Float
	Uint   bool    // of an Int that has no sign
	Size   int     // of Fixed
	Record *Record // of Struct
	Elem   *Type   // of List and Map
	Enum   *Enum   // of Text that is one of a few

	byPointer bool // of List, Map and Bytes: null is told from empty

	limits
	logical  string  // what an avro tag says of it
	branch   string  // what Avro calls it in a union
	branches []*Type // of Any in Avro, the types that it can be besides null
	like     *Type   // of Any: a type that its values may have
	doc      string  // what the schema says of it where it is described
	at       *node

	isDeprecated bool
}

// Enum is a type whose values are constants.
type Enum struct {
	Name   string // what the schema calls it, and after Declare its name in Go
	Doc    string
	Values []Constant
}

// Constant is a value of an Enum.
type Constant struct{ Go, Text string }

// Record is a struct.
type Record struct {
	Name   string // what the schema calls it, and after Declare its name in Go
	Doc    string
	Fields []*Field
	Closed bool // it has no other fields
	at     *node

	isDeprecated bool

	unchecked []string // rules of the body that nothing checks, in words
}

// limits are the rules for a type's values. What is nil or empty is no rule.
type limits struct {
	shortest, longest *int    // in characters, items or entries
	least, most       *bound  // of numbers
	allowed           []*node // the only values
	format            string  // as the validator calls it, as in email
	layout            string  // of a date or time that is a text
	unique            bool
	step              *node    // numbers are multiples of it
	unchecked         []string // rules that nothing checks, in words
	example           *node    // a value that the schema gives
}

// bound is a limit of a number.
type bound struct {
	value float64
	whole *big.Int // the same, of an Int
	open  bool     // the value itself is beyond it

	isExact bool // it is the schema's own
}

// Field is a field of a Struct.
type Field struct {
	JSON     string // its name in messages
	Go       string // its name in Go
	Doc      string
	Type     *Type
	Required bool

	isDeprecated bool
	loops        bool // it leads back to the struct that it is in
}

// Error says what is wrong with a schema, and where.
type Error struct {
	File         string
	Line, Column int    // from 1; 0 when it is wrong as a whole
	Path         string // as in fields[2].type
	Reason       string
	Hint         string // what to try
}

// Error is one line: the place, then the reason.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	b.WriteString(": ")
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	return b.String() + e.Reason
}

// Files returns what is in a file that a schema refers to. Its path is relative to
// the schema's, with slashes. The error is fs.ErrNotExist where there is none.
type Files func(path string) (string, error)

// Stdin is the name of a schema that has no file. What is in it tells what it is.
const Stdin = "-"

// Parse is ParseWith for a schema that refers to no other file.
func Parse(file string, content []byte, avro bool) (*Model, error) {
	return ParseWith(file, content, avro, nil)
}

// ParseWith reads a schema. The file's name tells what it is, and what errors call
// it; avro tells whether messages are sent as Avro. beside has the files that it
// may refer to, and can be nil. The error is an *Error.
func ParseWith(file string, content []byte, avro bool, beside Files) (m *Model, err error) {
	r := &reader{file: file, text: content, avro: avro}
	if file == Stdin {
		r.file = "stdin"
	}
	defer func() {
		switch failure := recover().(type) {
		case nil:
		case *Error:
			m, err = nil, failure
		default:
			panic(failure)
		}
	}()
	ext := strings.ToLower(path.Ext(filepath.ToSlash(file)))
	if ext != ".avsc" && ext != ".json" && file != Stdin {
		r.fail(nil, kinds+"; --schema TOPIC=- reads one from stdin, whatever its name", "is no schema: its name ends in %q", ext)
	}
	root := r.parseTree()
	r.checkDocument(root)
	switch {
	case ext == ".avsc" || root.get("type").is("record"):
		m = r.avroModel(root)
	case isJSONSchema(root):
		m = r.jsonModel(root, beside)
	default:
		m = r.messageModel(root)
	}
	m.avro = avro
	m.pointAtLists()
	r.markLoops(m)
	r.check(m)
	m.noteExtra()
	return m, nil
}

// kinds tells what a schema can be.
const kinds = "use an Avro schema (.avsc), a JSON Schema or a message as an example (.json)"

// reader reads one file.
type reader struct {
	file string
	text []byte
	avro bool
}

// fail ends the reading; n is where the mistake is, nil for the whole.
func (r *reader) fail(n *node, hint, format string, args ...any) {
	if n == nil {
		panic(&Error{File: r.file, Reason: fmt.Sprintf(format, args...), Hint: hint})
	}
	n.root().of.failAt(n.start, n.path(), hint, format, args...)
}

func (r *reader) failAt(offset int, where, hint, format string, args ...any) {
	before := r.text[:min(max(offset, 0), len(r.text))]
	line := bytes.Count(before, []byte("\n"))
	column := len([]rune(string(before[bytes.LastIndexByte(before, '\n')+1:])))
	panic(&Error{File: r.file, Line: line + 1, Column: column + 1, Path: where, Reason: fmt.Sprintf(format, args...), Hint: hint})
}

// want ends the reading unless n is of a kind.
func (r *reader) want(n *node, k kind) *node {
	if n.kind != k {
		r.fail(n, "", "must be %s, not %s", k, n.kind)
	}
	return n
}

// string is the text of a field that must be one, or empty without the field.
func (r *reader) string(n *node) string {
	if n == nil {
		return ""
	}
	return r.want(n, text).text
}

// record is the struct that is in a type, at whatever depth of lists and maps.
func (t *Type) record() *Record { return t.innermost().Record }

// records are the structs to declare, each once, the body first.
func (m *Model) records() []*Record {
	var all []*Record
	seen := make(map[*Record]bool)
	var walk func(rec *Record)
	walk = func(rec *Record) {
		if seen[rec] {
			return
		}
		seen[rec] = true
		all = append(all, rec)
		for _, f := range rec.Fields {
			if inner := f.Type.record(); inner != nil {
				walk(inner)
			}
		}
	}
	walk(m.Body)
	return all
}
