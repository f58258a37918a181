package wire_test

import (
	"errors"
	"go/format"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ouroboros-forge/forge/internal/wire"
)

// handlers is a file such as forge writes, with a line for each topic.
func handlers(topics ...string) string {
	var b strings.Builder
	b.WriteString(`// Package handlers has what the service does.
package handlers

import (
	"log/slog"

	"example.com/shop/internal/message"
)

// Deps is what handlers need.
type Deps struct {
	Log       *slog.Logger
	Publisher message.Publisher
}

// Register is the one place where a topic meets its handler.
func Register(r *message.Registry, d Deps) {
	message.CheckDeps(d)
`)
	for _, t := range topics {
		b.WriteString("\tmessage.Register(r, \"" + t + "\", New" + strings.ToUpper(t[:1]) + t[1:] + "(d.Log))\n")
	}
	return b.String() + "}\n"
}

// app is a file such as forge writes, without and with http.
func app(http bool) string {
	text := `package app

import (
	"context"

	"example.com/shop/handlers"
	"example.com/shop/internal/service"
	"example.com/shop/web" //http
)

type App struct{ Deps handlers.Deps }

func (a App) Build(_ context.Context, b *service.Builder) error {
	d := a.Deps
	handlers.Register(b.Registry, d)
	web.Register(b.API, web.Deps{Log: b.Log}) //http
	return nil
}
`
	var b strings.Builder
	for line := range strings.Lines(text) {
		line, isHTTP := strings.CutSuffix(line, " //http\n")
		if !isHTTP {
			b.WriteString(line)
		} else if http {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// TestCarry replaces texts in what forge wrote, carries a change over, and looks
// for the same replacements in what forge would have written.
func TestCarry(t *testing.T) {
	orders, both := handlers("orders"), handlers("orders", "payments")
	for _, tt := range []struct {
		name, base, next, ours, want string
	}{
		{"as it was", orders, both, orders, both},
		{
			"names and layout of the user's", orders, both,
			replace(orders, "(r *message", "(reg *message", "d Deps", "deps Deps", "(d)", "(deps)", `message.Register(r, "orders", NewOrders(d.Log))`, `message.Register(reg, "orders", NewOrders(deps.Log, deps.Store)) // mine`),
			replace(both, "(r *message", "(reg *message", "d Deps", "deps Deps", "(d)", "(deps)", `message.Register(r, "orders", NewOrders(d.Log))`, `message.Register(reg, "orders", NewOrders(deps.Log, deps.Store)) // mine`, `(r, "payments", NewPayments(d.`, `(reg, "payments", NewPayments(deps.`),
		},
		{
			"another name for the package", orders, both,
			replace(orders, `"example.com/shop/internal/message"`, `msg "example.com/shop/internal/message"`, "message.", "msg."),
			replace(both, `"example.com/shop/internal/message"`, `msg "example.com/shop/internal/message"`, "message.", "msg."),
		},
		{
			"more parameters, and a pointer", orders, both,
			replace(orders, "(r *message.Registry, d Deps)", "(x int, d *Deps, reg *message.Registry)", "Register(r,", "Register(reg,"),
			replace(both, "(r *message.Registry, d Deps)", "(x int, d *Deps, reg *message.Registry)", "Register(r,", "Register(reg,"),
		},
		{
			"with what follows", orders, both,
			replace(orders, "(d.Log))\n}", "(d.Log))\n\n\t// the rest\n\tmore(r)\n}"),
			replace(orders, "(d.Log))\n}", "(d.Log))\n\tmessage.Register(r, \"payments\", NewPayments(d.Log))\n\n\t// the rest\n\tmore(r)\n}"),
		},
		{
			"a comment that goes on", orders, both,
			replace(orders, "(d.Log))\n}", "(d.Log)) /* a\nb */\n}"),
			replace(orders, "(d.Log))\n}", "(d.Log)) /* a\nb */\n\tmessage.Register(r, \"payments\", NewPayments(d.Log))\n}"),
		},
		{
			"on one line", orders, both,
			"package handlers\n\nimport \"example.com/shop/internal/message\"\n\ntype Deps struct{ Log int }\n\nfunc Register(r *message.Registry, d Deps) { message.CheckDeps(d) }\n",
			"package handlers\n\nimport \"example.com/shop/internal/message\"\n\ntype Deps struct{ Log int }\n\nfunc Register(r *message.Registry, d Deps) { message.CheckDeps(d); message.Register(r, \"payments\", NewPayments(d.Log)) }\n",
		},
		{"not formatted", orders, both, replace(orders, "\tmessage.C", "message.C"), replace(both, "\tmessage.C", "message.C")},
		{"lines end as on Windows", orders, both, replace(orders, "\n", "\r\n"), replace(both, "\n", "\r\n")},
		{
			"there already", orders, both,
			replace(both, "NewPayments(d.Log)", "NewPayments(d.Log, d.Store)"), replace(both, "NewPayments(d.Log)", "NewPayments(d.Log, d.Store)"),
		},
		{
			"two at once", orders, handlers("orders", "a", "b"),
			replace(orders, "CheckDeps(d)", "CheckDeps(d) // x"), replace(handlers("orders", "a", "b"), "CheckDeps(d)", "CheckDeps(d) // x"),
		},
		{"one goes", both, orders, replace(both, "Log       *", "Store int\n\tLog       *"), replace(orders, "Log       *", "Store int\n\tLog       *")},
		{"one is gone already", both, orders, replace(orders, "d Deps", "deps Deps", "d)", "deps)", "d.", "deps."), replace(orders, "d Deps", "deps Deps", "d)", "deps)", "d.", "deps.")},
		{"the last goes, the first comes", orders, handlers("payments"), orders + "// end\n", handlers("payments") + "// end\n"},
		{"a package comes", app(false), app(true), replace(app(false), "return nil", "b.Start()\n\treturn nil"), replace(app(true), "return nil", "b.Start()\n\treturn nil")},
		{"a package goes", app(true), app(false), replace(app(true), "return nil", "b.Start()\n\treturn nil"), replace(app(false), "return nil", "b.Start()\n\treturn nil")},
		{"a package is used elsewhere", app(true), app(false), app(true) + "\nvar _ = web.X\n", replace(app(false), "service\"\n", "service\"\n\t\"example.com/shop/web\"\n") + "\nvar _ = web.X\n"},
		{
			"before what is left", app(false), app(true), replace(app(false), "\thandlers.Register(b.Registry, d)\n", "", "d := a.Deps", "_ = a"),
			replace(app(true), "\thandlers.Register(b.Registry, d)\n", "", "d := a.Deps", "_ = a"),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, left, err := wire.Carry([]byte(tt.base), []byte(tt.next), []byte(tt.ours), nil)
			if err != nil || len(left) > 0 || string(got) != tt.want {
				t.Errorf("%v, left %v, got\n%s\nwant\n%s", err, left, got, tt.want)
			}
		})
	}
}

func replace(s string, oldnew ...string) string {
	for i := 0; i < len(oldnew); i += 2 {
		s = strings.ReplaceAll(s, oldnew[i], oldnew[i+1])
	}
	return s
}

// A method of a parameter's type is there as a field is.
func TestCarryKnowsMethods(t *testing.T) {
	const base = "package a\n\ntype report struct{ n int }\n\nfunc (r *report) say() {}\n\nfunc (r *report) start() {\n\tr.say()\n}\n"
	next := strings.Replace(base, "\tr.say()\n", "\tr.say()\n\tr.say(\"x\")\n", 1)
	ours := base + "\n// mine\n"
	moved := strings.Replace(ours, "\nfunc (r *report) say() {}\n", "", 1)
	others := map[string][]byte{"b.go": []byte("package a\n\nfunc (r *report) say() {}\n")}
	for _, tt := range []struct {
		ours   string
		others map[string][]byte
	}{{ours, nil}, {moved, others}} {
		got, left, err := wire.Carry([]byte(base), []byte(next), []byte(tt.ours), tt.others)
		if err != nil || len(left) > 0 || !strings.Contains(string(got), "\tr.say(\"x\")\n") {
			t.Errorf("%v %v\n%s", err, left, got)
		}
	}
}

// TestLost proves that a place that cannot be recognised is told, with what
// belongs there.
func TestLost(t *testing.T) {
	orders, both := handlers("orders"), handlers("orders", "payments")
	for _, tt := range []struct{ name, ours, want string }{
		{"no function", replace(orders, "func Register", "func Enrol"), "has no function Register"},
		{"a parameter is gone", replace(orders, ", d Deps)", ")"), "has no name for the parameter d"},
		{"two that it could be", replace(orders, "d Deps)", "more *Deps, d *Deps)"), "has no name for the parameter d"},
		{"another type", replace(orders, "r *message.Registry", "r message.Registrar"), "has no name for the parameter r"},
		{"nothing beside it", replace(orders, "message.CheckDeps(d)", "", `message.Register(r, "orders", NewOrders(d.Log))`, "all(r, d)"), "Register has nothing that forge wrote beside it"},
		{"no field", replace(orders, "Log       *slog.Logger", "Logger *slog.Logger"), "has no field Deps.Log"},
		{"a parameter without a name", replace(orders, "(r *message", "(_ *message"), "has no name for the parameter r"},
		{"another package's name", replace(orders, `"example.com/shop/internal/message"`, `message "example.com/other"`), "calls example.com/other message"},
		{"no Go", "package handlers\n\nfunc {", "does not parse as Go: 3:6: expected 'IDENT', found '{'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _, err := wire.Carry([]byte(orders), []byte(both), []byte(tt.ours), nil)
			noPlace, ok := errors.AsType[*wire.PlaceError](err)
			if !ok || noPlace.Reason != tt.want {
				t.Fatalf("%v\n%s", err, got)
			}
			const line = `message.Register(r, "payments", NewPayments(d.Log))`
			if tt.name != "no Go" && (len(noPlace.Add) != 1 || noPlace.Add[0] != line || noPlace.Func != "Register") {
				t.Errorf("%+v", noPlace)
			}
		})
	}
}

// TestOther proves that what is no wiring is not taken for it.
func TestOther(t *testing.T) {
	orders := handlers("orders")
	for name, next := range map[string]string{
		"a field":    replace(orders, "Log       *", "Store int\n\tLog       *"),
		"a function": orders + "\nfunc more() {}\n",
		"a result":   replace(orders, "d Deps) {", "d Deps) error {"),
	} {
		if _, _, err := wire.Carry([]byte(orders), []byte(next), []byte(orders+"\n"), nil); !errors.Is(err, wire.ErrOther) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLeft proves that a line that the user changed is left and named, and that
// a second handler of the topic's is no reason to leave the first.
func TestLeft(t *testing.T) {
	both := handlers("orders", "payments")
	const line = `message.Register(r, "payments", NewPayments(d.Log))`
	for _, mine := range []string{
		`message.Register(r, "payments", NewPayments(d.Log, d.Store))`,
		line + " // do not touch",
		`message.Register(r, "payments", NewPayments(d.Log /* for now */))`,
	} {
		ours := replace(both, line, mine)
		got, left, err := wire.Carry([]byte(both), []byte(handlers("orders")), []byte(ours), nil)
		if err != nil || string(got) != ours || len(left) != 1 || left[0].Line != 20 {
			t.Errorf("%s: %v, left %v\n%s", mine, err, left, got)
		}
	}
	const second = `message.Register(r, "payments", NewRefunds(d.Log))`
	got, left, err := wire.Carry([]byte(both), []byte(handlers("orders")), []byte(replace(both, line, second+"\n\t"+line)), nil)
	if want := replace(both, line, second); err != nil || string(got) != want || len(left) != 1 || left[0].Text != second {
		t.Errorf("%v, left %v\n%s", err, left, got)
	}
}

// TestThereAndBack proves that adding and removing a topic gives back each byte,
// whatever the user has written around it.
func TestThereAndBack(t *testing.T) {
	pieces := []string{
		"\t// a comment\n", "\n", "\tif d.Log != nil {\n\t\td.Log.Info(\"x\")\n\t}\n", "\tmessage.Register(r, \"refunds\", NewRefunds(d.Log)) // mine\n",
		"\t/* several\n\tlines */\n", "\tfor range 3 {\n\t}\n", "   x := 1;  _ = x\n", "\tx(`\n`)\n", "\tmessage.CheckDeps(d)\n", "\tr.Use(a,\n\t\tb)\n",
	}
	rapid.Check(t, func(t *rapid.T) {
		lines := strings.SplitAfter(handlers("orders"), "\n")
		for range rapid.IntRange(0, 6).Draw(t, "edits") {
			at := rapid.IntRange(17, len(lines)-2).Draw(t, "at") // in the body
			lines = append(lines[:at:at], append([]string{rapid.SampledFrom(pieces).Draw(t, "piece")}, lines[at:]...)...)
		}
		ours := strings.Join(lines, "")
		if rapid.Bool().Draw(t, "formatted") {
			text, err := format.Source([]byte(ours))
			if err != nil {
				t.Fatal(err)
			}
			ours = string(text)
		}
		if rapid.Bool().Draw(t, "crlf") {
			ours = strings.ReplaceAll(ours, "\n", "\r\n")
		}
		base, next := []byte(handlers("orders")), []byte(handlers("orders", "payments"))
		with, _, err := wire.Carry(base, next, []byte(ours), nil)
		if err != nil {
			t.Fatalf("%v in\n%s", err, ours)
		}
		if !strings.Contains(string(with), `"payments"`) {
			t.Fatalf("not added to\n%s", ours)
		}
		back, left, err := wire.Carry(next, base, with, nil)
		if err != nil || len(left) > 0 || string(back) != ours {
			t.Fatalf("%v, left %v, got\n%s\nwant\n%s\nby\n%s", err, left, back, ours, with)
		}
	})
}

// TestOtherFilesOfThePackage: what the user has moved to another file is there, under
// whatever names, and is named when it should go.
func TestOtherFilesOfThePackage(t *testing.T) {
	others := map[string][]byte{
		"handlers/more.go": []byte("package handlers\n\nimport msg \"example.com/shop/internal/message\"\n\nfunc registerMore(reg *msg.Registry, deps Deps) {\n\tmsg.Register(reg, \"payments\", NewPayments(deps.Log))\n}\n"),
		"handlers/bad.go":  []byte("package"),
	}
	before, after := handlers("orders"), handlers("orders", "payments")
	got, left, err := wire.Carry([]byte(before), []byte(after), []byte(before), others)
	if err != nil || len(left) > 0 || string(got) != before {
		t.Errorf("%v, left %v:\n%s", err, left, got)
	}
	got, left, err = wire.Carry([]byte(after), []byte(before), []byte(before), others)
	if err != nil || string(got) != before || len(left) != 1 || left[0].File != "handlers/more.go" || left[0].Line != 6 {
		t.Errorf("%v, left %v:\n%s", err, left, got)
	}
}
