package message

import (
	"encoding"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// Most bodies are plain: structs of texts, numbers, and lists of them. For such
// a type a reader is made once, and reads a body in less than half the time of
// a general decoder. It only ever reads what it is sure of. At the first thing
// that is not plain (a name it does not know, a number out of range, anything
// that is wrong) it gives up, and the general decoder reads the body from its
// start: it alone says what is an error, and what it says.

// reader reads the value at d.pos into v, which is zero, and returns false when
// it gives up.
type reader func(d *decoder, v reflect.Value) bool

// readers holds the reader of each type that was read.
var readers sync.Map // of reflect.Type to reader

// readerOf returns the reader of a type, or nil when the type is not plain.
func (d *decoder) readerOf(t reflect.Type) reader {
	if t != d.readType {
		made, ok := readers.Load(t)
		if !ok {
			made, _ = readers.LoadOrStore(t, makeReader(t, nil))
		}
		d.readType, d.reads = t, made.(reader) //nolint:forcetypeassert // nothing else is in there
	}
	return d.reads
}

// readBody reads the body into out if it is plain.
func (d *decoder) readBody(out any) bool {
	v := reflect.ValueOf(out)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return false
	}
	read := d.readerOf(v.Type().Elem())
	if read == nil {
		return false
	}
	start := d.pos
	d.texts, d.shared = "", len(d.data)-start <= sharedTexts
	ok := read(d, v.Elem())
	d.texts = ""
	if !ok {
		d.pos = start
		v.Elem().SetZero()
	}
	return ok
}

const (
	// sharedTexts is how long a body may be for its texts to share one
	// allocation. Whoever keeps one of them keeps all.
	sharedTexts = 1 << 10
	// shortText is how long a text may be to be looked for among the words
	// that come again and again: codes and the like.
	shortText = 4
)

