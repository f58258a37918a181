package message

import (
	"fmt"
	"hash/maphash"
	"strings"
	"testing"

	"pgregory.net/rapid"
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
	// Any four fit, whatever the seed: a fifth may belong to the same place.
	words := [][]byte{[]byte("PaymentReceived"), []byte("payment"), []byte("1.0.0"), []byte("billing")}
	if n := testing.AllocsPerRun(100, func() {
		for _, w := range words {
			c.get(w)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestFourWordsOfAPlaceDoNotPushEachOtherOut(t *testing.T) {
	var c wordCache
	var words [][]byte
	for i := 0; len(words) < 4; i++ {
		if b := fmt.Append(nil, "word-", i); maphash.Bytes(wordSeed, b)%uint64(len(c)) == 0 {
			words = append(words, b)
		}
	}
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

// TestAWordIsReadWhateverCameBefore: the words that are remembered change neither
// what a word is nor what is refused.
func TestAWordIsReadWhateverCameBefore(t *testing.T) {
	read := func(d *decoder, text string) (string, int, bool) {
		d.data, d.pos = []byte(text), 0
		got, err := d.word(0, "header.messageType")
		return got, d.pos, err == nil
	}
	written := rapid.SampledFrom([]string{
		`"Paid"`, ` "Paid"`, `"P\u0061id"`, `"Pai"`, `"Paid\""`, `"größer"`, `""`, `null`, ` null`, `"Paid`, `"\ud800"`, `1`, ``, `"null"`,
	})
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(written, 2, 8).Draw(t, "texts")
		d := new(decoder)
		for _, text := range texts {
			got, pos, ok := read(d, text+`,"schemaName":"x"`)
			alone, alonePos, aloneOK := read(new(decoder), text+`,"schemaName":"x"`)
			if got != alone || ok != aloneOK || ok && pos != alonePos {
				t.Fatalf("%s of %s: %q up to %d, %v; alone %q up to %d, %v", text, texts, got, pos, ok, alone, alonePos, aloneOK)
			}
		}
	})
}
