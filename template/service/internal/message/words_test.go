package message

import (
	"fmt"
	"strings"
	"testing"
)

func TestWordCacheReturnsWhatItIsGiven(t *testing.T) {
	var c wordCache
	for range 2 {
		for i := range 10_000 {
			want := fmt.Sprint("word-", i)
			if got := c.get([]byte(want)); got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		}
	}
	for _, want := range []string{"", strings.Repeat("x", longestWord), strings.Repeat("x", longestWord+1)} {
		if got := c.get([]byte(want)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestWordCacheAllocatesAWordOnce(t *testing.T) {
	var c wordCache
	words := [][]byte{[]byte("PaymentReceived"), []byte("PaymentReturned"), []byte("payment"), []byte("1.0.0"), []byte("billing")}
	if n := testing.AllocsPerRun(100, func() {
		for _, w := range words {
			c.get(w)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestWordCacheKeepsNoLongStrings(t *testing.T) {
	var c wordCache
	c.get([]byte(strings.Repeat("x", longestWord+1)))
	for _, place := range c {
		if place[0] != "" {
			t.Fatal("a long string was kept")
		}
	}
}
