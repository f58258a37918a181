package wire

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"strconv"
	"strings"
)

// Imports returns the paths that a Go file imports. Of one that does not parse, be it for
// a conflict's markers, all strings count.
func Imports(src []byte) (paths []string) {
	file, err := parser.ParseFile(token.NewFileSet(), "", src, parser.ImportsOnly)
	if err == nil && bytes.Count(src, []byte("import")) > len(file.Decls) { // there may be more, behind what does not parse
		file, err = parser.ParseFile(token.NewFileSet(), "", src, parser.SkipObjectResolution)
	}
	if err != nil {
		return stringsOf(src)
	}
	for _, spec := range file.Imports {
		paths = append(paths, importPath(spec))
	}
	return paths
}

// stringsOf returns the strings in a text that is almost Go.
func stringsOf(src []byte) (all []string) {
	var s scanner.Scanner
	s.Init(token.NewFileSet().AddFile("", -1, len(src)), src, nil, 0)
	for {
		switch _, tok, lit := s.Scan(); tok {
		case token.EOF:
			return all
		case token.STRING:
			if text, err := strconv.Unquote(lit); err == nil {
				all = append(all, text)
			}
		}
	}
}

// addImport is the edit that imports a package, beside those whose paths are the
// most alike.
func (s *source) addImport(path string) edit {
	var best *ast.ImportSpec
	for _, spec := range s.file.Imports {
		if best == nil || shared(importPath(spec), path) > shared(importPath(best), path) ||
			shared(importPath(spec), path) == shared(importPath(best), path) && importPath(spec) < path {
			best = spec
		}
	}
	line := strconv.Quote(path)
	if best == nil {
		at := s.lineEnd(s.offset(s.file.Name.End()))
		return edit{at, at, s.newline() + s.newline() + "import " + line}
	}
	start := s.lineStart(s.offset(best.Pos()))
	indent := string(s.src[start:s.offset(best.Pos())])
	end := s.lineEnd(s.offset(best.End()))
	switch {
	case strings.TrimSpace(indent) != "": // import "x"
		at := s.offset(best.End())
		return edit{at, at, s.newline() + "import " + line}
	case importPath(best) < path:
		if end > 0 && s.src[end-1] == '\r' {
			end--
		}
		return edit{end, end, s.newline() + indent + line}
	}
	return edit{start, start, indent + line + s.newline()}
}

// shared counts the elements at the beginning of two paths that are the same.
func shared(a, b string) int {
	x, y := strings.Split(a, "/"), strings.Split(b, "/")
	n := 0
	for n < len(x) && n < len(y) && x[n] == y[n] {
		n++
	}
	return n
}

// dropImport is the edit that takes out an import that nothing uses.
func (s *source) dropImport(path string) (edit, bool) {
	name := s.importName(path)
	used := false
	var spec *ast.ImportSpec
	var decl *ast.GenDecl
	for _, d := range s.file.Decls {
		if gen, ok := d.(*ast.GenDecl); ok {
			for _, one := range gen.Specs {
				if imp, ok := one.(*ast.ImportSpec); ok && importPath(imp) == path {
					spec, decl = imp, gen
				}
			}
		}
		ast.Inspect(d, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				x, ok := sel.X.(*ast.Ident)
				used = used || ok && x.Name == name
			}
			return true
		})
	}
	if used || spec == nil {
		return edit{}, false
	}
	from, to := spec.Pos(), spec.End()
	if !decl.Lparen.IsValid() || len(decl.Specs) == 1 {
		from, to = decl.Pos(), decl.End()
	}
	start, end := s.offset(from), s.offset(to)
	if strings.TrimSpace(string(s.src[s.lineStart(start):start])+string(s.src[end:s.lineEnd(end)])) != "" { // a comment stays
		return edit{start, end, ""}, true
	}
	return edit{s.lineStart(start), min(s.lineEnd(end)+1, len(s.src)), ""}, true
}
