package wire

import (
	"go/ast"
	"go/token"
	"maps"
)

// Names are what a Go file declares for its package, and what it uses of its own
// package and of others, each with the line of its first use.
type Names struct {
	Package  string
	Declared []string
	Used     map[string]int            // any name, of which some may be local
	Imported map[string]map[string]int // by the path of the package; "" is the import itself
	Embedded []string                  // patterns of //go:embed, without all:
	Members  []Member                  // exported methods, and fields of structs
	Selected map[string]int            // names after a point, of which some may be other packages'
	OfParams []Selection               // those of them that are after a parameter whose type is another package's: not in Selected
}

// Selection is a name after a parameter, with that one's package and type.
type Selection struct {
	Package, Type, Name string
	Line                int
}

// Member is a method or a field of a type, with its own type.
type Member struct{ Type, Name, Is string }

// NamesOf reads the names of a Go file.
func NamesOf(src []byte) (Names, error) {
	s, err := parse(src)
	if err != nil {
		return Names{}, err
	}
	n := Names{Package: s.file.Name.Name, Used: make(map[string]int), Imported: make(map[string]map[string]int), Selected: make(map[string]int)}
	for _, spec := range s.file.Imports {
		n.Imported[importPath(spec)] = map[string]int{"": s.line(spec.Pos())}
	}
	for _, d := range s.file.Decls {
		n.Declared = append(n.Declared, declared(d)...)
		n.Members = append(n.Members, s.members(d)...)
		if gen, ok := d.(*ast.GenDecl); ok && gen.Tok == token.IMPORT {
			continue
		}
		for _, id := range identifiers(d) {
			if n.Used[id.Name] == 0 {
				n.Used[id.Name] = s.line(id.Pos())
			}
		}
		n.OfParams = append(n.OfParams, n.addSelected(s, d)...)
	}
	n.useDotImports(s.file)
	for _, group := range s.file.Comments {
		for _, c := range group.List {
			for _, p := range EmbedPatterns(c.Text) {
				n.Embedded = append(n.Embedded, p.Path)
			}
		}
	}
	return n, nil
}

// addSelected adds the names after a point in a declaration, and returns those that are
// after a parameter of another package's type.
func (n Names) addSelected(s *source, d ast.Decl) (all []Selection) {
	params := s.params(d)
	ast.Inspect(d, func(node ast.Node) bool {
		sel, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		name, line := sel.Sel.Name, s.line(sel.Sel.Pos())
		x, isName := sel.X.(*ast.Ident)
		if isName && params[x.Name].Package != "" {
			param := params[x.Name]
			all = append(all, Selection{param.Package, param.Type, name, line})
			return true
		}
		if n.Selected[name] == 0 {
			n.Selected[name] = line
		}
		if isName {
			if names := n.Imported[s.imported(x.Name)]; names != nil && names[name] == 0 {
				names[name] = s.line(sel.Pos())
			}
		}
		return true
	})
	return all
}

// params are the parameters of a function whose types are another package's, and whose
// names mean nothing else in it.
func (s *source) params(d ast.Decl) map[string]Selection {
	all := make(map[string]Selection)
	f, ok := d.(*ast.FuncDecl)
	if !ok {
		return all
	}
	for _, field := range f.Type.Params.List {
		typ := field.Type
		if star, ok := typ.(*ast.StarExpr); ok {
			typ = star.X
		}
		sel, ok := typ.(*ast.SelectorExpr)
		if !ok {
			continue
		}
		pkg, ok := sel.X.(*ast.Ident)
		for _, id := range field.Names {
			if ok {
				all[id.Name] = Selection{Package: s.imported(pkg.Name), Type: sel.Sel.Name}
			}
		}
	}
	if f.Body != nil {
		for _, name := range bound(f.Body) {
			delete(all, name)
		}
	}
	return all
}

// bound are the names that statements give to something.
func bound(body ast.Node) (all []string) {
	add := func(exprs ...ast.Expr) {
		for _, e := range exprs {
			if id, ok := e.(*ast.Ident); ok {
				all = append(all, id.Name)
			}
		}
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			add(n.Lhs...)
		case *ast.RangeStmt:
			add(n.Key, n.Value)
		case *ast.ValueSpec:
			for _, id := range n.Names {
				add(id)
			}
		case *ast.Field: // of a function in it
			for _, id := range n.Names {
				add(id)
			}
		}
		return true
	})
	return all
}

// useDotImports takes any name for one of each package whose names have no prefix.
func (n Names) useDotImports(file *ast.File) {
	for _, spec := range file.Imports {
		if spec.Name != nil && spec.Name.Name == "." {
			maps.Copy(n.Imported[importPath(spec)], n.Used)
		}
	}
}

// members are the exported methods and fields that a declaration gives to types.
func (s *source) members(d ast.Decl) (all []Member) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv != nil && d.Name.IsExported() {
			all = append(all, Member{receiver(d.Recv.List[0].Type), d.Name.Name, s.words(d.Type)})
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			typ, ok := spec.(*ast.TypeSpec)
			if !ok {
				continue
			}
			fields, ok := typ.Type.(*ast.StructType)
			if !ok {
				continue
			}
			for _, field := range fields.Fields.List {
				for _, id := range field.Names {
					if id.IsExported() {
						all = append(all, Member{typ.Name.Name, id.Name, s.words(field.Type)})
					}
				}
			}
		}
	}
	return all
}

// receiver is the name of a method's type.
func receiver(typ ast.Expr) string {
	switch typ := typ.(type) {
	case *ast.StarExpr:
		return receiver(typ.X)
	case *ast.IndexExpr:
		return receiver(typ.X)
	case *ast.IndexListExpr:
		return receiver(typ.X)
	case *ast.Ident:
		return typ.Name
	}
	return ""
}

// declared are the names that a declaration gives to a package. Methods have none.
func declared(d ast.Decl) []string {
	var names []string
	add := func(id *ast.Ident) {
		if id.Name != "_" && id.Name != "init" {
			names = append(names, id.Name)
		}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			add(d.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				add(spec.Name)
			case *ast.ValueSpec:
				for _, id := range spec.Names {
					add(id)
				}
			}
		}
	}
	return names
}
