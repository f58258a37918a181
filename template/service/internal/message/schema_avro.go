package message

import (
	"cmp"
	"reflect"
)

// Schema is what a model says of its schema, in a method
//
//	func (InvoicePaid) Schema() message.Schema {
//		return message.Schema{Namespace: "shop.billing", Version: "2"}
//	}
//
// All of it may be left out, and the method with it.
type Schema struct {
	Namespace     string // such as shop.billing; empty is none
	Name          string // empty is the model's MessageType, or else the name of its type
	Version       string // what the header calls schemaVersion; empty is 1
	Compatibility string // what later versions must keep; empty is what the registry says, or BACKWARD
}

// FullName is the name with the namespace before it.
func (s Schema) FullName() string {
	if s.Namespace == "" {
		return s.Name
	}
	return s.Namespace + "." + s.Name
}

// SchemaOf returns what the model of type t says of its schema. What it leaves
// out is filled in, but for the compatibility.
func SchemaOf(t reflect.Type) Schema {
	var s Schema
	model := reflect.New(t).Interface()
	if m, ok := model.(interface{ Schema() Schema }); ok {
		s = m.Schema()
	}
	if m, ok := model.(interface{ MessageType() string }); ok && s.Name == "" {
		s.Name = m.MessageType()
	}
	if s.Name == "" {
		s.Name = t.Name()
	}
	if s.Version == "" {
		s.Version = "1"
	}
	return s
}

// Describe puts into a header what the body's model says of its schema, where
// the event did not say otherwise by SchemaName or SchemaVersion.
func Describe(h *Header, body any) {
	m, ok := body.(interface{ Schema() Schema })
	if !ok {
		return
	}
	s := m.Schema()
	s.Name = cmp.Or(s.Name, h.MessageType)
	if h.SchemaName == h.MessageType {
		h.SchemaName = s.FullName()
	}
	if h.SchemaVersion == "1" {
		h.SchemaVersion = cmp.Or(s.Version, "1")
	}
}
