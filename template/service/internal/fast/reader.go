package fast

import (
	"cmp"
	"encoding"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// reader reads the next value into v, which is zero, and returns false when it
// gives up.
type reader func(d *decoder, v reflect.Value) bool

// makeReader returns the reader of a type that is inside the given ones, or nil
// when the type is not plain.
func makeReader(t reflect.Type, inside []reflect.Type) reader {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return (*decoder).readTime
	case t == reflect.TypeFor[time.Duration](), readsItself(t), slices.Contains(inside, t):
		return nil
	}
	inside = append(slices.Clip(inside), t)
	switch t.Kind() {
	case reflect.String:
		return (*decoder).readText
	case reflect.Bool:
		return (*decoder).readBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return (*decoder).readInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return (*decoder).readUint
	case reflect.Float32, reflect.Float64:
		return (*decoder).readFloat
	case reflect.Pointer:
		return pointerReader(t, inside)
	case reflect.Slice:
		return sliceReader(t, inside)
	case reflect.Struct:
		return structReader(t, inside)
	default:
		return nil
	}
}

// readsItself reports whether values of t are read by a method of their own.
func readsItself(t reflect.Type) bool {
	switch reflect.New(t).Interface().(type) {
	case json.Unmarshaler, json.UnmarshalerFrom, encoding.TextUnmarshaler:
		return true
	}
	return false
}

func pointerReader(t reflect.Type, inside []reflect.Type) reader {
	read := makeReader(t.Elem(), inside)
	if read == nil || t.Elem().Kind() == reflect.Pointer {
		return nil
	}
	return func(d *decoder, v reflect.Value) bool {
		if d.peek() == 'n' {
			return d.takeWord("null")
		}
		v.Set(reflect.New(t.Elem()))
		return read(d, v.Elem())
	}
}

// firstItems is how many items a list has room for at first.
const firstItems = 4

func sliceReader(t reflect.Type, inside []reflect.Type) reader {
	read := makeReader(t.Elem(), inside)
	if read == nil || t.Elem().Kind() == reflect.Uint8 { // which is base64
		return nil
	}
	hasNull := t.Elem().Kind() == reflect.Pointer || t.Elem().Kind() == reflect.Slice
	return func(d *decoder, v reflect.Value) bool {
		if !d.take('[') {
			return d.takeNull()
		}
		if d.take(']') {
			v.Set(reflect.MakeSlice(t, 0, 0))
			return true
		}
		for n := 0; ; n++ {
			if n == v.Cap() {
				v.Grow(max(firstItems, n))
			}
			v.SetLen(n + 1)
			if !hasNull && d.peek() == 'n' || !read(d, v.Index(n)) {
				return false
			}
			if !d.take(',') {
				return d.take(']')
			}
		}
	}
}

// field is a field of a plain struct.
type field struct {
	name    string
	written string // the name as it mostly stands before a value
	index   int
	read    reader
}

func structReader(t reflect.Type, inside []reflect.Type) reader {
	if json.Unmarshal([]byte("{}"), reflect.New(t).Interface()) != nil { // its tags are wrong
		return nil
	}
	var fields []field
	for f := range t.Fields() {
		tag := f.Tag.Get("json")
		if f.Anonymous && f.Type == reflect.TypeFor[message.ForbidExtra]() || !f.Anonymous && !f.IsExported() || tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		name = cmp.Or(name, f.Name)
		read := makeReader(f.Type, inside)
		if read == nil || f.Anonymous || !plainName.MatchString(name) || len(fields) == maxFields ||
			options != "" && options != "omitempty" && options != "omitzero" {
			return nil
		}
		fields = append(fields, field{name, `"` + name + `":`, f.Index[0], read})
	}
	return func(d *decoder, v reflect.Value) bool { return d.readStruct(v, fields) }
}

// plainName matches names that are written as they are.
var plainName = regexp.MustCompile(`^[\w$.-]*[\w$]$`)

// maxFields is how many fields a plain struct may have: as many as there are bits
// in readStruct's seen. So many others may come besides.
const maxFields = 64

