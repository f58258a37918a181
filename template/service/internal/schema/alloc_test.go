//go:build !race

package schema_test // the race detector makes pools forget, so they allocate

import "testing"

// What a message costs must not creep up: the texts of its header and its body are
// allocated.
func TestDecodeAllocatesLittle(t *testing.T) {
	for _, resolved := range []bool{false, true} {
		r, m := benchRegistry(t, "avro", resolved)
		if n := testing.AllocsPerRun(1000, func() {
			if err := r.Handle(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}); n > 22 {
			t.Errorf("resolved %v: %v allocations", resolved, n)
		}
	}
}
