package schema

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// avroFormat is what the codec has to know of Avro.
type avroFormat struct{}

func (avroFormat) kind() sr.SchemaType { return sr.TypeAvro }

func (avroFormat) extension() string { return ".avsc" }

// avroBody writes and reads bodies of one Go type.
type avroBody struct {
	wire  *avro.Schema // with the names that others see
	local *avro.Schema // with the names in Go: the same bytes
	model reflect.Type
	own   bool // the schema is the model's own, and its names are those in Go
}

func (avroFormat) model(t reflect.Type, s message.Schema) (string, body, error) {
	if m, ok := reflect.TypeAssert[schemed](reflect.New(t)); ok {
		return ownAvro(t, m.AvroSchema())
	}
	text, err := deriveAvro(t, s, false)
	if err != nil {
		return "", nil, err
	}
	inGo, err := deriveAvro(t, s, true)
	if err != nil {
		return "", nil, err
	}
	b := &avroBody{model: t}
	if b.wire, err = avro.Parse(text); err != nil {
		return "", nil, fmt.Errorf("%s: %w", t, err)
	}
	if b.local, err = avro.Parse(inGo); err != nil {
		return "", nil, fmt.Errorf("%s: %w", t, err)
	}
	return text, b, nil
}

func (b *avroBody) encode(dst []byte, v any) ([]byte, error) {
	out, err := b.local.AppendEncode(dst, v)
	if err != nil {
		return nil, b.explain(err)
	}
	return out, nil
}

func (avroFormat) parse(text string, references []string) (written, error) {
	var cache avro.SchemaCache
	for _, reference := range references {
		if _, err := cache.Parse(reference); err != nil {
			return nil, fmt.Errorf("a schema that it refers to: %w", err)
		}
	}
	s, err := cache.Parse(text)
	if err != nil {
		return nil, err
	}
	return &avroWritten{s}, nil
}

// avroWritten is a schema that bodies were written with.
type avroWritten struct{ schema *avro.Schema }

func (w *avroWritten) name() (name, full string) {
	root := w.schema.Root()
	if root.Name == "" {
		return root.Type, root.Type
	}
	name = unqualified(root.Name)
	if name != root.Name || root.Namespace == "" {
		return name, root.Name
	}
	return name, root.Namespace + "." + name
}

func (w *avroWritten) reader(b body) (reader, error) {
	if b == nil { // a body of any kind: maps, lists and so on, as it was written
		return func(data []byte, out any) error { return readAvro(w.schema, &avroBody{}, data, out) }, nil
	}
	model, ok := b.(*avroBody)
	if !ok {
		return nil, errors.New("the topic's models are not read from Avro")
	}
	if err := readable(w.schema, model.wire); err != nil {
		return w.byBranch(model, err)
	}
	resolved := model.local
	if !bytes.Equal(w.schema.Canonical(), model.wire.Canonical()) {
		writer := w.schema
		if !model.own {
			var err error
			if writer, err = hide(writer); err != nil {
				return nil, err
			}
		}
		var err error
		if resolved, err = avro.Resolve(writer, model.local); err != nil {
			return nil, asBreak(err)
		}
	}
	return func(data []byte, out any) error { return readAvro(resolved, model, data, out) }, nil
}

func readAvro(s *avro.Schema, b *avroBody, data []byte, out any) error {
	var options []avro.Opt
	if b.model != nil { // else the body is as it was written, without names of types
		options = append(options, avro.TaggedUnions())
	}
	rest, err := s.Decode(data, out, options...)
	switch {
	case err != nil:
		return message.Fail(message.ClassDecode, "body: cannot be read as Avro: %w", b.explain(err))
	case len(rest) > 0:
		return message.Fail(message.ClassDecode, "body: something follows it at byte %d", len(data)-len(rest))
	}
	return nil
}

// hide returns the schema with other names of its fields, so that they match
// the aliases of a model's and nothing else. The bytes that it reads are the same.
func hide(s *avro.Schema) (*avro.Schema, error) {
	root := s.Root()
	hideNames(root)
	return root.Schema()
}

func hideNames(n *avro.SchemaNode) {
	for i := range n.Fields {
		f := &n.Fields[i]
		f.Name, f.Aliases = hidden+f.Name, nil
		f.Default, f.HasDefault = nil, false // no matter to who reads, and it may have names in it
		hideNames(&f.Type)
	}
	for i := range n.Branches {
		hideNames(&n.Branches[i])
	}
	if n.Items != nil {
		hideNames(n.Items)
	}
	if n.Values != nil {
		hideNames(n.Values)
	}
}

// unqualified is a name without its namespace.
func unqualified(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// explain returns the library's error with the field's name on the wire.
func (b *avroBody) explain(err error) error {
	e, ok := errors.AsType[*avro.SemanticError](err)
	if !ok || e.Field == "" {
		return err
	}
	renamed := *e
	renamed.Field = ""
	return fmt.Errorf("%s: %w", strings.Join(b.onTheWire(strings.Split(e.Field, ".")), "."), &renamed)
}

// onTheWire returns the names on the wire of a path of fields that begins in
// the model.
func (b *avroBody) onTheWire(path []string) []string {
	if b.own || b.model == nil {
		return path
	}
	t := b.model
	for i, name := range path {
		for t.Kind() == reflect.Pointer || hasItems(t) {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			break
		}
		fields, _ := fieldsOf(t) // the derivation has been here without an error
		known := slices.IndexFunc(fields, func(f field) bool { return f.goName == name && !f.tagged || f.name == name && f.tagged })
		if known < 0 {
			break
		}
		path[i], t = fields[known].name, fields[known].typ
	}
	return path
}
