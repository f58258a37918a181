package model

import (
	"sort"
	"strings"

	"github.com/twmb/avro"
)

// ask asks the service's own Avro library whether it takes the schema, so that no
// service is written that cannot start. The library says what is wrong, and not
// where: the place is found by asking again, without a part or with another in its
// place.
func (a *avroReader) ask(root *node) {
	q := &question{instead: make(map[*node]string), items: make(map[*node]int)}
	_, err := avro.Parse(q.text(root))
	if err == nil {
		return
	}
	q.root = root
	const hint = "correct the schema: with this one the service would not start"
	a.fail(q.blame(root), hint, "is refused by the Avro library: %s", strings.ReplaceAll(err.Error(), "invalid record field: ", ""))
}

// question is a schema with some of its parts left out or replaced.
type question struct {
	root    *node
	instead map[*node]string // in JSON; empty leaves a field out
	items   map[*node]int    // how many of a list's items are there still
}

func (q *question) isTaken() bool {
	_, err := avro.Parse(q.text(q.root))
	return err == nil
}

// depends are fields that are left out where another is replaced, since they may go
// with that only.
var depends = map[string]string{"type": "default", "precision": "scale"}

// replaced reports whether the schema is taken with something else in the place of
// a node.
func (q *question) replaced(n *node, text string) bool {
	neighbour := n.parent.get(depends[n.name])
	q.instead[n], q.instead[neighbour] = text, ""
	defer delete(q.instead, n)
	defer delete(q.instead, neighbour)
	return q.isTaken()
}

// standIns are what is right in the place of a field of a schema; nothing is that
// it is left out. The first that cures the schema tells where the fault is.
var standIns = [][2]string{
	{"default", ""},
	{"aliases", ""},
	{"order", ""},
	{"precision", "1"},
	{"scale", ""},
	{"size", "4096"},
	{"logicalType", ""},
	{"namespace", ""},
	{"name", `"stand_in"`},
	{"symbols", `["A"]`},
	{"fields", "[]"},
	{"items", `"int"`},
	{"values", `"int"`},
	{"type", `"int"`},
}

// blame returns the smallest part of n without which the schema is taken. That of
// a list is in the first item that is one too many; what is behind it is left out
// from then on, since it may need what is before.
func (q *question) blame(n *node) *node {
	if n.kind == array {
		least := sort.Search(len(n.items), func(some int) bool {
			q.items[n] = some
			return !q.isTaken()
		})
		if least == 0 {
			delete(q.items, n)
			return n
		}
		q.items[n] = least
		return q.blame(n.items[least-1])
	}
	for _, standIn := range standIns {
		part := n.get(standIn[0])
		if part == nil || !q.replaced(part, standIn[1]) {
			continue
		}
		switch standIn[0] {
		case "default":
			return part
		case "type":
			q.instead[n.get("default")] = "" // it may go with the whole of the type only
		}
		return q.blame(part)
	}
	return n
}

// text is n as JSON, with what was replaced.
func (q *question) text(n *node) string {
	var b strings.Builder
	q.write(&b, n)
	return b.String()
}

func (q *question) write(b *strings.Builder, n *node) {
	if text, ok := q.instead[n]; ok {
		b.WriteString(text)
		return
	}
	switch n.kind {
	case object:
		b.WriteByte('{')
		some := false
		for _, f := range n.fields {
			if text, ok := q.instead[f]; ok && text == "" {
				continue
			}
			if some {
				b.WriteByte(',')
			}
			some = true
			b.WriteString(quoteJSON(f.name) + ":")
			q.write(b, f)
		}
		b.WriteByte('}')
	case array:
		items := n.items
		if some, ok := q.items[n]; ok {
			items = items[:some]
		}
		b.WriteByte('[')
		for i, item := range items {
			if i > 0 {
				b.WriteByte(',')
			}
			q.write(b, item)
		}
		b.WriteByte(']')
	default:
		b.WriteString(literal(n).text)
	}
}
