package wire

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// carry collects the edits for one function.
func (c *carrier) carry(ch change) error {
	fn := c.ours.functions()[ch.name]
	if fn == nil {
		return c.unlessDone(ch, c.noPlace(ch, "has no function "+ch.name))
	}
	names := c.parameters(ch, fn)
	for _, stmt := range ch.removed {
		text, _, err := c.translate(c.base, stmt, names)
		if err != nil {
			return c.unlessDone(ch, c.noPlace(ch, err.Error()))
		}
		if err := c.cut(fn, stmt, text); err != nil {
			return err
		}
	}
	for _, i := range ch.added {
		if err := c.add(ch, fn, i, names); err != nil {
			return err
		}
	}
	return nil
}

// unlessDone returns an error, or nil if the user has done by hand, somewhere in
// the file, what it is about.
func (c *carrier) unlessDone(ch change, err error) error {
	calls := make(map[string]bool)
	ast.Inspect(c.ours.file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			calls[signature(call)] = true
		}
		return true
	})
	done := func(from *source, stmt ast.Stmt, there bool) bool {
		text, _, err := c.translate(from, stmt, nil)
		s := signatureOf(text)
		return err == nil && s != "" && (calls[s] || len(c.elsewhere(from, stmt)) > 0) == there
	}
	for _, i := range ch.added {
		if !done(c.next, ch.next.Body.List[i], true) {
			return err
		}
	}
	for _, stmt := range ch.removed {
		if !done(c.base, stmt, false) {
			return err
		}
	}
	return nil
}

// noPlace is the error of a change that finds no place.
func (c *carrier) noPlace(ch change, reason string) error {
	e := &PlaceError{Reason: reason, Func: ch.name}
	for _, i := range ch.added {
		stmt := ch.next.Body.List[i]
		e.Add = append(e.Add, c.next.text(stmt))
		for _, p := range c.next.importPaths() {
			if uses(stmt, c.next.importName(p)) && c.ours != nil && c.ours.importName(p) == "" && !slices.Contains(e.Imports, p) {
				e.Imports = append(e.Imports, p)
			}
		}
	}
	for _, stmt := range ch.removed {
		e.Cut = append(e.Cut, c.base.text(stmt))
	}
	return e
}

// parameters returns what ours calls the parameters and the receiver of a
// function, by the names that next has for them: those at the same places, or else
// the only ones of the same types. One that ours does not have is "".
func (c *carrier) parameters(ch change, fn *ast.FuncDecl) map[string]string {
	theirs, mine := fields(c.next, ch.next), fields(c.ours, fn)
	names := make(map[string]string)
	for i, p := range theirs {
		if p.name == "_" || p.name == "" {
			continue
		}
		if i < len(mine) && p.typ == mine[i].typ {
			names[p.name] = mine[i].name
			continue
		}
		var same []string
		for _, m := range mine {
			if strings.TrimPrefix(m.typ, "* ") == strings.TrimPrefix(p.typ, "* ") {
				same = append(same, m.name)
			}
		}
		names[p.name] = ""
		if len(same) == 1 {
			names[p.name] = same[0]
		}
	}
	return names
}

type field struct{ name, typ string }

// fields are the receiver and the parameters of a function, their types with
// packages by their paths.
func fields(s *source, fn *ast.FuncDecl) []field {
	var all []field
	for _, list := range []*ast.FieldList{fn.Recv, fn.Type.Params} {
		if list == nil {
			continue
		}
		for _, f := range list.List {
			typ := s.words(f.Type)
			ast.Inspect(f.Type, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := sel.X.(*ast.Ident); ok {
						typ = strings.ReplaceAll(typ, x.Name+" . ", s.imported(x.Name)+" . ")
					}
				}
				return true
			})
			if len(f.Names) == 0 {
				all = append(all, field{"", typ})
			}
			for _, name := range f.Names {
				all = append(all, field{name.Name, typ})
			}
		}
	}
	return all
}

// translate writes a statement with the names that ours has for parameters and
// packages. It returns the paths of packages that ours does not import.
func (c *carrier) translate(from *source, stmt ast.Stmt, names map[string]string) (text string, imports []string, err error) {
	start := from.offset(stmt.Pos())
	var edits []edit
	for _, id := range identifiers(stmt) {
		at := from.offset(id.Pos()) - start
		if name, ok := names[id.Name]; ok {
			if name == "_" || name == "" {
				return "", nil, fmt.Errorf("has no name for the parameter %s", id.Name)
			}
			edits = append(edits, edit{at, at + len(id.Name), name})
			continue
		}
		p := from.imported(id.Name)
		if p == "" {
			continue
		}
		name := c.ours.importName(p)
		if name == "" {
			imports = append(imports, p)
			if other := c.ours.imported(id.Name); other != "" {
				return "", nil, fmt.Errorf("calls %s %s", other, id.Name)
			}
			continue
		}
		edits = append(edits, edit{at, at + len(id.Name), name})
	}
	return string(apply([]byte(from.text(stmt)), edits)), imports, nil
}

// identifiers are those below a node that are no name of a field, a method or a
// package's member.
func identifiers(n ast.Node) []*ast.Ident {
	members := make(map[*ast.Ident]bool)
	var all []*ast.Ident
	ast.Inspect(n, func(n ast.Node) bool { // parents come first
		switch n := n.(type) {
		case *ast.SelectorExpr:
			members[n.Sel] = true
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok {
				members[key] = true
			}
		case *ast.Ident:
			if !members[n] {
				all = append(all, n)
			}
		}
		return true
	})
	return all
}

// uses reports whether a name stands somewhere below a node.
func uses(n ast.Node, name string) bool {
	return slices.ContainsFunc(identifiers(n), func(id *ast.Ident) bool { return id.Name == name })
}

// Has reports whether a Go file has a function, as PlaceError.Func names it.
func Has(src []byte, function string) bool {
	s, err := parse(src)
	return err == nil && s.functions()[function] != nil
}
