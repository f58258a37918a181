package message

import (
	"encoding"
	"reflect"
	"strconv"
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
	d.texts, d.textsAt = "", start
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

// readField is a field of a struct.
type readField struct {
	name  string
	lead  string // what stands before its value, mostly
	index int
	read  reader
}

func structReader(t reflect.Type, inside []reflect.Type) reader {
	var fields []readField
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
		fields = append(fields, readField{name, lead(name), f.Index[0], read})
	}
	if len(fields) > 64 { // as many as the bits below
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

func (d *decoder) readStruct(v reflect.Value, fields []readField) bool {
	if d.peek() == 'n' {
		return d.takeNull()
	}
	if !d.take('{') {
		return false
	}
	var seen uint64
	next := 0 // fields mostly come in their order
	for first := true; ; first = false {
		if next == len(fields) || !d.takeLead(fields[next].lead, first) {
			name, ok := d.field(first)
			if !ok || name == nil {
				return ok
			}
			if next = find(fields, name); next < 0 {
				return false
			}
		}
		f := &fields[next]
		if seen&(1<<next) != 0 {
			return false
		}
		seen |= 1 << next
		if !f.read(d, v.Field(f.index)) {
			return false
		}
		next++
	}
}

func find(fields []readField, name []byte) int {
	for i := range fields {
		if fields[i].name == string(name) {
			return i
		}
	}
	return -1
}

func (d *decoder) readText(v reflect.Value) bool {
	switch d.peek() {
	case '"':
		b, ok := d.text()
		if !ok {
			return false
		}
		v.SetString(d.keep(b))
		return true
	case 'n':
		return d.takeNull()
	}
	return false
}

// keep returns the text that was just read as a string.
func (d *decoder) keep(b []byte) string {
	if len(b) <= shortText {
		return d.words.get(b)
	}
	from := d.pos - 1 - len(b)
	if &b[0] != &d.data[from] || len(d.data)-d.textsAt > sharedTexts {
		return string(b) // it was unescaped, or is one of many
	}
	if d.texts == "" {
		d.texts = string(d.data[d.textsAt:])
	}
	return d.texts[from-d.textsAt:][:len(b)]
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
	if d.peek() == 'n' {
		return d.takeNull()
	}
	text, whole := d.number()
	n, err := strconv.ParseInt(string(text), 10, 64)
	if !whole || err != nil || v.OverflowInt(n) {
		return false
	}
	v.SetInt(n)
	return true
}

func (d *decoder) readUint(v reflect.Value) bool {
	if d.peek() == 'n' {
		return d.takeNull()
	}
	text, whole := d.number()
	n, err := strconv.ParseUint(string(text), 10, 64)
	if !whole || err != nil || v.OverflowUint(n) {
		return false
	}
	v.SetUint(n)
	return true
}

func (d *decoder) readFloat(v reflect.Value) bool {
	if d.peek() == 'n' {
		return d.takeNull()
	}
	text, _ := d.number()
	x, err := strconv.ParseFloat(string(text), 64)
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

// number reads a number as JSON has them, and tells whether it is whole. It
// returns an empty text for anything else.
func (d *decoder) number() (text []byte, whole bool) {
	start := d.pos
	i, data := start, d.data
	digits := func() bool {
		from := i
		for i < len(data) && data[i]-'0' <= 9 {
			i++
		}
		return i > from
	}
	if i < len(data) && data[i] == '-' {
		i++
	}
	zero := i < len(data) && data[i] == '0'
	before := i
	if !digits() || zero && i > before+1 {
		return nil, false
	}
	whole = true
	if i < len(data) && data[i] == '.' {
		i++
		if whole = false; !digits() {
			return nil, false
		}
	}
	if i < len(data) && data[i]|0x20 == 'e' {
		i++
		if i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		if whole = false; !digits() {
			return nil, false
		}
	}
	d.pos = i
	return data[start:i], whole
}
