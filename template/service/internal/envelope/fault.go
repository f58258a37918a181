package envelope

import (
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// openError says why a value is not an envelope.
func openError(err error) error {
	serr, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		return syntaxError("", err)
	}
	path, problem := pathOf("", serr.JSONPointer), mismatch(serr)
	if strings.Count(string(serr.JSONPointer), "/") < 2 { // the envelope itself, or one of its fields
		return message.Fail(message.ClassDecode, "%s: %s", cmp.Or(path, "not an envelope"), problem)
	}
	if bad, ok := errors.AsType[*time.ParseError](serr.Err); ok {
		problem += ", got " + message.Quote(bad.Value)
		if _, err := time.Parse("2006-01-02T15:04:05", bad.Value); err == nil {
			problem += ", which has no time zone (TIMESTAMP_WITHOUT_ZONE=utc takes it as UTC)"
		}
	}
	return message.Fail(message.ClassInvalid, "%s: %s", path, problem)
}

// bodyError says why a body does not fit its model.
func bodyError(err error) error {
	serr, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		return syntaxError("body", err)
	}
	return message.InvalidPart("body", message.Invalid(pathOf("", serr.JSONPointer), mismatch(serr)))
}

// syntaxError says why a value, or its part called path, is not JSON.
func syntaxError(path string, err error) error {
	serr, ok := errors.AsType[*jsontext.SyntacticError](err)
	if !ok {
		return message.Fail(message.ClassDecode, "not JSON: %.80s", err)
	}
	path = pathOf(path, serr.JSONPointer)
	if errors.Is(serr.Err, jsontext.ErrDuplicateName) {
		return message.Fail(message.ClassDecode, "%s: is given twice", path)
	}
	problem := fmt.Sprintf("%.80s", serr.Err)
	switch {
	case errors.Is(serr.Err, io.ErrUnexpectedEOF):
		problem = "it ends too early"
	case problem == `invalid character '\ufeff' at start of value`:
		problem = "it starts with a byte order mark (leave it out)"
	}
	if path != "" {
		path += ": "
	}
	return message.Fail(message.ClassDecode, "%snot JSON: %s at byte %d", path, problem, serr.ByteOffset)
}

// mismatch says what a field must be.
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
	return want + ", got " + kindNames[err.JSONKind]
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
	case reflect.Zero(t).CanInt():
		return "a whole number"
	case reflect.Zero(t).CanUint():
		return "a whole number, 0 or more"
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return "a base64 string"
	}
	return cmp.Or(wantedKinds[t.Kind()], "of another type")
}

var wantedKinds = map[reflect.Kind]string{
	reflect.String: "a string", reflect.Bool: "a boolean", reflect.Float32: "a number", reflect.Float64: "a number",
	reflect.Struct: "an object", reflect.Map: "an object", reflect.Slice: "an array", reflect.Array: "an array",
}

var kindNames = map[jsontext.Kind]string{
	'n': "null", 't': "boolean", 'f': "boolean", '"': "string", '0': "number", '{': "object", '[': "array",
}

// longestPath bounds paths, in characters: the names in them come from the
// message.
const longestPath = 200

// pathOf turns a JSON pointer below prefix into a path: body.items[0].amount.
func pathOf(prefix string, p jsontext.Pointer) string {
	path := prefix
	for name := range p.Tokens() {
		switch {
		case len(path) > longestPath*utf8.UTFMax: // what is cut off below need not be made
			return pathOf(path, "")
		case path != "" && strings.Trim(name, "0123456789") == "" && name != "":
			path += "[" + name + "]"
		case !plainName.MatchString(name):
			path += "[" + message.Quote(name) + "]"
		default:
			path += "." + name
		}
	}
	return fmt.Sprintf("%.*s", longestPath, strings.TrimPrefix(path, "."))
}

// plainName matches what can stand in a path without quotes.
var plainName = regexp.MustCompile(`^[\w$-]{1,40}$`)
