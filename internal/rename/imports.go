package rename

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
)

// Imports returns the edits that replace a module's path in a Go file's imports.
// isOther tells of paths below it that are other modules'.
func Imports(src []byte, from, to string, isOther func(path string) bool) ([]Edit, error) {
	if !bytes.Contains(src, []byte(from)) {
		return nil, nil
	}
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, "", src, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var edits []Edit
	for _, spec := range tree.Imports {
		if p, ok := moved(spec, from, to, isOther); ok {
			at := fset.PositionFor(spec.Path.Pos(), false).Offset
			quote := spec.Path.Value[:1]
			edits = append(edits, Edit{at, at + len(spec.Path.Value), quote + p + quote})
		}
	}
	return edits, nil
}

// moved is the new path of an import, if it gets one.
func moved(spec *ast.ImportSpec, from, to string, isOther func(path string) bool) (string, bool) {
	p, err := strconv.Unquote(spec.Path.Value)
	rest, ok := strings.CutPrefix(p, from)
	if err != nil || !ok || rest != "" && rest[0] != '/' || isOther(p) {
		return "", false
	}
	return to + rest, true
}

// GoMod returns the edits that give a go.mod's module another path, also in its
// tools, and the path that it has.
func GoMod(src []byte, to string, isOther func(path string) bool) (edits []Edit, from string, err error) {
	f, err := modfile.Parse("go.mod", src, nil)
	if err != nil || f.Module == nil {
		return nil, "", err
	}
	from = f.Module.Mod.Path
	replace := func(line *modfile.Line, old, with string) {
		start := line.Start.Byte
		if at := bytes.LastIndex(src[start:line.End.Byte], []byte(old)); at >= 0 {
			edits = append(edits, Edit{start + at, start + at + len(old), with})
		}
	}
	replace(f.Module.Syntax, from, to)
	for _, tool := range f.Tool {
		if rest, ok := strings.CutPrefix(tool.Path, from); ok && (rest == "" || rest[0] == '/') && !isOther(tool.Path) {
			replace(tool.Syntax, tool.Path, to+rest)
		}
	}
	return edits, from, nil
}

// Find returns the lines of a text in which one of some words is: an identifier,
// also after a point, or a path or a topic.
func Find(name string, src []byte, words []string) (found []Place) {
	for i, line := range lines(src) {
		identifiers := anIdentifier.FindAllString(line, -1)
		for _, word := range words {
			if slices.Contains(identifiers, word) || !token.IsIdentifier(word) && names(line, word) {
				found = append(found, Place{name, i + 1, shown(line, word)})
				break
			}
		}
	}
	return found
}

// Mentions returns the lines of a text that name a module; of Go that is built
// without its imports.
func Mentions(name string, src []byte, module string, isBuilt bool) []Place {
	if !bytes.Contains(src, []byte(module)) || bytes.IndexByte(src, 0) >= 0 {
		return nil
	}
	if isBuilt {
		src = blankImports(src)
	}
	return Find(name, src, []string{module})
}

// shown is a line, around a word of it, as much as fits beside other words.
func shown(line, word string) string {
	line = strings.TrimSpace(line)
	runes := []rune(line)
	if len(runes) <= 100 {
		return line
	}
	before, _, _ := strings.Cut(line, word)
	start := min(max(len([]rune(before))-40, 0), len(runes)-99)
	text := string(runes[start : start+99])
	if start > 0 {
		text = "…" + text
	}
	if start+99 < len(runes) {
		text += "…"
	}
	return text
}

// blankImports takes the imports out of a Go file.
func blankImports(src []byte) []byte {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, "", src, parser.ImportsOnly)
	if err != nil {
		return src
	}
	blank := bytes.Clone(src)
	for _, spec := range tree.Imports {
		at := fset.PositionFor(spec.Path.Pos(), false).Offset
		for i := range spec.Path.Value {
			blank[at+i] = ' '
		}
	}
	return blank
}

// names reports whether a line has a module's path in it, and not as a part of a
// longer word.
func names(line, module string) bool {
	for rest := line; ; {
		before, after, ok := strings.Cut(rest, module)
		if !ok {
			return false
		}
		isWord := before != "" && (isWordByte(before[len(before)-1]) || strings.HasSuffix(before, "-") || strings.HasSuffix(before, "."))
		goesOn := after != "" && (isWordByte(after[0]) || after[0] == '-' || after[0] == '.' && len(after) > 1 && isWordByte(after[1]))
		if !isWord && !goesOn {
			return true
		}
		rest = after
	}
}
