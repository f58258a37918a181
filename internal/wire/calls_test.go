package wire_test

import (
	"fmt"
	"testing"

	"github.com/ouroboros-forge/forge/internal/wire"
)

func TestCallsWith(t *testing.T) {
	src := `package handlers

import (
	"fmt"

	msg "example.com/shop/internal/message"
)

const paid = "payments"

func Register(r *msg.Registry) {
	msg.Register(r, "orders", nil)
	msg.RegisterBatch[int](r, "payments", nil)
	msg.Scoped(r, paid, func() {})
	msg.Register(r.Consumer("audit"), ` + "`payments`" + `, nil)
	fmt.Println("payments")
	r.Publishes("payments")
}
`
	if got := fmt.Sprint(wire.CallsWith([]byte(src), "example.com/shop/internal/message", "payments")); got != "[13 14 15]" {
		t.Errorf("lines %s, want 13, 14 and 15", got)
	}
	wire.CallsWith([]byte("package a\n\nconst b = 1, 2\n"), "a", "b") // parses, and does not build
	if got := wire.CallsWith([]byte("no Go"), "example.com/shop/internal/message", "payments"); got != nil {
		t.Errorf("lines %v of what is no Go", got)
	}
}
