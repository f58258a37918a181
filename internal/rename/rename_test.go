package rename_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/ouroboros-forge/forge/internal/rename"
)

// renamed renames orders in a module, and returns what became of its files, and
// what was refused.
func renamed(t *testing.T, archive string) (files map[string]string, problems string) {
	t.Helper()
	m := rename.Module{
		Path: "example.com/shop", Files: make(map[string][]byte),
		Packages: []rename.Package{
			{Dir: "handlers", Names: map[string]string{"Orders": "Payments", "NewOrders": "NewPayments"}, Tests: map[string]string{"TestOrders": "TestPayments"}},
			{Dir: "models", Names: map[string]string{"Order": "Payment", "orderSchema": "paymentSchema"}},
		},
		Texts: rename.Texts{
			Topic: [2]string{"orders", "payments"}, Type: [2]string{"OrderCreated", "PaymentCreated"},
			Moved: map[string]string{"models/orders.avsc": "models/payments.avsc"},
		},
	}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		m.Files[f.Name] = f.Data
	}
	edits, places := m.Rename()
	files = make(map[string]string)
	for name, src := range m.Files {
		files[name] = string(rename.Apply(src, edits[name]))
	}
	var lines []string
	for _, p := range places {
		lines = append(lines, fmt.Sprintf("%s:%d %s", p.Path, p.Line, p.Text))
	}
	slices.Sort(lines)
	return files, strings.Join(lines, "\n")
}

// The packages that the tests begin with.
const (
	handlers = "-- handlers/orders.go --\npackage handlers\n\ntype Orders struct{}\n\nfunc NewOrders() *Orders { return nil }\n"
	models   = "-- models/orders.go --\npackage models\n\ntype Order struct{ ID string }\n"
)

// TestNames proves where a name is renamed, and where one of the same letters is
// something else: each file of want is what becomes of the one before it.
func TestNames(t *testing.T) {
	for name, tt := range map[string]struct{ before, after string }{
		"declaration": {`package handlers

// Orders is mine. NewOrders makes it.
type Orders struct{} // Orders

func (o *Orders) Orders() *Orders { return o }

// NewOrders is the constructor.
func NewOrders() *Orders { return &Orders{} }
`, `package handlers

// Payments is mine. NewOrders makes it.
type Payments struct{} // Orders

func (o *Payments) Orders() *Payments { return o }

// NewPayments is the constructor.
func NewPayments() *Payments { return &Payments{} }
`},
		"locals": {`package handlers

type Orders struct{ Orders int }

func NewOrders() *Orders {
	Orders := 1
	_ = Orders
	{
		NewOrders := func(Orders int) int { return Orders }
		_ = NewOrders(Orders)
	}
	return new(struct{ *Orders }).Orders
}
`, ""},
		"shadows": {`package handlers

type Orders struct{ Orders int }

func NewOrders() *Orders {
	o := Orders{Orders: 1}
	Orders := o.Orders
	func(NewOrders int) { _ = NewOrders + Orders }(1)
	return nil
}

func generic[Orders any](o Orders) Orders { return o }

func label() {
Orders:
	for {
		break Orders
	}
}
`, `package handlers

type Payments struct{ Orders int }

func NewPayments() *Payments {
	o := Payments{Orders: 1}
	Orders := o.Orders
	func(NewOrders int) { _ = NewOrders + Orders }(1)
	return nil
}

func generic[Orders any](o Orders) Orders { return o }

func label() {
Orders:
	for {
		break Orders
	}
}
`},
	} {
		t.Run(name, func(t *testing.T) {
			files, problems := renamed(t, "-- handlers/orders.go --\n"+tt.before)
			if tt.after == "" {
				if problems == "" {
					t.Errorf("nothing is refused: %s", files["handlers/orders.go"])
				}
				return
			}
			if files["handlers/orders.go"] != tt.after || problems != "" {
				t.Errorf("%s\n%s", problems, files["handlers/orders.go"])
			}
		})
	}
}

