package message

import (
	"encoding"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// What is told of a message that cannot be read goes into logs and dead
// letters. It names the field and the rule; of values it shows nothing but a
// short timestamp of the header, because a value may be a secret.

const (
	longestQuote = 40 // characters of a name or value that are shown
	deepestPath  = 8  // names of a path that are shown
)

func unknownField(path string, name []byte) error {
	class := ClassInvalid
	if path == "" {
		class = ClassDecode
	}
	return Fail(class, "%s: unknown field", join(path, string(name)))
}

func twice(path string) error { return Fail(ClassDecode, "%s: is given twice", path) }

func wrongKind(path, want string, got jsontext.Kind) error {
	switch path {
	case "":
		return Fail(ClassDecode, "not an envelope: must be %s, got %s", want, kindName(got))
	case "header":
		return Fail(ClassDecode, "header: must be %s, got %s", want, kindName(got))
	}
	return Fail(ClassInvalid, "%s: must be %s, got %s", path, want, kindName(got))
}

// syntaxError tells why a value is not JSON. The path and the byte are those
// of the part that was read, where that was not the whole value.
func syntaxError(err error, path string, start int) error {
	if errors.Is(err, io.EOF) {
		return Fail(ClassDecode, "not an envelope: the value is empty")
	}
	serr, ok := errors.AsType[*jsontext.SyntacticError](err)
	if !ok {
		return Fail(ClassDecode, "not JSON: %s", shorten(err.Error(), 2*longestQuote))
	}
	path = pathOf(path, serr.JSONPointer)
	if errors.Is(serr.Err, jsontext.ErrDuplicateName) {
		return twice(path)
	}
	if path != "" {
		path += ": "
	}
	return Fail(ClassDecode, "%snot JSON: %s at byte %d", path, syntaxProblem(serr), int64(start)+serr.ByteOffset)
}

func syntaxProblem(err *jsontext.SyntacticError) string {
	if errors.Is(err.Err, io.ErrUnexpectedEOF) {
		return "it ends too early"
	}
	return shorten(err.Err.Error(), 2*longestQuote)
}

// bodyError tells why the body, which starts at byte start, does not fit its
// model.
func bodyError(err error, start int) error {
	serr, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		return syntaxError(err, "body", start)
	}
	field := strings.TrimPrefix(pathOf("body", serr.JSONPointer), "body")
	return invalid("body", Invalid(strings.TrimPrefix(field, "."), mismatch(serr)))
}

func mismatch(err *json.SemanticError) string {
	switch {
	case errors.Is(err.Err, json.ErrUnknownName):
		return "unknown field"
	case errors.Is(err.Err, strconv.ErrRange):
		return "is out of range"
	}
	want := "must be " + wanted(err.GoType)
	if err.JSONKind == 0 || err.Err != nil { // the right kind, but not a right value
		return want
	}
	return want + ", got " + kindName(err.JSONKind)
}

var timeType = reflect.TypeFor[time.Time]()

// readsItself reports whether values of t are read by a method of their own.
func readsItself(t reflect.Type) bool {
	switch reflect.New(t).Interface().(type) {
	case json.Unmarshaler, json.UnmarshalerFrom, encoding.TextUnmarshaler:
		return true
	}
	return false
}

// wanted says in the words of JSON what a field of type t takes.
func wanted(t reflect.Type) string {
	switch {
	case t == nil:
		return "of another type"
	case t == timeType:
		return "an RFC 3339 time"
	case t.Kind() == reflect.Pointer:
		return wanted(t.Elem())
	case readsItself(t):
		return "a valid " + t.Name()
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number, 0 or more"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "a base64 string"
		}
		return "an array"
	}
	return "of another type"
}

func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "boolean"
	case '"':
		return "string"
	case '0':
		return "number"
	case '{':
		return "object"
	case '[':
		return "array"
	}
	return "something that is not JSON"
}

// pathOf turns a JSON pointer below prefix into a path: body.items[0].amount.
func pathOf(prefix string, p jsontext.Pointer) string {
	path, depth := prefix, 0
	for token := range p.Tokens() {
		if depth++; depth > deepestPath {
			return path + "…"
		}
		path = join(path, token)
	}
	return path
}

func join(path, name string) string {
	switch {
	case isIndex(name) && path != "":
		return path + "[" + name + "]"
	case !isPlain(name):
		return path + "[" + quote(name) + "]"
	case path == "":
		return name
	}
	return path + "." + name
}

func isIndex(s string) bool {
	return s != "" && len(s) < 10 && strings.Trim(s, "0123456789") == ""
}

// isPlain reports whether s can stand in a path without quotes.
func isPlain(s string) bool {
	for _, c := range s {
		if c != '_' && c != '-' && c != '$' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return s != "" && len(s) <= longestQuote
}

func quote(s string) string { return strconv.Quote(shorten(s, longestQuote)) }

// shorten cuts s after n characters.
func shorten(s string, n int) string {
	count := 0
	for i := range s {
		if count++; count > n {
			return s[:i] + "…"
		}
	}
	return s
}
