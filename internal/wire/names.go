package wire

import (
	"go/ast"
	"go/token"
	"maps"
	"regexp"
	"strings"
)

// Names are what a Go file declares for its package, and what it uses of its own
// package and of others, each with the line of its first use.
type Names struct {
	Package  string
	Declared []string
	Used     map[string]int            // any name, of which some may be local
	Imported map[string]map[string]int // by the path of the package; "" is the import itself
	Embedded []string                  // patterns of //go:embed
}

var embedDirective = regexp.MustCompile(`(?m)^//go:embed (.+)$`)

// NamesOf reads the names of a Go file.
func NamesOf(src []byte) (Names, error) {
	s, err := parse(src)
	if err != nil {
		return Names{}, err
	}
	n := Names{Package: s.file.Name.Name, Used: make(map[string]int), Imported: make(map[string]map[string]int)}
	for _, spec := range s.file.Imports {
		n.Imported[importPath(spec)] = map[string]int{"": s.line(spec.Pos())}
	}
	for _, d := range s.file.Decls {
		n.Declared = append(n.Declared, declared(d)...)
		if gen, ok := d.(*ast.GenDecl); ok && gen.Tok == token.IMPORT {
			continue
		}
		for _, id := range identifiers(d) {
			if n.Used[id.Name] == 0 {
				n.Used[id.Name] = s.line(id.Pos())
			}
		}
		ast.Inspect(d, func(node ast.Node) bool {
			if sel, ok := node.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok {
					if names := n.Imported[s.imported(x.Name)]; names != nil && names[sel.Sel.Name] == 0 {
						names[sel.Sel.Name] = s.line(sel.Pos())
					}
				}
			}
			return true
		})
	}
	n.useDotImports(s.file)
	for _, m := range embedDirective.FindAllSubmatch(src, -1) {
		n.Embedded = append(n.Embedded, strings.Fields(string(m[1]))...)
	}
	return n, nil
}

// useDotImports takes any name for one of each package whose names have no prefix.
func (n Names) useDotImports(file *ast.File) {
	for _, spec := range file.Imports {
		if spec.Name != nil && spec.Name.Name == "." {
			maps.Copy(n.Imported[importPath(spec)], n.Used)
		}
	}
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