// makeReader returns the reader of a type that is inside the given ones.
func makeReader(t reflect.Type, inside []reflect.Type) reader {
	if t == timeType {
		return (*decoder).readTime
	}
	if readsByItself(t) || len(inside) > 8 {
		return nil
	}
	switch t.Kind() {
	case reflect.String:
		return (*decoder).readText
	case reflect.Bool:
		return (*decoder).readBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return (*decoder).readInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return (*decoder).readUint
	case reflect.Float64:
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

// readsByItself reports whether the type has a method that decodes it.
func readsByItself(t reflect.Type) bool {
	for _, i := range []reflect.Type{
		reflect.TypeFor[json.Unmarshaler](), reflect.TypeFor[json.UnmarshalerFrom](), reflect.TypeFor[encoding.TextUnmarshaler](),
	} {
		if t.Implements(i) || reflect.PointerTo(t).Implements(i) {
			return true
		}
	}
	return false
}

func pointerReader(t reflect.Type, inside []reflect.Type) reader {
	if t.Elem().Kind() == reflect.Pointer {
		return nil
	}
	read := makeReader(t.Elem(), append(inside, t))
	if read == nil {
		return nil
	}
	return func(d *decoder, v reflect.Value) bool {
		if d.peek() == 'n' {
			return d.takeNull()
		}
		v.Set(reflect.New(t.Elem()))
		return read(d, v.Elem())
	}
}

// firstItems is how many items a list has room for at first.
const firstItems = 4

func sliceReader(t reflect.Type, inside []reflect.Type) reader {
	if t.Elem().Kind() == reflect.Uint8 { // base64
		return nil
	}
	read := makeReader(t.Elem(), append(inside, t))
	if read == nil {
		return nil
	}
	return func(d *decoder, v reflect.Value) bool {
		if d.peek() == 'n' {
			return d.takeNull()
		}
		if !d.take('[') {
			return false
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
			if !read(d, v.Index(n)) {
				return false
			}
			if d.take(']') {
				return true
			}
			if !d.take(',') {
				return false
			}
		}
	}
}

// structFields are the fields of a struct, in their order, in which they mostly come.
type structFields struct {
	members []member
	index   []int
	read    []reader
}

func structReader(t reflect.Type, inside []reflect.Type) reader {
	fields := new(structFields)
	for f := range t.Fields() {
		if f.Anonymous && f.Type == reflect.TypeFor[ForbidExtra]() {
			continue // whatever is extra makes the reader give up
		}
		name, ok := plainName(f)
		if !ok {
			return nil
		}
		if name == "" {
			continue
		}
		read := makeReader(f.Type, append(inside, t))
		if read == nil {
			return nil
		}
		fields.members = append(fields.members, newMember(name))
		fields.index, fields.read = append(fields.index, f.Index[0]), append(fields.read, read)
	}
	if len(fields.members) > 64 { // as many as the bits below
		return nil
	}
	return func(d *decoder, v reflect.Value) bool { return d.readStruct(v, fields) }
}

// plainName returns a field's name in JSON, which is empty for a field that is
// not in it, and false when the field has an option that changes how it is read.
func plainName(f reflect.StructField) (string, bool) {
	tag, tagged := f.Tag.Lookup("json")
	name, options, _ := strings.Cut(tag, ",")
	switch {
	case f.Anonymous:
		return "", false
	case !f.IsExported():
		return "", !tagged
	case tag == "-":
		return "", true
	case options != "" && options != "omitempty" && options != "omitzero", strings.ContainsAny(name, `'"\`):
		return "", false
	case name == "":
		return f.Name, true
	}
	return name, true
}

func (d *decoder) readStruct(v reflect.Value, fields *structFields) bool {
	if !d.take('{') {
		return d.takeNull()
	}
	var seen uint64
	for i := 0; ; i++ { // they mostly come in their order
		if i == len(fields.members) || !d.takeLead(&fields.members[i], seen == 0) {
			var name []byte
			var ok bool
			if i, name, ok = d.member(fields.members, seen == 0); i < 0 {
				return ok && name == nil
			}
		}
		if seen&(1<<i) != 0 || !fields.read[i](d, v.Field(fields.index[i])) {
			return false
		}
		seen |= 1 << i
	}
}

func (d *decoder) readText(v reflect.Value) bool {
	b, ok := d.text()
	if !ok {
		return d.takeNull()
	}
	v.SetString(d.keep(b))
	return true
}

// keep returns the text that was just read as a string.
func (d *decoder) keep(b []byte) string {
	start := d.pos - len(`"`) - len(b) // of the text, where it was not unescaped
	switch {
	case d.texts == "" && len(b) <= shortText:
		return d.words.get(b)
	case d.escaped || !d.shared:
		return string(b)
	case d.texts == "":
		d.texts, d.textsAt = string(d.data[start:]), start
	}
	return d.texts[start-d.textsAt:][:len(b)]
}

func (d *decoder) readBool(v reflect.Value) bool {
	switch d.peek() {
	case 't':
		v.SetBool(true)
		return d.takeWord("true")
	case 'f':
		return d.takeWord("false")
	case 'n':
		return d.takeNull()
	}
	return false
}

func (d *decoder) readInt(v reflect.Value) bool {
	n, ok := d.number()
	if !ok {
		return d.takeNull()
	}
	x, err := n.int()
	if err != nil || v.OverflowInt(x) {
		return false
	}
	v.SetInt(x)
	return true
}

func (d *decoder) readUint(v reflect.Value) bool {
	n, ok := d.number()
	if !ok {
		return d.takeNull()
	}
	x, err := n.uint()
	if err != nil || v.OverflowUint(x) {
		return false
	}
	v.SetUint(x)
	return true
}

func (d *decoder) readFloat(v reflect.Value) bool {
	n, ok := d.number()
	if !ok {
		return d.takeNull()
	}
	x, err := n.float()
	if err != nil {
		return false
	}
	v.SetFloat(x)
	return true
}

func (d *decoder) readTime(v reflect.Value) bool {
	switch d.peek() {
	case '"':
		b, ok := d.text()
		t := v.Addr().Interface().(*time.Time)
		return ok && t.UnmarshalText(b) == nil && isStrict(b)
	case 'n':
		return d.takeNull()
	}
	return false
}
