package wire

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// source is a Go file and its syntax tree.
type source struct {
	src  []byte
	fset *token.FileSet
	file *ast.File
}

func parse(src []byte) (*source, error) {
	s := &source{src: src, fset: token.NewFileSet()}
	var err error
	s.file, err = parser.ParseFile(s.fset, "", src, parser.ParseComments|parser.SkipObjectResolution)
	return s, err
}

func (s *source) offset(p token.Pos) int { return s.fset.PositionFor(p, false).Offset }
func (s *source) line(p token.Pos) int   { return s.fset.PositionFor(p, false).Line }

func (s *source) text(n ast.Node) string {
	return string(s.src[s.offset(n.Pos()):s.offset(n.End())])
}

// words are the tokens of a text, without its comments and layout: texts that
// mean the same have the same.
func words(text string) string {
	var b strings.Builder
	var sc scanner.Scanner
	src := []byte(text)
	sc.Init(token.NewFileSet().AddFile("", -1, len(src)), src, nil, 0)
	for {
		switch _, tok, lit := sc.Scan(); {
		case tok == token.EOF:
			return strings.TrimRight(b.String(), " ;")
		case tok == token.SEMICOLON:
			b.WriteString("; ")
		case lit != "":
			b.WriteString(lit + " ")
		default:
			b.WriteString(tok.String() + " ")
		}
	}
}

func (s *source) words(n ast.Node) string { return words(s.text(n)) }

// lineStart and lineEnd are where the line with the byte at begins, and where it
// ends, before its line break.
func (s *source) lineStart(at int) int { return bytes.LastIndexByte(s.src[:at], '\n') + 1 }

func (s *source) lineEnd(at int) int {
	if n := bytes.IndexByte(s.src[at:], '\n'); n >= 0 {
		return at + n
	}
	return len(s.src)
}

// newline is how the file ends its lines.
func (s *source) newline() string {
	if bytes.Contains(s.src, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}

// trailing is what follows a statement on its last line, a comment or nothing.
func (s *source) trailing(n ast.Node) string {
	end := s.offset(n.End())
	return strings.TrimSpace(string(s.src[end:s.lineEnd(end)]))
}

// hasComment reports whether a comment is inside of a node.
func (s *source) hasComment(n ast.Node) bool {
	for _, group := range s.file.Comments {
		if n.Pos() <= group.Pos() && group.End() <= n.End() {
			return true
		}
	}
	return false
}

// functions are those with a body, by their names; methods have their type's
// name before theirs.
func (s *source) functions() map[string]*ast.FuncDecl {
	all := make(map[string]*ast.FuncDecl)
	for _, d := range s.file.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			all[s.funcName(fn)] = fn
		}
	}
	return all
}

func (s *source) funcName(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return fn.Name.Name
	}
	return strings.TrimPrefix(s.words(fn.Recv.List[0].Type), "* ") + "." + fn.Name.Name
}

func importPath(spec *ast.ImportSpec) string {
	p, _ := strconv.Unquote(spec.Path.Value) // the parser has done so before
	return p
}

func (s *source) importPaths() []string {
	var paths []string
	for _, spec := range s.file.Imports {
		paths = append(paths, importPath(spec))
	}
	return paths
}

var version = regexp.MustCompile(`^v[0-9]+$`)

// packageName is what a package is probably called.
func packageName(importPath string) string {
	base := path.Base(importPath)
	if version.MatchString(base) && path.Dir(importPath) != "." {
		base = path.Base(path.Dir(importPath))
	}
	return base
}

// importName is what the file calls an imported package, or "".
func (s *source) importName(p string) string {
	for _, spec := range s.file.Imports {
		if importPath(spec) != p {
			continue
		}
		if spec.Name == nil {
			return packageName(p)
		}
		if spec.Name.Name != "_" && spec.Name.Name != "." {
			return spec.Name.Name
		}
	}
	return ""
}

// imported is the path of what the file imports by a name, or "".
func (s *source) imported(name string) string {
	for _, spec := range s.file.Imports {
		if p := importPath(spec); s.importName(p) == name {
			return p
		}
	}
	return ""
}
