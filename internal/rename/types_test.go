package rename_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ouroboros-forge/forge/internal/rename"
)

// statements use the names in all ways; %s stands for more of them.
var statements = []string{
	"var a%d Orders", "_ = NewOrders()", "_ = Orders{Orders: 1}", "_ = []*Orders{{Orders: 2}}", "_ = map[string]Orders{}", "_ = (*Orders).Get", "_ = generic[Orders]()", "Orders := 1; _ = Orders",
	"const NewOrders = 1; _ = NewOrders", "type Orders struct{ Orders, NewOrders int }; _ = Orders{Orders: 1}.NewOrders", "var NewOrders = NewOrders(); _ = NewOrders.Orders", "for Orders := range 3 { _ = Orders }",
	"switch Orders := any(1).(type) { case int: _ = Orders; default: _ = NewOrders() }", "if Orders := 1; Orders > 0 { %s } else { _ = Orders }", "{ %s }", "func(Orders int, o struct{ NewOrders int }) { %s }(1, struct{ NewOrders int }{NewOrders: 2})",
	"_ = func() (NewOrders *Orders) { %s; return }", "select { case Orders := <-make(chan int): _ = Orders; default: %s }", "Orders%d: for { break Orders%d }", "_ = struct{ Orders }{}", "var Orders, other%d = NewOrders(), Orders{}; _ = Orders",
	"type own[Orders any] struct{ o Orders }; _ = own[Orders]{}", "orderSchema := orderSchema; _ = orderSchema", "_ = map[string]int{orderSchema: 1}", "Payments := 1; _ = Payments", "_ = func(Payments int) { %s }",
}

// body draws statements.
func body(t *rapid.T, depth int, n *int) string {
	var all []string
	for range rapid.IntRange(1, 4).Draw(t, "statements") {
		s := rapid.SampledFrom(statements).Draw(t, "statement")
		if depth == 0 && strings.Contains(s, "%s") {
			continue
		}
		*n++
		before, after, isNested := strings.Cut(strings.ReplaceAll(s, "%d", strconv.Itoa(*n)), "%s")
		if isNested {
			before += body(t, depth-1, n)
		}
		all = append(all, before+after)
	}
	return strings.Join(all, "\n")
}

// check type-checks files as one package.
func check(t *rapid.T, files map[string][]byte) (fset *token.FileSet, trees map[string]*ast.File, info *types.Info, problems int) {
	fset, trees = token.NewFileSet(), make(map[string]*ast.File)
	var list []*ast.File
	for _, name := range slices.Sorted(maps.Keys(files)) {
		tree, err := parser.ParseFile(fset, name, files[name], parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("%v\n%s", err, files[name])
		}
		trees[name], list = tree, append(list, tree)
	}
	info = &types.Info{Defs: make(map[*ast.Ident]types.Object), Uses: make(map[*ast.Ident]types.Object)}
	conf := types.Config{Error: func(error) { problems++ }} // a name that is not used, say
	_, _ = conf.Check("handlers", fset, list, info)
	return fset, trees, info, problems
}

// declared are the offsets of identifiers that refer to what the package declares.
func declared(fset *token.FileSet, tree *ast.File, info *types.Info, names map[string]string) []int {
	var all []int
	ast.Inspect(tree, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok || names[id.Name] == "" {
			return true
		}
		object := info.Uses[id]
		if object == nil {
			object = info.Defs[id]
		}
		if object != nil && object.Pkg() != nil && object.Parent() == object.Pkg().Scope() {
			all = append(all, fset.Position(id.Pos()).Offset)
		}
		return true
	})
	slices.Sort(all)
	return all
}

// TestScopesAreThoseOfGo proves against go/types, of all ways to shadow a name, that
// what is renamed is what a package declares, and nothing else; and that what would
// get another meaning is refused.
func TestScopesAreThoseOfGo(t *testing.T) {
	names := map[string]string{"Orders": "Payments", "NewOrders": "NewPayments", "orderSchema": "paymentSchema"}
	refused := 0
	rapid.Check(t, func(t *rapid.T) {
		n := 0
		a, b := body(t, 3, &n), body(t, 3, &n)
		files := map[string][]byte{
			"handlers/orders.go": []byte("package handlers\n\ntype Orders struct{ Orders int }\n\nfunc (o Orders) Get() Orders { return o }\n\nfunc NewOrders() *Orders { return nil }\n\nvar orderSchema = \"\"\n\nfunc generic[T any]() (t T) { return }\n\nfunc a() {\n" + a + "\n}\n"),
			"handlers/other.go":  []byte("package handlers\n\nfunc b() {\n" + b + "\n}\n"),
		}
		m := rename.Module{Path: "example.com/shop", Files: files, Packages: []rename.Package{{Dir: "handlers", Names: names}}}
		edits, problems := m.Rename()
		if len(problems) > 0 {
			refused++
			if all := a + b; !strings.Contains(all, "Payments") && !strings.Contains(all, "struct{ Orders }") {
				t.Fatalf("refused: %v\n%s\n%s", problems, a, b)
			}
			return
		}
		fset, trees, info, before := check(t, files)
		after := make(map[string][]byte)
		for name, src := range files {
			want := declared(fset, trees[name], info, names)
			var got []int
			for _, e := range edits[name] {
				got = append(got, e.Start)
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Fatalf("%s: renamed at %v, want %v\n%s", name, got, want, src)
			}
			after[name] = rename.Apply(src, edits[name])
		}
		if _, _, _, problems := check(t, after); problems != before {
			t.Fatalf("%d errors, were %d\n%s\n%s", problems, before, after["handlers/orders.go"], after["handlers/other.go"])
		}
	})
	t.Log(refused, "were refused")
}
