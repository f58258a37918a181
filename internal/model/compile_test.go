package model_test

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-playground/validator/v10"
	"go.yaml.in/yaml/v3"

	"github.com/ouroboros-forge/forge/internal/model"
)

// holds returns what is wrong with a model: its file must be gofmt's, compile,
// and pass for itself; and its cases must be what they say, when they are
// decoded into the types that the file declares and validated by their tags.
func holds(m *model.Model) error {
	text, err := m.Go("orders", "OrderCreated", "example.com/shop", "orders")
	if err != nil {
		return fmt.Errorf("it is no Go: %w", err)
	}
	if again, err := format.Source(text); err != nil || !bytes.Equal(again, text) {
		return fmt.Errorf("gofmt would change it (%w):\n%s", err, text)
	}
	pkg, err := compile(text)
	if err != nil {
		return fmt.Errorf("%w:\n%s", err, text)
	}
	body := goType(pkg.Scope().Lookup("Order").Type())
	cases := m.Cases()
	if len(cases) < 2 || cases[0].Problem != "" {
		return fmt.Errorf("no case is valid, or none is not: %+v", cases)
	}
	for i, c := range cases {
		err := accepts(body, c.Body)
		if isValid := i == 0; isValid != (err == nil) || isValid != (c.Problem == "") {
			return fmt.Errorf("case %q: %w\n%s\n%s", c.Name, err, c.Body, text)
		}
	}
	var components map[string]any // no name is there twice
	if err := yaml.Unmarshal([]byte(m.Components(0)), &components); err != nil {
		return fmt.Errorf("components: %w\n%s", err, m.Components(0))
	}
	return isSamples(m)
}

func isSamples(m *model.Model) error {
	var file struct {
		Topic   string
		Samples []struct{ Name, Expect string }
	}
	text := m.Samples("orders", "OrderCreated", "0000-7000-8000")
	if err := json.Unmarshal(text, &file, json.MatchCaseInsensitiveNames(true)); err != nil {
		return fmt.Errorf("samples: %w\n%s", err, text)
	}
	if len(file.Samples) < 2 || file.Samples[0].Expect != "handled" || file.Samples[1].Expect != "dead letter" {
		return fmt.Errorf("samples do not show both fates:\n%s", text)
	}
	return nil
}

// keepsAll returns what of a message is lost in the model that was made from it.
func keepsAll(m *model.Model) error {
	text, err := m.Go("orders", "OrderCreated", "example.com/shop", "orders")
	if err != nil || !bytes.Contains(text, []byte("They are a guess")) { // a message that looks like a schema
		return err
	}
	pkg, err := compile(text)
	if err != nil {
		return err
	}
	sent := m.Cases()[0].Body
	body := reflect.New(goType(pkg.Scope().Lookup("Order").Type()))
	if err := json.Unmarshal([]byte(sent), body.Interface()); err != nil {
		return err
	}
	kept, err := json.Marshal(body.Interface())
	if err != nil {
		return err
	}
	want, got := plain(sent), plain(string(kept))
	if !reflect.DeepEqual(want, got) {
		return fmt.Errorf("of\n%s\nremains\n%s\nin\n%s", sent, kept, text)
	}
	return nil
}

// plain is a JSON value without what says nothing, and with numbers of any size.
func plain(text string) any {
	decoder := stdjson.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return err
	}
	return simplified(v)
}

func simplified(v any) any {
	switch v := v.(type) {
	case stdjson.Number:
		n, _ := new(big.Rat).SetString(v.String()) // it is a number
		return n.String()
	case string:
		if at, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return at.UnixNano()
		}
		if v == "" {
			return nil
		}
	case map[string]any:
		for name, inner := range v {
			if v[name] = simplified(inner); v[name] == nil {
				delete(v, name)
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = simplified(v[i])
		}
		if len(v) == 0 {
			return nil
		}
	}
	return v
}

// accepts decodes and validates a body as the service does.
func accepts(t reflect.Type, text string) error {
	body := reflect.New(t)
	if err := json.Unmarshal([]byte(text), body.Interface()); err != nil {
		return err
	}
	return checker().Struct(body.Interface())
}

var checker = sync.OnceValue(func() *validator.Validate { return validator.New(validator.WithRequiredStructEnabled()) })

// own is as much of the service's package message as models use.
const own = `package message
type ForbidExtra struct{}
type Schema struct{ Namespace, Name, Version, Compatibility string }
type Decimal string
`

// decimal is read as message.Decimal is.
type decimal string

func (d *decimal) UnmarshalText(text []byte) error {
	if !regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`).Match(text) {
		return errors.New("no decimal number")
	}
	*d = decimal(text)
	return nil
}

// std reads the standard library, each package once.
var std = sync.OnceValue(func() types.Importer { return importer.ForCompiler(token.NewFileSet(), "source", nil) })

type imports struct{}

func (imports) Import(path string) (*types.Package, error) {
	if path == "example.com/shop/internal/message" {
		return check(path, []byte(own))
	}
	return std().Import(path)
}

func compile(text []byte) (*types.Package, error) { return check("models", text) }

func check(path string, text []byte) (*types.Package, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path+".go", text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var errs []error
	config := types.Config{Importer: imports{}, Error: func(err error) { errs = append(errs, err) }}
	pkg, _ := config.Check(path, fset, []*ast.File{file}, nil) // the errors were collected
	return pkg, errors.Join(errs...)
}

// goType is the type of reflection that a type of the compiler's stands for. Of a
// struct inside of itself it is any.
func goType(t types.Type, inside ...string) reflect.Type {
	switch t := t.(type) {
	case *types.Named:
		if slices.Contains(inside, t.String()) {
			return reflect.TypeFor[any]()
		}
		inside = append(inside, t.String())
		switch t.String() {
		case "time.Time":
			return reflect.TypeFor[time.Time]()
		case "example.com/shop/internal/message.Decimal":
			return reflect.TypeFor[decimal]()
		}
		return goType(t.Underlying(), inside...)
	case *types.Struct:
		var fields []reflect.StructField
		for i := range t.NumFields() {
			if f := t.Field(i); !f.Embedded() {
				fields = append(fields, reflect.StructField{Name: f.Name(), Type: goType(f.Type(), inside...), Tag: reflect.StructTag(t.Tag(i))})
			}
		}
		return reflect.StructOf(fields)
	case *types.Pointer:
		return reflect.PointerTo(goType(t.Elem(), inside...))
	case *types.Slice:
		return reflect.SliceOf(goType(t.Elem(), inside...))
	case *types.Array:
		return reflect.ArrayOf(int(t.Len()), goType(t.Elem(), inside...))
	case *types.Map:
		return reflect.MapOf(goType(t.Key()), goType(t.Elem(), inside...))
	case *types.Interface:
		return reflect.TypeFor[any]()
	case *types.Basic:
		for _, basic := range []reflect.Type{
			reflect.TypeFor[string](), reflect.TypeFor[bool](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
			reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[byte](), reflect.TypeFor[uint64](),
		} {
			if basic.Name() == strings.Replace(t.Name(), "byte", "uint8", 1) {
				return basic
			}
		}
	case *types.Alias:
		return goType(types.Unalias(t), inside...)
	}
	panic("a type that no model has: " + t.String())
}