func (d *decoder) readStruct(v reflect.Value, fields []field) bool {
	if !d.take('{') {
		return d.takeNull()
	}
	if d.take('}') {
		return true
	}
	var seen uint64
	var extra [][]byte // the names of fields that the model lacks
	for next := 0; ; { // they mostly come in their order
		i, name, ok := d.fieldName(fields, next)
		switch {
		case !ok:
			return false
		case i < 0:
			if isAmong(extra, name) || len(extra) == maxFields || !d.skip() {
				return false
			}
			extra = append(extra, name)
		case seen&(1<<i) != 0 || !fields[i].read(d, v.Field(fields[i].index)):
			return false
		default:
			seen, next = seen|1<<i, i+1
		}
		if !d.take(',') {
			return d.take('}')
		}
	}
}

// fieldName reads the name of the next field, up to its value, and returns which
// of the fields it is: -1 if it is none of them, and the name then.
func (d *decoder) fieldName(fields []field, next int) (i int, name []byte, ok bool) {
	if d.peek(); next < len(fields) && d.takeWord(fields[next].written) {
		return next, nil, true
	}
	name, ok = d.text()
	i = slices.IndexFunc(fields, func(f field) bool { return f.name == string(name) })
	return i, name, ok && d.take(':') && (i >= 0 || !d.strict && !d.escaped)
}

func isAmong(names [][]byte, name []byte) bool {
	return slices.ContainsFunc(names, func(n []byte) bool { return string(n) == string(name) })
}

// skip reads a value that no field takes.
func (d *decoder) skip() bool {
	switch d.peek() {
	case '"':
		_, ok := d.text()
		return ok
	case '{', '[':
		return d.skipDeeper()
	case 't':
		return d.takeWord("true")
	case 'f':
		return d.takeWord("false")
	case 'n':
		return d.takeWord("null")
	}
	_, ok := d.number()
	return ok
}

func (d *decoder) skipDeeper() bool {
	if d.depth++; d.depth > maxDepth {
		return false
	}
	defer func() { d.depth-- }()
	if d.peek() == '{' {
		return d.readStruct(reflect.Value{}, nil)
	}
	if d.take('['); d.take(']') {
		return true
	}
	for d.skip() {
		if !d.take(',') {
			return d.take(']')
		}
	}
	return false
}

// maxDepth is how deep in each other the objects and lists may be that are skipped.
const maxDepth = 100

func (d *decoder) readText(v reflect.Value) bool {
	text, ok := d.text()
	if !ok {
		return d.takeNull()
	}
	v.SetString(d.keep(text))
	return true
}

func (d *decoder) readBool(v reflect.Value) bool {
	switch d.peek() {
	case 't':
		v.SetBool(true)
		return d.takeWord("true")
	case 'f':
		return d.takeWord("false")
	}
	return d.takeNull()
}

func (d *decoder) readInt(v reflect.Value) bool {
	text, ok := d.number()
	if !ok {
		return d.takeNull()
	}
	x, err := strconv.ParseInt(string(text), 10, 64)
	v.SetInt(x)
	return err == nil && !v.OverflowInt(x)
}

func (d *decoder) readUint(v reflect.Value) bool {
	text, ok := d.number()
	if !ok {
		return d.takeNull()
	}
	x, err := strconv.ParseUint(string(text), 10, 64)
	v.SetUint(x)
	return err == nil && !v.OverflowUint(x)
}

func (d *decoder) readFloat(v reflect.Value) bool {
	text, ok := d.number()
	if !ok {
		return d.takeNull()
	}
	x, err := strconv.ParseFloat(string(text), v.Type().Bits())
	v.SetFloat(x)
	return err == nil
}

func (d *decoder) readTime(v reflect.Value) bool {
	text, ok := d.text()
	if !ok {
		return d.takeNull()
	}
	t := v.Addr().Interface().(*time.Time) //nolint:forcetypeassert // v is one
	return t.UnmarshalText(text) == nil && isStrict(text)
}

// isStrict refuses what package time reads although RFC 3339 does not have it:
// hours of one digit, a comma before the fraction, offsets beyond a day.
func isStrict(text []byte) bool {
	const hour, fraction = len("2006-01-02T"), len("2006-01-02T15:04:05")
	if text[hour+1] == ':' || text[fraction] == ',' {
		return false
	}
	offset := string(text[len(text)-len("00:00"):])
	return offset[4] == 'Z' || offset[:2] < "24" && offset[3:] < "60"
}
