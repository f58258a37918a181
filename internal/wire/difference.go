package wire

import (
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strings"
)

// change is what is different in a function.
type change struct {
	name       string
	base, next *ast.FuncDecl
	added      []int      // statements, by their places in next's body
	removed    []ast.Stmt // of base
}

// difference returns what is different in functions, or ErrOther if anything
// else is, too. Comments count as nothing.
func difference(base, next *source) ([]change, error) {
	if !slices.Equal(base.declarations(), next.declarations()) {
		return nil, ErrOther
	}
	was, is := base.functions(), next.functions()
	names := slices.Sorted(maps.Keys(is))
	if !slices.Equal(names, slices.Sorted(maps.Keys(was))) {
		return nil, ErrOther
	}
	var changes []change
	for _, name := range names {
		c := change{name: name, base: was[name], next: is[name]}
		if base.words(c.base.Type) != next.words(c.next.Type) {
			return nil, ErrOther
		}
		old, now := base.statements(c.base), next.statements(c.next)
		for i := range missing(now, old) {
			c.added = append(c.added, i)
		}
		for i := range missing(old, now) {
			c.removed = append(c.removed, c.base.Body.List[i])
		}
		slices.Sort(c.added)
		if len(c.added)+len(c.removed) > 0 {
			changes = append(changes, c)
		}
	}
	return changes, nil
}

// declarations are all but functions with a body, and imports.
func (s *source) declarations() []string {
	var all []string
	for _, d := range s.file.Decls {
		gen, ok := d.(*ast.GenDecl)
		if fn, isFunc := d.(*ast.FuncDecl); isFunc && fn.Body == nil || ok && gen.Tok != token.IMPORT {
			all = append(all, s.words(d))
		}
	}
	return all
}

// statements are those of a function's body.
func (s *source) statements(fn *ast.FuncDecl) []string {
	var all []string
	for _, stmt := range fn.Body.List {
		all = append(all, s.words(stmt))
	}
	return all
}

// missing are the places in list of what is not, or not so often, in from.
func missing(list, from []string) map[int]bool {
	count := make(map[string]int)
	for _, s := range from {
		count[s]++
	}
	found := make(map[int]bool)
	for i, s := range list {
		if count[s]--; count[s] < 0 {
			found[i] = true
		}
	}
	return found
}

// signature tells which statement a call is, whatever the user has made of its
// other arguments: the function, and the texts that it is given.
func signature(e ast.Expr) string {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return ""
	}
	name := callee(call.Fun)
	if name == "" {
		return ""
	}
	parts := []string{name}
	for _, arg := range call.Args {
		if lit, ok := arg.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			parts = append(parts, lit.Value)
		}
	}
	return strings.Join(parts, " ")
}

func callee(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		if x := callee(e.X); x != "" {
			return x + "." + e.Sel.Name
		}
	case *ast.IndexExpr:
		return callee(e.X)
	}
	return ""
}

// calleeOf is the function of a signature.
func calleeOf(signature string) string {
	name, _, _ := strings.Cut(signature, " ")
	return name
}

// qualified is a signature with the function's package by its path, so that those
// of different files are the same.
func (s *source) qualified(signature string) string {
	name, rest, ok := strings.Cut(signature, ".")
	if p := s.imported(name); ok && p != "" {
		return p + "." + rest
	}
	return signature
}

// stmtSignature is the signature of a statement that is a call, or "".
func stmtSignature(s ast.Stmt) string {
	if e, ok := s.(*ast.ExprStmt); ok {
		return signature(e.X)
	}
	return ""
}