// TestOtherPackages proves that names are found through imports, whatever they are
// called, and in tests, examples and files with build tags.
func TestOtherPackages(t *testing.T) {
	files, problems := renamed(t, handlers+models+`-- app/app.go --
//go:build linux

package app

import (
	h "example.com/shop/handlers"
	"example.com/shop/models"
	other "example.com/other/models"
)

var a = h.NewOrders()
var b models.Order
var c other.Order
var d = map[*h.Orders][]models.Order{}

type models2 struct{ Order int }

func f(models models2) int { return models.Order }
-- app/dot.go --
package app

import . "example.com/shop/models"

func g(o Order) Order { return o }
-- internal/own/own.go --
package own

import "example.com/shop/models"

type Store interface { Add(models.Order) }
-- handlers/more_test.go --
package handlers

func TestOrders() { NewOrders() }

func ExampleOrders_second() {}
-- handlers/out_test.go --
package handlers_test

import "example.com/shop/handlers"

func ExampleNewOrders() { handlers.NewOrders() }

type Orders int
-- other/handlers/x.go --
package handlers

type Orders struct{}
`)
	if problems != "" {
		t.Error(problems)
	}
	want := map[string][]string{
		"app/app.go":            {"h.NewPayments()", "var b models.Payment\n", "var c other.Order\n", "map[*h.Payments][]models.Payment{}", "struct{ Order int }", "return models.Order }"},
		"app/dot.go":            {"func g(o Payment) Payment"},
		"internal/own/own.go":   {"Add(models.Payment)"},
		"handlers/more_test.go": {"func TestPayments() { NewPayments() }", "func ExamplePayments_second"},
		"handlers/out_test.go":  {"func ExampleNewPayments() { handlers.NewPayments() }", "type Orders int"},
		"other/handlers/x.go":   {"type Orders struct"},
		"handlers/orders.go":    {"type Payments struct{}", "func NewPayments() *Payments"},
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		for _, w := range want[name] {
			if !strings.Contains(files[name], w) {
				t.Errorf("%s has no %q:\n%s", name, w, files[name])
			}
		}
	}
}

