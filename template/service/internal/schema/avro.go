package schema

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Avro is the codec of bodies in Avro. What was written by another version of
// the schema is read by the rules of Avro: fields that the model has no more are
// skipped, those that the writer did not have get their default, and numbers
// become wider.
type Avro struct{ codec }

// NewAvro returns a codec that keeps its schemas in the given registry. It
// connects when it is started, or first needed.
func NewAvro(r *Registry, cfg config.Registry, log *slog.Logger) *Avro {
	return &Avro{newCodec(r, avroFormat{}, cfg, log)}
}

// avroFormat is what the codec has to know of Avro.
type avroFormat struct{}

func (avroFormat) kind() sr.SchemaType { return sr.TypeAvro }

func (avroFormat) extension() string { return ".avsc" }

// avroBody writes and reads bodies of one Go type.
type avroBody struct {
	wire  *avro.Schema // with the names that others see
	local *avro.Schema // with the names in Go: the same bytes
	paths fieldPaths
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
	b := &avroBody{paths: make(fieldPaths)}
	if b.wire, err = avro.Parse(text); err != nil {
		return "", nil, fmt.Errorf("%s: %w", t, err)
	}
	if b.local, err = avro.Parse(inGo); err != nil {
		return "", nil, fmt.Errorf("%s: %w", t, err)
	}
	b.paths.add(t, make(map[reflect.Type]bool))
	return text, b, nil
}

func (b *avroBody) encode(dst []byte, v any) ([]byte, error) {
	out, err := b.local.AppendEncode(dst, v)
	if err != nil {
		return nil, b.paths.explain(err)
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
	name = root.Name[strings.LastIndexByte(root.Name, '.')+1:]
	if name != root.Name || root.Namespace == "" {
		return name, root.Name
	}
	return name, root.Namespace + "." + name
}

func (w *avroWritten) reader(b body) (reader, error) {
	if b == nil { // a body of any kind: maps, lists and so on, as it was written
		return func(data []byte, out any) error { return readAvro(w.schema, nil, data, out) }, nil
	}
	model, ok := b.(*avroBody)
	if !ok {
		return nil, errors.New("the topic's models are not read from Avro")
	}
	if err := avro.CheckCompatibility(w.schema, model.wire); err != nil {
		return nil, asBreak(err)
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
	return func(data []byte, out any) error { return readAvro(resolved, model.paths, data, out) }, nil
}

func readAvro(s *avro.Schema, paths fieldPaths, data []byte, out any) error {
	rest, err := s.Decode(data, out)
	switch {
	case err != nil:
		return message.Fail(message.ClassDecode, "body: cannot be read as Avro: %w", paths.explain(err))
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

func (avroFormat) compare(writer, reader string) error {
	w, err := avro.Parse(writer)
	if err != nil {
		return err
	}
	r, err := avro.Parse(reader)
	if err != nil {
		return err
	}
	if err := avro.CheckCompatibility(w, r); err != nil {
		return asBreak(err)
	}
	return nil
}

// asBreak tells an incompatibility in the words of this package.
func asBreak(err error) error {
	e, ok := errors.AsType[*avro.CompatibilityError](err)
	if !ok {
		return err
	}
	b := &BreakError{Field: e.Path, Problem: e.Detail}
	switch {
	case e.Path == "(root)":
		b.Field = ""
	case e.WriterType == "":
		b.Problem = "the writer does not have it, and the reader has no default for it: make it a pointer, omitempty, or give it default= in its avro tag"
	}
	if e.WriterType != "" && e.ReaderType != "" {
		b.Problem = fmt.Sprintf("the writer has %s, the reader %s: %s", e.WriterType, e.ReaderType, e.Detail)
	}
	return b
}

// fieldPaths has the names on the wire by those in Go.
type fieldPaths map[string]string

func (p fieldPaths) add(t reflect.Type, seen map[reflect.Type]bool) {
	for t.Kind() == reflect.Pointer || hasItems(t) {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || seen[t] {
		return
	}
	seen[t] = true
	fields, err := fieldsOf(t)
	if err != nil {
		return // a leaf like time.Time: the derivation has looked at all others
	}
	for _, f := range fields {
		p[f.goName] = f.name
		p.add(f.typ, seen)
	}
}

// explain tells what the library says with the field's name on the wire.
func (p fieldPaths) explain(err error) error {
	e, ok := errors.AsType[*avro.SemanticError](err)
	if !ok || e.Field == "" {
		return err
	}
	path := strings.Split(e.Field, ".")
	for i, name := range path {
		if wire, ok := p[name]; ok {
			path[i] = wire
		}
	}
	told := *e
	told.Field = ""
	return fmt.Errorf("%s: %w", strings.Join(path, "."), &told)
}
