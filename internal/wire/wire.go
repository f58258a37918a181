// Package wire carries what forge changes in a Go file over to that file as its
// user has edited it: statements of functions, and the imports that they need.
// It finds the places in the syntax tree and edits bytes, so that comments and
// layout survive. It writes no file.
package wire

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"slices"
)

// ErrOther says that the change is more than statements of functions and their
// imports, or is one of a statement that the user has changed.
var ErrOther = errors.New("the change is more than statements and imports")

// PlaceError says that the place of a change is not there any more, or is changed
// beyond recognition.
type PlaceError struct {
	Reason  string   // to follow the file's name
	Func    string   // the function that the statements belong to
	Imports []string // paths to import
	Add     []string // statements to put in
	Cut     []string // statements to take out
}

// Error says what is not as it was.
func (e *PlaceError) Error() string { return e.Reason }

// Left is a statement that should go, but is not as forge wrote it.
type Left struct {
	File string // empty for the file itself
	Line int
	Text string
}

// Carry returns ours with what is different from base to next. What is there
// already, in ours or in the other files of its package, is not put in again, and
// what is gone already is not missed. Statements that the user changed, or moved to
// another file, are left, and named. It fails with ErrOther, with a *PlaceError, or
// because a file is no Go; other files that are none are passed over.
func Carry(base, next, ours []byte, others map[string][]byte) (out []byte, left []Left, err error) {
	b, err := parse(base)
	if err != nil {
		return nil, nil, err
	}
	n, err := parse(next)
	if err != nil {
		return nil, nil, err
	}
	changes, err := difference(b, n)
	if err != nil {
		return nil, nil, err
	}
	o, err := parse(ours)
	if err != nil {
		return nil, nil, &PlaceError{Reason: fmt.Sprintf("does not parse as Go: %v", err)}
	}
	c := carrier{base: b, next: n, ours: o, others: make(map[string]*source)}
	for name, text := range others {
		if other, err := parse(text); err == nil {
			c.others[name] = other
		}
	}
	for _, change := range changes {
		if err := c.carry(change); err != nil {
			return nil, nil, err
		}
	}
	out, err = c.result(ours)
	return out, c.left, err
}

// carrier collects the edits that make of ours what is wanted.
type carrier struct {
	base, next, ours *source
	others           map[string]*source // the other files of ours' package, by name
	edits            []edit
	imports          []string // paths that the new statements need
	left             []Left
	inline           bool // a line got more than one statement, which gofmt would take apart
}

// edit puts text in the place of the bytes from start to end.
type edit struct {
	start, end int
	text       string
}

// result applies the edits to ours. A file that gofmt has formatted stays one.
func (c *carrier) result(ours []byte) ([]byte, error) {
	if len(c.edits) == 0 && len(c.imports) == 0 && c.droppable() == nil {
		return ours, nil
	}
	out, err := parse(apply(ours, c.edits))
	if err != nil {
		return nil, &PlaceError{Reason: fmt.Sprintf("would not parse as Go: %v", err)}
	}
	var more []edit
	for _, path := range c.imports {
		if out.importName(path) == "" {
			more = append(more, out.addImport(path))
		}
	}
	for _, path := range c.droppable() {
		if e, ok := out.dropImport(path); ok {
			more = append(more, e)
		}
	}
	text := apply(out.src, more)
	if formatted, err := format.Source(ours); err == nil && bytes.Equal(formatted, ours) && !c.inline {
		return format.Source(text)
	}
	_, err = parse(text)
	return text, err
}

// droppable are the imports that base has and next has not.
func (c *carrier) droppable() []string {
	var paths []string
	for _, path := range c.base.importPaths() {
		if !slices.Contains(c.next.importPaths(), path) && c.ours.importName(path) != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

// apply edits src. Edits of the same place stay in their order.
func apply(src []byte, edits []edit) []byte {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b edit) int { return a.start - b.start })
	var out bytes.Buffer
	done := 0
	for _, e := range edits {
		if e.start < done {
			continue // it is in what another takes out
		}
		out.Write(src[done:e.start])
		out.WriteString(e.text)
		done = e.end
	}
	out.Write(src[done:])
	return out.Bytes()
}
