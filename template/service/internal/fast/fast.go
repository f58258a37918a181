// Package fast reads what package envelope reads, in less time.
//
// Most messages are plain: a header before a body that is a struct of texts,
// numbers, times, and lists of them. For the type of such a body a reader is made
// once. It reads only what it is sure of. At the first thing that is not plain or
// not right, such as a number out of range, it gives up, and envelope.JSON reads
// the same from its start: it alone says what is an error, and in which words.
package fast

import (
	"bytes"
	"context"
	"reflect"
	"sync"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// JSON is a codec that takes and refuses exactly what the one in it does. It is
// that one which writes.
type JSON struct{ envelope.JSON }

var headerReader = makeReader(reflect.TypeFor[message.Header](), nil)

// Open implements message.Codec. It takes the header to end with the first brace,
// as it does where no text in it has one.
func (c JSON) Open(ctx context.Context, m *message.Message) (message.Header, []byte, error) {
	end := bytes.IndexByte(m.Value, '}') + 1
	d := newDecoder(m.Value[:end])
	defer decoders.Put(d)
	d.header = message.Header{}
	if d.take('{') && d.takeName("header") && headerReader(d, reflect.ValueOf(&d.header).Elem()) && d.pos == end {
		d.data = m.Value
		rest, brace := bytes.CutSuffix(bytes.TrimRight(m.Value, " \t\r\n"), []byte("}"))
		if brace && d.take(',') && d.takeName("body") {
			d.header.Timestamp = d.header.Timestamp.UTC()
			return d.header, rest[d.pos:], nil
		}
	}
	return c.JSON.Open(ctx, m)
}

// Decode implements message.Codec.
func (c JSON) Decode(ctx context.Context, m *message.Message, body []byte, out any) error {
	if read(body, reflect.ValueOf(out)) {
		return nil
	}
	return c.JSON.Decode(ctx, m, body, out)
}

// readers holds the reader of each type that was read, nil where there is none.
var readers sync.Map // of reflect.Type to reader

// read reads a plain body into what out points to. It returns false for any
// other, and for what has values already; out is then as it was.
func read(body []byte, out reflect.Value) bool {
	if out.Kind() != reflect.Pointer || out.IsNil() || !out.Elem().IsZero() {
		return false
	}
	v := out.Elem()
	made, ok := readers.Load(v.Type())
	if !ok {
		made, _ = readers.LoadOrStore(v.Type(), makeReader(v.Type(), nil))
	}
	read := made.(reader) //nolint:forcetypeassert // stored above
	if read == nil {
		return false
	}
	d := newDecoder(body)
	_, d.strict = reflect.TypeAssert[message.ForbidsExtra](out)
	defer decoders.Put(d)
	if d.peek() != 'n' && read(d, v) && d.peek() == 0 && d.pos == len(body) {
		return true
	}
	v.SetZero()
	return false
}
