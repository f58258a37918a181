package update

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/ouroboros-forge/forge/internal/plan"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/release"
)

// sources calls do for each Go file that is not managed and can be parsed.
func (p *planner) sources(do func(name string, fset *token.FileSet, file *ast.File)) {
	managed := make(map[string]bool)
	for _, f := range p.Record.Files {
		managed[f.Path] = f.Owner == project.Managed
	}
	for _, name := range p.Disk.GoFiles() {
		if managed[name] {
			continue
		}
		disk, err := p.Disk.File(name)
		if err != nil {
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, disk.Content, parser.SkipObjectResolution)
		if err != nil {
			continue // whoever builds it hears of that
		}
		do(name, fset, file)
	}
}

// uses returns what reports whether something needs a module, when all but the libraries'
// files are decided.
func (p *planner) uses() func(module string) bool {
	return plan.Imported(p.Disk, p.update.Steps)
}

// keepsModules reports whether go.mod is to have requirements that the new one
// has not.
func (p *planner) keepsModules() bool {
	next, err := modfile.ParseLax("go.mod", p.next["go.mod"].Content, nil)
	if err != nil {
		return false
	}
	has := make(map[string]bool)
	for _, r := range next.Require {
		has[r.Mod.String()] = true
	}
	disk, exists, err := p.file("go.mod")
	if err != nil || !exists {
		return false
	}
	own, err := modfile.ParseLax("go.mod", disk.Content, nil)
	if err != nil {
		return true
	}
	base, _ := p.bases.find(p.recorded("go.mod"))
	uses := p.uses()
	return slices.ContainsFunc(own.Require, func(r *modfile.Require) bool {
		return !has[r.Mod.String()] && (!strings.Contains(string(base), r.Mod.Path+" "+r.Mod.Version) || uses(r.Mod.Path))
	})
}

func (p *planner) recorded(name string) project.File {
	i := slices.IndexFunc(p.Record.Files, func(f project.File) bool { return f.Path == name })
	if i < 0 {
		return project.File{}
	}
	return p.Record.Files[i]
}

// settings finds what the user has set and the new version reads no more.
func (p *planner) settings() (all []Note) {
	for _, name := range plan.SettingFiles {
		disk, _, _ := p.file(name) // what cannot be read has been an error before
		if p.recorded(name).Is(disk.Content) {
			continue
		}
		base, _ := p.bases.find(p.recorded(name))
		content := disk.Content
		for _, s := range p.update.Steps {
			if s.Path == name && s.Content != nil {
				content = s.Content
			}
		}
		for _, u := range plan.Unread(base, p.next[name].Content, content) {
			all = append(all, Note{Path: name, Line: u.Line, Symbol: u.Name, Change: "nothing of forge's reads it any more; your value stays"})
		}
	}
	return all
}

// notes finds what the user's code has to do with interfaces that changed: the
// methods that implement one, or else the places that name it.
func (p *planner) notes(changed []release.Interface) []Note {
	var all []Note
	p.sources(func(name string, fset *token.FileSet, file *ast.File) {
		for _, c := range changed {
			for _, pos := range places(file, c, p.Record.Answers.Module) {
				all = append(all, Note{Path: name, Line: fset.Position(pos).Line, Symbol: c.Symbol, Change: c.Change})
			}
		}
	})
	slices.SortFunc(all, func(a, b Note) int { return cmp.Or(cmp.Compare(a.Path, b.Path), a.Line-b.Line) })
	return slices.Compact(all)
}

// places are where a file implements or names what changed.
func places(file *ast.File, c release.Interface, module string) []token.Pos {
	dot := strings.LastIndexByte(c.Symbol, '.')
	if dot < 0 {
		return nil
	}
	pkg, symbol := path.Join(module, c.Symbol[:dot]), c.Symbol[dot+1:]
	local := localName(file, pkg)
	if local == "" {
		return nil
	}
	var found []token.Pos
	for _, d := range file.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil && slices.Contains(c.Methods, fn.Name.Name) {
			found = append(found, fn.Name.Pos())
		}
	}
	if len(found) > 0 {
		return found
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == symbol {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == local {
				found = append(found, sel.Pos())
			}
		}
		return true
	})
	return found
}

// localName is what a file calls a package, "" if it does not import it.
func localName(file *ast.File, pkg string) string {
	for _, spec := range file.Imports {
		switch {
		case importPath(spec) != pkg:
		case spec.Name != nil:
			return spec.Name.Name
		default:
			return path.Base(pkg)
		}
	}
	return ""
}

func importPath(spec *ast.ImportSpec) string {
	unquoted, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return ""
	}
	return unquoted
}