// TestRefusals proves that what cannot be known, or would mean something else, is
// told with its place.
func TestRefusals(t *testing.T) {
	for name, tt := range map[string]struct{ file, want string }{
		"taken":    {"-- handlers/pay.go --\npackage handlers\n\nfunc Payments() {}\n", "handlers/pay.go:3 declares Payments, which is what Orders would be called"},
		"captured": {"-- handlers/x.go --\npackage handlers\n\nfunc f(Payments int) { NewOrders(); _ = Orders{} }\n", "handlers/x.go:3 already uses Payments for something else"},
		"dot":      {"-- handlers/x.go --\npackage handlers\n\nimport . \"example.com/lib\"\n\nvar _ = Payments\n", "handlers/x.go:5 already uses Payments for something else"},
		"dot into": {"-- app/x.go --\npackage app\n\nimport . \"example.com/shop/models\"\n\nvar _ Order\n-- app/y.go --\npackage app\n\ntype Payment int\n", "app/y.go:3 declares Payment, which is what Order would be called"},
		"embedded": {"-- app/x.go --\npackage app\n\nimport \"example.com/shop/models\"\n\ntype T struct{ models.Order }\n-- app/y.go --\npackage app\n\nfunc f(t T) string { return t.Order.ID }\n",
			"app/y.go:3 uses a field Order, and app/x.go:5 embeds the type: the field would get another name"},
		"embedded key": {"-- app/x.go --\npackage app\n\nimport \"example.com/shop/models\"\n\ntype T struct{ *models.Order }\n\nvar t = T{Order: nil}\n",
			"app/x.go:7 uses a field Order, and app/x.go:5 embeds the type: the field would get another name"},
		"beside": {"-- app/x.go --\npackage app\n\nimport \"example.com/shop/models\"\n\ntype T struct {\n\tmodels.Order\n\tPayment int\n}\n", "app/x.go:7 has a field Payment beside the embedded Order, which would be called so"},
		"key":    {"-- models/x.go --\npackage models\n\nvar orderSchema string\n\nvar _ = t{orderSchema: 1}\n", "models/x.go:5 has the key orderSchema, of which forge cannot tell whether it is a field"},
		"no Go":  {"-- app/x.go --\npackage app\n\nfunc f( { Orders }\n", "app/x.go:0 does not parse as Go: 3:9: expected ')', found '{'"},
		"topic":  {"-- app/x.go --\npackage app\n\nimport \"example.com/shop/internal/message\"\n\nfunc f() { message.Register(r, \"payments\", nil) }\n", `app/x.go:5 has "payments" already: the two could not be told apart`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, got := renamed(t, handlers+models+tt.file); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// TestEmbeddedTypeWithoutItsField proves that embedding alone is no reason to refuse.
func TestEmbeddedTypeWithoutItsField(t *testing.T) {
	files, problems := renamed(t, handlers+models+"-- app/x.go --\npackage app\n\nimport \"example.com/shop/models\"\n\ntype T struct{ models.Order }\n\nvar t = T{models.Order{}}\n\nvar id = t.ID\n")
	if problems != "" || !strings.Contains(files["app/x.go"], "struct{ models.Payment }\n\nvar t = T{models.Payment{}}") {
		t.Error(problems, files["app/x.go"])
	}
}

// TestTexts proves which texts are the topic: arguments of the module's own
// functions, what the model says, what is embedded. Others are told.
func TestTexts(t *testing.T) {
	const rest = "-- app/x.go --\npackage app\n\nimport (\n\t\"example.com/shop/internal/message\"\n\tweb \"example.com/shop/internal/httpapi\"\n)\n\ntype t struct {\n\tA int `json:\"orders\"`\n}\n\n" +
		"func f(r any) {\n\tmessage.Register(r, \"orders\", \"x\")\n\tmessage.Scoped[t](r, `orders`)\n\tweb.Post(r, \"/orders\")\n\tquery(\"orders\")\n\tmessage.Invalid(\"orders\", \"is empty\")\n\tfunc(message t) { message.Register(r, \"orders\") }(t{})\n}\n" +
		"-- models/orders.go --\npackage models\n\nimport _ \"embed\"\n\n//go:embed orders.avsc other.avsc\nvar orderSchema string\n\ntype Order struct{}\n\nfunc (Order) Topic() string { return \"orders\" }\nfunc (*Order) MessageType() string { return \"OrderCreated\" }\n\ntype Other struct{}\n\nfunc (Other) Topic() string { return \"orders\" }\n"
	files, problems := renamed(t, rest)
	if problems != "" {
		t.Error(problems)
	}
	for name, wants := range map[string][]string{
		"app/x.go":         {"Register(r, \"payments\", \"x\")", "(r, `payments`)", "web.Post(r, \"/payments\")", "query(\"orders\")", "message.Invalid(\"orders\", ", "{ message.Register(r, \"orders\") }"},
		"models/orders.go": {"//go:embed payments.avsc other.avsc\nvar paymentSchema string", "(Payment) Topic() string { return \"payments\" }", "return \"PaymentCreated\" }", "(Other) Topic() string { return \"orders\" }"},
	} {
		for _, want := range wants {
			if !strings.Contains(files[name], want) {
				t.Errorf("%s has no %q:\n%s", name, want, files[name])
			}
		}
	}
	var told []string
	for _, p := range (rename.Words{Texts: map[string]string{"orders": "payments"}}).Literals("app/x.go", []byte(files["app/x.go"])) {
		told = append(told, fmt.Sprintf("%d %s", p.Line, p.Text))
	}
	want := `16 "orders": write "payments" if it is what has been renamed; 17 "orders": write "payments" if it is what has been renamed; 18 "orders": write "payments" if it is what has been renamed`
	if got := strings.Join(told, "; "); got != want {
		t.Error(got)
	}
}

// TestLines proves that lines are carried over where they are as they were, and
// that the others are named.
func TestLines(t *testing.T) {
	for name, tt := range map[string]struct{ base, next, ours, want, missed string }{
		"moved":     {"a\nb\nc\n", "a\nB\nc\n", "x\na\nb\ny\nc\n", "x\na\nB\ny\nc\n", ""},
		"changed":   {"a\nb\nc\n", "a\nB\nC\n", "a\nb2\nc\n", "a\nb2\nC\n", `["b\n"] ["B\n"]`},
		"longer":    {"a\nb\nc\n", "a\nB\nB2\nc\n", "a\nb\nc\nd\n", "a\nB\nB2\nc\nd\n", ""},
		"shorter":   {"a\nb\nb2\nc\n", "a\nB\nc\n", "z\na\nb\nb2\nc", "z\na\nB\nc", ""},
		"apart":     {"a\nb\nb2\nc\n", "a\nB\nc\n", "a\nb\nmine\nb2\nc\n", "a\nb\nmine\nb2\nc\n", `["b\n" "b2\n"] ["B\n"]`},
		"put in":    {"a\nc\n", "a\nb\nc\n", "a\nx\nc\n", "a\nb\nx\nc\n", ""},
		"lost":      {"a\nc\n", "a\nb\nc\n", "x\n", "x\n", `[] ["b\n"]`},
		"CR LF":     {"a\nb\nc\n", "a\nB\nc\n", "x\r\na\r\nb\r\nc\r\n", "x\r\na\r\nB\r\nc\r\n", ""},
		"all other": {"a\n", "b\n", "", "", `["a\n"] ["b\n"]`},
	} {
		t.Run(name, func(t *testing.T) {
			edits, missed := rename.Lines([]byte(tt.base), []byte(tt.next), []byte(tt.ours))
			got := string(rename.Apply([]byte(tt.ours), edits))
			var left []string
			for _, m := range missed {
				left = append(left, fmt.Sprintf("%q %q", m.Base, m.Next))
			}
			if got != tt.want || strings.Join(left, "; ") != tt.missed {
				t.Errorf("got %q, missed %s", got, left)
			}
		})
	}
}

// TestModule proves what of a module's path is renamed in imports and go.mod, and
// what is told of the rest.
func TestModule(t *testing.T) {
	const from, to = "example.com/shop", "example.com/me/shop"
	src := "package x\n\nimport (\n\t\"example.com/shop\"\n\ta `example.com/shop/models`\n\t\"example.com/shop/api/v1\"\n\t\"example.com/shop2\"\n)\n\n// see example.com/shop/models, not example.com/shop-2\nvar s = \"https://example.com/shop?x\"\n"
	edits, err := rename.Imports([]byte(src), from, to, func(p string) bool { return strings.HasPrefix(p, from+"/api") })
	if err != nil {
		t.Fatal(err)
	}
	out := string(rename.Apply([]byte(src), edits))
	want := "package x\n\nimport (\n\t\"example.com/me/shop\"\n\ta `example.com/me/shop/models`\n\t\"example.com/shop/api/v1\"\n\t\"example.com/shop2\"\n)\n\n// see example.com/shop/models, not example.com/shop-2\nvar s = \"https://example.com/shop?x\"\n"
	if out != want {
		t.Errorf("got\n%s", out)
	}
	var told []int
	for _, p := range rename.Mentions("x.go", []byte(out), from, true) {
		told = append(told, p.Line)
	}
	if !slices.Equal(told, []int{10, 11}) {
		t.Errorf("told of lines %v", told)
	}
	for before, want := range map[string]string{
		"module example.com/shop // mine\n\ngo 1.26\n":                                                                          "module example.com/me/shop // mine\n\ngo 1.26\n",
		"// example.com/shop\nmodule\t\"example.com/shop\"":                                                                     "// example.com/shop\nmodule\t\"example.com/me/shop\"",
		"module example.com/shop\n\ntool (\n\texample.com/shop/gen // x\n\texample.com/shop/api/gen\n)\n\ntool example.com/x\n": "module example.com/me/shop\n\ntool (\n\texample.com/me/shop/gen // x\n\texample.com/shop/api/gen\n)\n\ntool example.com/x\n",
		"module (\n\texample.com/shop\n)\n":                                                                                     "module (\n\texample.com/me/shop\n)\n",
	} {
		edits, found, err := rename.GoMod([]byte(before), to, func(p string) bool { return strings.HasPrefix(p, from+"/api") })
		if got := string(rename.Apply([]byte(before), edits)); err != nil || found != from || got != want {
			t.Errorf("%q is %q, %s, %v", before, got, found, err)
		}
	}
}

// An embedded file is followed however the directive writes it, and only there.
func TestEmbeddedFilesAreFollowed(t *testing.T) {
	for before, after := range map[string]string{
		`//go:embed "orders.avsc"`:                     `//go:embed "payments.avsc"`,
		"//go:embed `orders.avsc`":                     "//go:embed `payments.avsc`",
		"//go:embed\torders.avsc":                      "//go:embed\tpayments.avsc",
		`//go:embed "a b.json"  all:orders.avsc x`:     `//go:embed "a b.json"  all:payments.avsc x`,
		`//go:embed "all:orders.avsc" ./orders.avsc`:   `//go:embed "all:payments.avsc" ./payments.avsc`,
		"//go:embed orders.avsc `c.json`, orders.avsc": "//go:embed payments.avsc `c.json`, payments.avsc",
		`//go:embed orders.avsc2 my-orders.avsc`:       `//go:embed orders.avsc2 my-orders.avsc`,
		`// go:embed orders.avsc`:                      `// go:embed orders.avsc`,
		`//go:embedded orders.avsc`:                    `//go:embedded orders.avsc`,
	} {
		const file = "package models\n\nimport \"embed\"\n\nvar (\n\t%s\n\tfiles embed.FS\n)\n"
		files, problems := renamed(t, "-- models/files.go --\n"+fmt.Sprintf(file, before))
		if want := fmt.Sprintf(file, after); files["models/files.go"] != want || problems != "" {
			t.Errorf("%s is\n%s%s", before, files["models/files.go"], problems)
		}
	}
}
