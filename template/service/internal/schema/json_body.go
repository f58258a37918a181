package schema

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/twmb/avro"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// JSON says less of a body than a schema in Avro: what is absent gets the schema's
// default, and without one it is missing; bytes are base64, decimals are texts, and a
// value of a union of several types stands under the name of its type.

// FromJSON reads a body in JSON into what the library writes by the schema s.
func FromJSON(s *avro.Schema, body []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber() // a large whole number would lose digits as a float64
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, err
	}
	c := converter{named: make(map[string]*avro.SchemaNode)}
	root := s.Root()
	c.learn(root)
	return c.convert("", root, value)
}

// converter knows the types that a schema names.
type converter struct{ named map[string]*avro.SchemaNode }

func (c converter) learn(n *avro.SchemaNode) {
	if n.Name != "" {
		c.named[n.Name], c.named[fullName(n)] = n, n
	}
	for i := range n.Fields {
		c.learn(&n.Fields[i].Type)
	}
	for i := range n.Branches {
		c.learn(&n.Branches[i])
	}
	if n.Items != nil {
		c.learn(n.Items)
	}
	if n.Values != nil {
		c.learn(n.Values)
	}
}

func fullName(n *avro.SchemaNode) string {
	if n.Namespace == "" || strings.Contains(n.Name, ".") {
		return n.Name
	}
	return n.Namespace + "." + n.Name
}

// convert returns the value at a path as the library takes it.
func (c converter) convert(path string, n *avro.SchemaNode, value any) (any, error) {
	if known, ok := c.named[n.Type]; ok {
		n = known
	}
	if n.Type == "union" {
		return c.union(path, n, value)
	}
	switch v := value.(type) {
	case nil:
		if n.Type != "null" {
			return nil, message.Invalid(path, "must not be null")
		}
	case map[string]any:
		return c.object(path, n, v)
	case []any:
		return c.items(path, n, v)
	case string:
		return scalar(path, n, v)
	}
	return value, nil
}

// union returns a value of one of the types: that which it names, or else the only
// one besides null.
func (c converter) union(path string, n *avro.SchemaNode, value any) (any, error) {
	var some []*avro.SchemaNode
	isNullable := false
	for i := range n.Branches {
		branch := &n.Branches[i]
		if known, ok := c.named[branch.Type]; ok {
			branch = known
		}
		if branch.Type == "null" {
			isNullable = true
			continue
		}
		some = append(some, branch)
	}
	if value == nil && isNullable {
		return nil, nil
	}
	named, _ := value.(map[string]any)
	for name, inner := range named {
		of := slices.IndexFunc(some, func(b *avro.SchemaNode) bool { return name == branchName(b) })
		isValue := len(some) == 1 && (some[0].Type == "map" || some[0].Type == "record")
		if len(named) == 1 && of >= 0 && !isValue {
			converted, err := c.convert(path, some[of], inner)
			return map[string]any{name: converted}, err
		}
	}
	if len(some) == 1 {
		return c.convert(path, some[0], value)
	}
	var names []string
	for _, branch := range some {
		names = append(names, fmt.Sprintf(`{"%s": …}`, branchName(branch)))
	}
	return nil, message.Invalid(path, "must be one of "+strings.Join(names, ", "))
}

// branchName is what a type is called in a union.
func branchName(n *avro.SchemaNode) string {
	if n.Name != "" {
		return fullName(n)
	}
	return n.Type
}

func (c converter) object(path string, n *avro.SchemaNode, values map[string]any) (any, error) {
	converted := make(map[string]any, len(values))
	var errs []error
	put := func(name string, n *avro.SchemaNode, value any) {
		var err error
		if converted[name], err = c.convert(fieldOfPath(path, name), n, value); err != nil {
			errs = append(errs, err)
		}
	}
	for i := range n.Fields {
		f := &n.Fields[i]
		value, ok := values[f.Name]
		switch {
		case ok:
			put(f.Name, &f.Type, value)
		case f.HasDefault: // which the library writes
		case isNullable(&f.Type):
			converted[f.Name] = nil
		default:
			errs = append(errs, message.Invalid(fieldOfPath(path, f.Name), "is required"))
		}
	}
	for name, value := range values {
		if n.Values != nil {
			put(name, n.Values, value)
		}
	}
	return converted, errors.Join(errs...)
}

func isNullable(n *avro.SchemaNode) bool {
	return n.Type == "null" || slices.ContainsFunc(n.Branches, func(b avro.SchemaNode) bool { return b.Type == "null" })
}

func (c converter) items(path string, n *avro.SchemaNode, values []any) (any, error) {
	if n.Items == nil {
		return values, nil
	}
	converted := make([]any, len(values))
	var errs []error
	for i := range values {
		var err error
		if converted[i], err = c.convert(fmt.Sprintf("%s[%d]", path, i), n.Items, values[i]); err != nil {
			errs = append(errs, err)
		}
	}
	return converted, errors.Join(errs...)
}

// scalar returns the value of a text.
func scalar(path string, n *avro.SchemaNode, text string) (any, error) {
	switch {
	case n.LogicalType == "decimal":
		value, ok := new(big.Rat).SetString(text)
		if scaled := new(big.Rat); !ok || !scaled.Mul(value, power(n.Scale)).IsInt() || scaled.Cmp(power(n.Precision)) >= 0 || scaled.Neg(scaled).Cmp(power(n.Precision)) >= 0 {
			return nil, message.Invalid(path, fmt.Sprintf("must be a decimal number of at most %d digits, %d of them behind the point", n.Precision, n.Scale))
		}
		return value, nil
	case n.LogicalType == "big-decimal":
		return text, nil
	case n.Type == "bytes" || n.Type == "fixed":
		value, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, message.Invalid(path, "must be a base64 string")
		}
		return value, nil
	case n.Type == "enum" && !slices.Contains(n.Symbols, text):
		return nil, message.Invalid(path, "must be one of "+strings.Join(n.Symbols, ", "))
	}
	return text, nil
}

// power is a power of ten.
func power(n int) *big.Rat {
	return new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil))
}
