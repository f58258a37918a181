package wire

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
)

// CallsWith returns the lines of a Go file on which a function of the package with the
// given import path is called with a text: as it stands, or as a constant of the file.
// There are none if the file is no Go.
func CallsWith(src []byte, importPath, text string) []int {
	s, err := parse(src)
	if err != nil {
		return nil
	}
	constants := s.constants(text)
	var lines []int
	ast.Inspect(s.file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if x, _ := Called(call.Fun); x == nil || s.imported(x.Name) != importPath {
			return true
		}
		if slices.ContainsFunc(call.Args, func(arg ast.Expr) bool {
			id, isName := arg.(*ast.Ident)
			return isText(arg, text) || isName && constants[id.Name]
		}) {
			lines = append(lines, s.line(call.Pos()))
		}
		return true
	})
	return lines
}

// Called returns the name before the point, a package's or a value's, and the function
// that is called; nil if there is none. The function may have types.
func Called(function ast.Expr) (x *ast.Ident, name string) {
	switch f := function.(type) {
	case *ast.ParenExpr:
		return Called(f.X)
	case *ast.IndexExpr:
		return Called(f.X)
	case *ast.IndexListExpr:
		return Called(f.X)
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			return x, f.Sel.Name
		}
	}
	return nil, ""
}

// constants are the names of the file's constants that are a text.
func (s *source) constants(text string) map[string]bool {
	names := make(map[string]bool)
	for _, d := range s.file.Decls {
		gen, ok := d.(*ast.GenDecl)
		if !ok || gen.Tok != token.CONST {
			continue
		}
		for _, spec := range gen.Specs {
			if v, ok := spec.(*ast.ValueSpec); ok {
				for i := range min(len(v.Names), len(v.Values)) {
					names[v.Names[i].Name] = isText(v.Values[i], text)
				}
			}
		}
	}
	return names
}

// isText reports whether an expression is a text as it stands.
func isText(e ast.Expr, text string) bool {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return false
	}
	value, err := strconv.Unquote(lit.Value)
	return err == nil && value == text
}
