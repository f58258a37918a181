package rename

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Module is a Go module whose topic gets another name.
type Module struct {
	Path     string            // what its packages are imported by
	Files    map[string][]byte // its Go files, by their paths
	Packages []Package
	Texts    Texts
}

// Package is what a directory's files declare, by old names with the new ones.
type Package struct {
	Dir   string
	Names map[string]string
	Tests map[string]string // in files of tests, which may be of a package of their own
}

// Texts are the texts that go with a topic, old and new.
type Texts struct {
	Topic, Type [2]string // Type is the messages' type
	Moved       map[string]string
}

// file is a Go file of the module.
type file struct {
	path  string
	src   []byte
	fset  *token.FileSet
	tree  *ast.File
	edits []Edit

	skipped map[*ast.Ident]bool     // what is no reference to anything
	keys    map[*ast.Ident]ast.Expr // of composite literals, with the types of these; nil if that is not said
}

// group are the files of one package. A directory may have two: that of its tests
// is another one.
type group struct {
	dir, name string
	files     []*file
	declares  map[string]place // what it declares
	names     map[string]string
}

type place struct {
	file *file
	pos  token.Pos
	kind token.Token // TYPE, FUNC, VAR, CONST
}

// renamer collects the edits of a module.
type renamer struct {
	*Module

	files    []*file
	groups   []*group
	embedded map[string]place // types that are embedded somewhere, by their old names
	problems []Problem
}

// Problem is a place that does not let a name be changed, and what to do about it.
type Problem struct {
	Place

	Hint string
}

// What to do about problems.
const (
	hintTaken  = "give what is called so another name first, or choose another topic"
	hintField  = "give the struct a field with a name of its own in the place of the embedded type first"
	hintKey    = "write the literal's type, or the fields without their names, first"
	hintParses = "correct it first"
)

// Rename returns the edits of each file, and the places where it cannot be known
// what a name means, or where the new one means something else.
func (m *Module) Rename() (edits map[string][]Edit, problems []Problem) {
	r := renamer{Module: m, embedded: make(map[string]place)}
	r.parse()
	for _, g := range r.groups {
		r.activate(g)
	}
	for _, g := range r.groups {
		r.checkFree(g)
	}
	for _, g := range r.groups {
		for _, f := range g.files {
			r.renameNames(f, g)
			r.checkScopes(f)
			r.renameTexts(f)
		}
	}
	r.checkFields()
	edits = make(map[string][]Edit)
	for _, f := range r.files {
		if len(f.edits) > 0 {
			edits[f.path] = f.edits
		}
	}
	return edits, r.problems
}

// parse reads the files that can have one of the names in them, old or new.
func (r *renamer) parse() {
	dirs := make(map[string]bool)
	words := make(map[string]bool)
	for _, p := range r.Packages {
		dirs[p.Dir] = true
		for _, names := range []map[string]string{p.Names, p.Tests} {
			for old, now := range names {
				words[old], words[now] = true, true
			}
		}
	}
	for from := range r.Texts.Moved {
		words[path.Base(from)] = true
	}
	for _, names := range [][2]string{r.Texts.Topic, r.Texts.Type} {
		words[names[0]], words[names[1]] = true, true
	}
	delete(words, "")
	byPackage := make(map[string]*group)
	for _, name := range slices.Sorted(maps.Keys(r.Files)) {
		src := r.Files[name]
		if !dirs[path.Dir(name)] && !mentions(src, words) {
			continue
		}
		f := &file{path: name, src: src, fset: token.NewFileSet(), skipped: make(map[*ast.Ident]bool), keys: make(map[*ast.Ident]ast.Expr)}
		var err error
		if f.tree, err = parser.ParseFile(f.fset, "", src, parser.ParseComments); err != nil {
			if mentions(src, words) { // else it has nothing to rename, as one that is empty
				r.problems = append(r.problems, Problem{Place{name, 0, "does not parse as Go: " + err.Error()}, hintParses})
			}
			continue
		}
		f.sort()
		r.files = append(r.files, f)
		key := path.Dir(name) + " " + f.tree.Name.Name
		if byPackage[key] == nil {
			byPackage[key] = &group{dir: path.Dir(name), name: f.tree.Name.Name, declares: make(map[string]place), names: make(map[string]string)}
			r.groups = append(r.groups, byPackage[key])
		}
		byPackage[key].add(f)
	}
}

// mentions reports whether one of some words is in a text, not as a part of a longer
// one. An underscore does not make one longer: examples are called after what they
// show.
func mentions(src []byte, words map[string]bool) bool {
	for _, w := range slices.Sorted(maps.Keys(words)) {
		for rest := src; ; {
			i := bytes.Index(rest, []byte(w))
			if i < 0 {
				break
			}
			end := i + len(w)
			isPart := i > 0 && isWordByte(rest[i-1]) && !bytes.HasSuffix(rest[:i], []byte("Example")) || end < len(rest) && isWordByte(rest[end]) && rest[end] != '_'
			if !isPart {
				return true
			}
			rest = rest[end:]
		}
	}
	return false
}

