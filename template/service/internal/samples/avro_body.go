package samples

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"

	"github.com/twmb/avro"
)

// asAvro reads a body in JSON into what the Avro library writes by the schema s.
// JSON has no bytes, which are base64 in it, and no decimals, which are texts.
func asAvro(s *avro.Schema, body json.RawMessage) (any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber() // a large whole number would lose digits as a float64
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, err
	}
	c := converter{named: make(map[string]*avro.SchemaNode)}
	return c.convert(s.Root(), value)
}

// converter knows the types that a schema has named so far.
type converter struct{ named map[string]*avro.SchemaNode }

func (c converter) convert(n *avro.SchemaNode, value any) (any, error) {
	if n.Type == "union" {
		n = branch(n)
	}
	if known, ok := c.named[n.Type]; ok {
		n = known
	} else if n.Name != "" {
		c.named[n.Name], c.named[n.Namespace+"."+n.Name] = n, n
	}
	switch v := value.(type) {
	case map[string]any:
		return v, c.fields(n, v)
	case []any:
		return v, c.items(n, v)
	case string:
		return c.text(n, v)
	}
	return value, nil
}

// branch is the type of a union's values that are not null.
func branch(n *avro.SchemaNode) *avro.SchemaNode {
	for i := range n.Branches {
		if n.Branches[i].Type != "null" {
			return &n.Branches[i]
		}
	}
	return n
}

func (c converter) fields(n *avro.SchemaNode, values map[string]any) (err error) {
	for i := range n.Fields {
		f := &n.Fields[i]
		if value, ok := values[f.Name]; ok {
			if values[f.Name], err = c.convert(&f.Type, value); err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
		}
	}
	for name, value := range values {
		if n.Values == nil {
			break
		}
		if values[name], err = c.convert(n.Values, value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (c converter) items(n *avro.SchemaNode, values []any) (err error) {
	for i := range values {
		if n.Items == nil {
			break
		}
		if values[i], err = c.convert(n.Items, values[i]); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return nil
}

func (c converter) text(n *avro.SchemaNode, text string) (any, error) {
	switch {
	case n.LogicalType == "decimal":
		value, ok := new(big.Rat).SetString(text)
		if !ok {
			return nil, fmt.Errorf("%q is no decimal number", text)
		}
		return value, nil
	case n.Type == "bytes" || n.Type == "fixed":
		return base64.StdEncoding.DecodeString(text)
	}
	return text, nil
}
