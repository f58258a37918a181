package rename

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Words are what a topic is called in texts, and what it is called now.
type Words struct {
	Texts  map[string]string // whole texts, and what to write in their place
	Topic  string
	Others []string // other topics, whose names may begin in the same way
	Files  []string // names of files that are called after the topic
}

// Literals finds the texts in a Go file that are one of some, and says what to
// write in their place, and those in which the topic is one word of more.
func (w Words) Literals(name string, src []byte) []Place {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, "", src, parser.SkipObjectResolution)
	if err != nil {
		return w.Lines(name, src)
	}
	var found []Place
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			if n.Tag != nil {
				n.Tag.Value = "``"
			}
		case *ast.BasicLit:
			text, err := strconv.Unquote(n.Value)
			if err != nil || n.Kind != token.STRING {
				return true
			}
			line := fset.PositionFor(n.Pos(), false).Line
			if with, ok := w.Texts[text]; ok {
				found = append(found, Place{name, line, fmt.Sprintf("%q: write %q if it is what has been renamed", text, with)})
				return true
			}
			for _, p := range w.Lines(name, []byte(text)) {
				found = append(found, Place{name, line + p.Line - 1, p.Text})
			}
		}
		return true
	})
	return found
}

// Comments finds the lines of a Go file's comments in which the topic is a word, or
// one of some identifiers, and says what that is called now. Comments are prose: the
// same word may mean something else there, so that they are shown and not edited. In
// a file that has nothing to do with what declares them, an identifier that may be a
// word of English counts only where it is written as one of Go.
func (w Words) Comments(name string, src []byte, identifiers map[string]string, isConcerned bool) []Place {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, "", src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil // Literals has shown all its lines
	}
	var found []Place
	for _, group := range tree.Comments {
		for _, c := range group.List {
			first := fset.PositionFor(c.Pos(), false).Line
			for i, line := range lines([]byte(c.Text)) {
				old := identifierIn(line, identifiers, isConcerned)
				switch {
				case old != "":
					found = append(found, Place{name, first + i, fmt.Sprintf("%s; %s is %s now", shown(line, old), old, identifiers[old])})
				case w.isIn(line):
					found = append(found, Place{name, first + i, shown(line, w.Topic)})
				}
			}
		}
	}
	return found
}

// identifierIn returns the first of some identifiers that a line of a comment names, or "".
func identifierIn(line string, identifiers map[string]string, isConcerned bool) string {
	for _, at := range anIdentifier.FindAllStringIndex(line, -1) {
		word := line[at[0]:at[1]]
		isGo := strings.ContainsFunc(word[1:], unicode.IsUpper) || ofIdentifier.MatchString(line[:at[0]]) || aMember.MatchString(line[at[1]:])
		if identifiers[word] != "" && (isConcerned || isGo) {
			return word
		}
	}
	return ""
}

// Lines finds the lines of a text in which the topic is a word, or the name of a file.
func (w Words) Lines(name string, src []byte) []Place {
	if w.Topic == "" || bytes.IndexByte(src, 0) >= 0 {
		return nil
	}
	var found []Place
	for i, line := range lines(src) {
		if w.isIn(line) {
			found = append(found, Place{name, i + 1, shown(line, w.Topic)})
		}
	}
	return found
}

// isIn reports whether the topic is in a line, and is no part of another name.
func (w Words) isIn(line string) bool {
	for _, word := range aWord.FindAllString(line, -1) {
		word = strings.TrimRight(word, ".-")
		if slices.Contains(w.Files, word) {
			return true
		}
		rest, ok := strings.CutPrefix(word, w.Topic)
		if !ok || !ofTopic.MatchString(rest) {
			continue
		}
		isOther := false
		for _, other := range w.Others {
			isOther = isOther || word == other || strings.HasPrefix(word, other+".")
		}
		if !isOther {
			return true
		}
	}
	return false
}

var (
	anIdentifier = regexp.MustCompile(`[\pL\pN_]+`)
	ofIdentifier = regexp.MustCompile("(^|[^.])([\\pL\\pN_]\\.|[\\[`*&])$") // models.Order, [Order], *Order
	aMember      = regexp.MustCompile(`^(\.\pL|\(|\{)`)                     // Orders.Handle, NewOrders()

	aWord   = regexp.MustCompile(`[\pL\pN_.-]+`)
	ofTopic = regexp.MustCompile(`^(_test)?(\.\w+)*$`) // orders, orders.dlq, orders_test.go
)