// sort tells the identifiers that refer to something from those that do not.
func (f *file) sort() {
	f.skipped[f.tree.Name] = true
	types := make(map[*ast.CompositeLit]ast.Expr) // of literals that leave theirs to the one around
	ast.Inspect(f.tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			f.skipped[n.Sel] = true
		case *ast.ImportSpec:
			f.skipped[n.Name] = true
		case *ast.FuncDecl:
			f.skipped[n.Name] = n.Recv != nil
		case *ast.LabeledStmt:
			f.skipped[n.Label] = true
		case *ast.BranchStmt:
			f.skipped[n.Label] = true
		case *ast.CompositeLit:
			typ := types[n]
			if n.Type != nil {
				typ = n.Type
			}
			for _, e := range n.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok {
					if key, ok := kv.Key.(*ast.Ident); ok {
						f.skipped[key] = true
						f.keys[key] = typ
					}
					e = kv.Value
				}
				if inner, ok := e.(*ast.CompositeLit); ok {
					types[inner] = element(typ)
				}
			}
		}
		return true
	})
}

// element is the type of what is in a literal of a type, nil if that does not say it.
func element(typ ast.Expr) ast.Expr {
	switch typ := typ.(type) {
	case *ast.MapType:
		return typ.Value
	case *ast.ArrayType:
		return typ.Elt
	}
	return nil
}

// isIndexed reports whether a literal's keys are those of a map or an array.
func isIndexed(typ ast.Expr) bool { return element(typ) != nil }

func (f *file) line(pos token.Pos) int { return f.fset.PositionFor(pos, false).Line }

func (f *file) replace(pos token.Pos, old, with string) {
	at := f.fset.PositionFor(pos, false).Offset
	f.edits = append(f.edits, Edit{at, at + len(old), with})
}

func (r *renamer) problem(f *file, pos token.Pos, hint, format string, args ...any) {
	p := Problem{Place{f.path, f.line(pos), fmt.Sprintf(format, args...)}, hint}
	if !slices.Contains(r.problems, p) {
		r.problems = append(r.problems, p)
	}
}

// add takes a file and what it declares into the group.
func (g *group) add(f *file) {
	g.files = append(g.files, f)
	for _, d := range f.tree.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				g.declares[d.Name.Name] = place{f, d.Name.Pos(), token.FUNC}
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					g.declares[spec.Name.Name] = place{f, spec.Name.Pos(), token.TYPE}
				case *ast.ValueSpec:
					for _, id := range spec.Names {
						g.declares[id.Name] = place{f, id.Pos(), d.Tok}
					}
				}
			}
		}
	}
}

// activate finds which names a package has. What its user has given another name
// keeps that.
func (r *renamer) activate(g *group) {
	for _, p := range r.Packages {
		if p.Dir != g.dir {
			continue
		}
		isTests := strings.HasSuffix(g.name, "_test")
		all := maps.Clone(p.Tests)
		if all == nil {
			all = make(map[string]string)
		}
		if !isTests {
			maps.Copy(all, p.Names)
		}
		for name := range g.declares { // go vet wants examples to be called after what they show
			for old, now := range p.Names {
				if rest, ok := strings.CutPrefix(name, "Example"+old); ok && (rest == "" || rest[0] == '_') {
					all[name] = "Example" + now + rest
				}
			}
		}
		for old, now := range all {
			if _, ok := g.declares[old]; ok && old != now {
				g.names[old] = now
			}
		}
	}
}

// checkFree looks whether the new names are free.
func (r *renamer) checkFree(g *group) {
	for _, old := range slices.Sorted(maps.Keys(g.names)) {
		now := g.names[old]
		if other, ok := g.declares[now]; ok && g.names[now] == "" {
			r.problem(other.file, other.pos, hintTaken, "declares %s, which is what %s would be called", now, old)
		}
	}
}

// exported returns the package of a directory that others import. A file that is
// never built with the others may have another one; nothing of that is renamed.
func (r *renamer) exported(dir string) (found *group) {
	for _, g := range r.groups {
		if g.dir == dir && !strings.HasSuffix(g.name, "_test") && (found == nil || len(g.names) > 0) {
			found = g
		}
	}
	return found
}

// imported returns the packages with other names that a file imports, by what it
// calls them; "." stands for all that it imports without a name.
func (r *renamer) imported(f *file) map[string][]*group {
	found := make(map[string][]*group)
	for _, spec := range f.tree.Imports {
		dir, ok := r.dirOf(spec)
		if !ok {
			continue
		}
		g := r.exported(dir)
		if g == nil || len(g.names) == 0 {
			continue
		}
		name := g.name
		if spec.Name != nil {
			name = spec.Name.Name
		}
		found[name] = append(found[name], g)
	}
	return found
}

// dirOf is the directory of the module that a file imports.
func (r *renamer) dirOf(spec *ast.ImportSpec) (string, bool) {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return "", false
	}
	if p == r.Path {
		return ".", true
	}
	return strings.CutPrefix(p, r.Path+"/")
}
