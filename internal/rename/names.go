package rename

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strings"
)

// renameNames renames what a file declares and uses.
func (r *renamer) renameNames(f *file, g *group) {
	imported := r.imported(f)
	names := maps.Clone(g.names) // those that stand without a package's name before them
	kinds := make(map[string]token.Token)
	for old := range names {
		kinds[old] = g.declares[old].kind
	}
	for _, other := range imported["."] {
		for _, old := range slices.Sorted(maps.Keys(other.names)) {
			now := other.names[old]
			if p, ok := g.declares[now]; ok {
				r.problem(p.file, p.pos, hintTaken, "declares %s, which is what %s would be called", now, old)
			}
			names[old], kinds[old] = now, other.declares[old].kind
		}
	}
	for _, d := range f.tree.Decls {
		r.renameIn(f, d, names, kinds, imported)
		r.renameComment(f, d, names)
	}
}

// renameIn renames in one declaration.
func (r *renamer) renameIn(f *file, d ast.Decl, names map[string]string, kinds map[string]token.Token, imported map[string][]*group) {
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			now := names[n.Name]
			switch {
			case now == "" || f.isLocal(n):
			case f.isKey(n):
				r.renameKey(f, n, now, kinds[n.Name])
			case !f.skipped[n]:
				f.replace(n.Pos(), n.Name, now)
			}
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && !f.isDeclared(x) {
				for _, other := range imported[x.Name] {
					if now := other.names[n.Sel.Name]; now != "" {
						f.replace(n.Sel.Pos(), n.Sel.Name, now)
					}
				}
			}
		case *ast.StructType:
			r.noteEmbedded(f, n, names, imported)
		}
		return true
	})
	isNew := slices.Collect(maps.Values(names))
	ast.Inspect(d, func(n ast.Node) bool { // a new name that comes from elsewhere already
		if id, ok := n.(*ast.Ident); ok && !f.skipped[id] && !f.isDeclared(id) && names[id.Name] == "" && slices.Contains(isNew, id.Name) {
			r.problem(f, id.Pos(), hintTaken, "already uses %s for something else", id.Name)
		}
		return true
	})
}

// checkScopes looks whether each name of a file refers to what it did before.
func (r *renamer) checkScopes(f *file) {
	if len(f.edits) == 0 {
		return
	}
	after, err := parser.ParseFile(token.NewFileSet(), "", Apply(f.src, f.edits), parser.ParseComments)
	if err != nil {
		r.problems = append(r.problems, Problem{Place{f.path, 0, "would not parse as Go: " + err.Error()}, hintTaken})
		return
	}
	was, is := identifiers(f.tree), identifiers(after)
	same := map[*ast.Object]*ast.Object{nil: nil} //nolint:staticcheck // see isDeclared
	for i, id := range was {
		if f.isKey(id) {
			continue
		}
		if _, known := same[id.Obj]; !known {
			same[id.Obj] = is[i].Obj
		}
		if same[id.Obj] != is[i].Obj {
			r.problem(f, id.Pos(), hintTaken, "already uses %s for something else", is[i].Name)
		}
	}
}

// identifiers are those of a file, in their order.
func identifiers(tree *ast.File) []*ast.Ident {
	var all []*ast.Ident
	ast.Inspect(tree, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			all = append(all, id)
		}
		return true
	})
	return all
}

func (f *file) isKey(id *ast.Ident) bool {
	_, ok := f.keys[id]
	return ok
}

// isDeclared reports whether a file declares what an identifier refers to. go/types
// would need all packages built; what a scope of a file declares the parser knows.
func (f *file) isDeclared(id *ast.Ident) bool { return id.Obj != nil }

// isLocal reports whether that is declared below package level.
func (f *file) isLocal(id *ast.Ident) bool {
	return f.isDeclared(id) && f.tree.Scope.Objects[id.Name] != id.Obj
}

// renameKey renames a key in a composite literal: of a map or an array it is a
// variable, of a struct a field, which has its own name.
func (r *renamer) renameKey(f *file, key *ast.Ident, now string, kind token.Token) {
	if kind == token.TYPE || kind == token.FUNC {
		return
	}
	_, isStruct := f.keys[key].(*ast.StructType)
	switch {
	case isIndexed(f.keys[key]):
		f.replace(key.Pos(), key.Name, now)
	case !isStruct:
		r.problem(f, key.Pos(), hintKey, "has the key %s, of which forge cannot tell whether it is a field", key.Name)
	}
}

// noteEmbedded notes what a struct embeds: the field is called as the type.
func (r *renamer) noteEmbedded(f *file, s *ast.StructType, names map[string]string, imported map[string][]*group) {
	for _, field := range s.Fields.List {
		if len(field.Names) > 0 {
			continue
		}
		typ := field.Type
		if star, ok := typ.(*ast.StarExpr); ok {
			typ = star.X
		}
		old, now := "", ""
		switch typ := typ.(type) {
		case *ast.Ident:
			old, now = typ.Name, names[typ.Name]
		case *ast.SelectorExpr:
			x, ok := typ.X.(*ast.Ident)
			if !ok || f.isDeclared(x) {
				continue
			}
			for _, other := range imported[x.Name] {
				old, now = typ.Sel.Name, other.names[typ.Sel.Name]
			}
		}
		if now == "" {
			continue
		}
		r.embedded[old] = place{file: f, pos: field.Pos()}
		for _, other := range s.Fields.List {
			for _, id := range other.Names {
				if id.Name == now {
					r.problem(f, id.Pos(), hintField, "has a field %s beside the embedded %s, which would be called so", now, old)
				}
			}
		}
	}
}

// checkFields looks for uses of fields that are called after embedded types: of
// which struct they are is not known.
func (r *renamer) checkFields() {
	if len(r.embedded) == 0 {
		return
	}
	found := func(f *file, id *ast.Ident) {
		if e, ok := r.embedded[id.Name]; ok {
			r.problem(f, id.Pos(), hintField, "uses a field %s, and %s:%d embeds the type: the field would get another name", id.Name, e.file.path, e.file.line(e.pos))
		}
	}
	for _, f := range r.files {
		packages := make(map[string]bool)
		for _, spec := range f.tree.Imports {
			packages[importName(spec)] = true
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				x, isName := sel.X.(*ast.Ident)
				if !isName || f.isDeclared(x) || !packages[x.Name] && len(r.imported(f)[x.Name]) == 0 {
					found(f, sel.Sel)
				}
			}
			return true
		})
		for _, key := range slices.SortedFunc(maps.Keys(f.keys), func(a, b *ast.Ident) int { return int(a.Pos() - b.Pos()) }) {
			if !isIndexed(f.keys[key]) {
				found(f, key)
			}
		}
	}
}

// renameComment renames what a comment begins with, if it is what it explains.
func (r *renamer) renameComment(f *file, d ast.Decl, names map[string]string) {
	explain := func(doc *ast.CommentGroup, id *ast.Ident) {
		if doc == nil || names[id.Name] == "" || f.isLocal(id) || f.skipped[id] {
			return
		}
		text, ok := strings.CutPrefix(doc.List[0].Text, "// "+id.Name)
		if ok && (text == "" || !isWordByte(text[0])) {
			f.replace(doc.List[0].Pos()+3, id.Name, names[id.Name])
		}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		explain(d.Doc, d.Name)
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			if t, ok := spec.(*ast.TypeSpec); ok {
				explain(t.Doc, t.Name)
				if len(d.Specs) == 1 {
					explain(d.Doc, t.Name)
				}
			}
		}
	}
}

func isWordByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= 0x80
}
