package rename

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/module"

	"github.com/ouroboros-forge/forge/internal/wire"
)

// callee is a function of the module that is told a topic.
type callee struct {
	argument int    // which of its arguments that is
	prefix   string // what stands before the topic there
}

// callees are those functions, by the directories of their packages.
var callees = map[string]map[string]callee{
	"internal/message":             {"Register": {1, ""}, "RegisterDefault": {1, ""}, "RegisterBatch": {1, ""}, "Scoped": {1, ""}},
	"internal/message/messagetest": {"Handle": {2, ""}},
	"internal/httpapi":             {"Post": {1, "/"}},
}

// renameTexts renames the topic where it can be nothing else: as an argument of
// what registers and calls handlers, and as what a model says of itself.
func (r *renamer) renameTexts(f *file) {
	packages := make(map[string]map[string]callee) // by what the file calls them
	for _, spec := range f.tree.Imports {
		if dir, ok := r.dirOf(spec); ok {
			packages[importName(spec)] = callees[dir]
		}
	}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			x, function := wire.Called(n.Fun)
			if x == nil || f.isDeclared(x) {
				return true
			}
			if c, ok := packages[x.Name][function]; ok && c.argument < len(n.Args) {
				r.renameText(f, n.Args[c.argument], [2]string{c.prefix + r.Texts.Topic[0], c.prefix + r.Texts.Topic[1]})
			}
		case *ast.FuncDecl:
			r.renameSaid(f, n)
		}
		return true
	})
	for _, group := range f.tree.Comments {
		for _, c := range group.List {
			r.renameEmbedded(f, c)
		}
	}
}

// renameText renames a text, if it is the old one. It is a problem if the new one is
// already in use: renaming back would take the two for one.
func (r *renamer) renameText(f *file, e ast.Expr, names [2]string) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING || names[0] == names[1] {
		return
	}
	switch text, _ := strconv.Unquote(lit.Value); text {
	case names[0]:
		quote := lit.Value[:1]
		f.replace(lit.Pos(), lit.Value, quote+names[1]+quote)
	case names[1]:
		r.problem(f, lit.Pos(), hintTaken, "has %q already: the two could not be told apart", names[1])
	}
}

// renameSaid renames what a model says of itself.
func (r *renamer) renameSaid(f *file, fn *ast.FuncDecl) {
	if fn.Recv == nil || fn.Body == nil || !r.isModel(f, fn) {
		return
	}
	names := map[string][2]string{"Topic": r.Texts.Topic, "MessageType": r.Texts.Type}[fn.Name.Name]
	if len(fn.Body.List) == 1 {
		if ret, ok := fn.Body.List[0].(*ast.ReturnStmt); ok && len(ret.Results) == 1 {
			r.renameText(f, ret.Results[0], names)
		}
	}
}

// isModel reports whether a method's type is one that gets another name.
func (r *renamer) isModel(f *file, fn *ast.FuncDecl) bool {
	typ := fn.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	id, ok := typ.(*ast.Ident)
	return ok && slices.ContainsFunc(r.Packages, func(p Package) bool { return p.Dir == path.Dir(f.path) && p.Names[id.Name] != "" })
}

// renameEmbedded follows files that are embedded to where they have moved.
func (r *renamer) renameEmbedded(f *file, c *ast.Comment) {
	for _, p := range wire.EmbedPatterns(c.Text) {
		to, ok := r.Texts.Moved[path.Join(path.Dir(f.path), p.Path)]
		if !ok {
			continue
		}
		written := c.Text[p.Start:p.End] // perhaps quoted, perhaps with all: before it
		if at := strings.LastIndex(written, path.Base(p.Path)); at >= 0 {
			f.replace(c.Pos()+token.Pos(p.Start+at), path.Base(p.Path), path.Base(to))
		}
	}
}

// importName is what a file calls a package of the module's.
func importName(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	p, _ := strconv.Unquote(spec.Path.Value) // the parser has done so before
	if prefix, _, ok := module.SplitPathVersion(p); ok {
		p = prefix
	}
	return path.Base(p)
}

// Samples returns the edits of a file of sample messages, if they are the topic's:
// the topic, and the type that the messages' headers say. Bodies are left alone.
func Samples(src []byte, t Texts) []Edit {
	edits := values(src, t.Topic, "topic")
	if len(edits) == 0 || t.Type[0] == t.Type[1] {
		return edits
	}
	return append(edits, values(src, t.Type, "samples.value.header.messageType", "samples.value.header.schemaName")...)
}

// values are the edits of a JSON text that give the members at some paths another
// value, if they have the one that is given. A path goes through all of a list.
func values(src []byte, names [2]string, paths ...string) (edits []Edit) {
	type level struct {
		isObject, hasKey bool
		path             string // with the last key of an object
		base             string // without it
	}
	levels := []level{{}}
	decoder := json.NewDecoder(bytes.NewReader(src))
	for names[0] != names[1] {
		before := decoder.InputOffset()
		token, err := decoder.Token()
		if err != nil { // the end, or no JSON
			break
		}
		at := &levels[len(levels)-1]
		switch token {
		case json.Delim('{'), json.Delim('['):
			levels = append(levels, level{isObject: token == json.Delim('{'), path: at.path, base: at.path})
			continue
		case json.Delim('}'), json.Delim(']'):
			levels = levels[:len(levels)-1]
			levels[len(levels)-1].hasKey = false
			continue
		}
		text, isText := token.(string)
		if at.isObject && !at.hasKey {
			at.hasKey, at.path = true, strings.TrimPrefix(at.base+"."+text, ".")
			continue
		}
		at.hasKey = false
		if isText && text == names[0] && slices.Contains(paths, at.path) {
			end := int(decoder.InputOffset())
			start := int(before) + bytes.IndexByte(src[before:end], '"')
			edits = append(edits, Edit{start, end, strconv.Quote(names[1])})
		}
	}
	return edits
}
