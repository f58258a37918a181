// Package rename gives things of a Go module other names in files that their user
// has edited: what packages declare, what topics are called, the module itself. It
// finds the places in the syntax tree and edits bytes, so that comments and layout
// survive. What a name means is decided by scopes and imports; where that is not
// enough to know, it says so instead. It reads and writes no file.
package rename

import (
	"bytes"
	"cmp"
	"go/format"
	"slices"
	"strings"

	"github.com/ouroboros-forge/forge/internal/merge"
)

// Edit puts text in the place of the bytes from Start to End.
type Edit struct {
	Start, End int
	Text       string
}

// Place is a line of a file of which there is something to say.
type Place struct {
	Path string
	Line int
	Text string
}

// Apply edits a text. Of edits that overlap the first in the list counts.
func Apply(src []byte, edits []Edit) []byte {
	var taken []Edit
	for _, e := range edits {
		if !slices.ContainsFunc(taken, func(t Edit) bool { return e.Start < t.End && t.Start < e.End || e == t }) {
			taken = append(taken, e)
		}
	}
	slices.SortStableFunc(taken, func(a, b Edit) int { return cmp.Compare(a.Start, b.Start) })
	var out bytes.Buffer
	done := 0
	for _, e := range taken {
		out.Write(src[done:e.Start])
		out.WriteString(e.Text)
		done = e.End
	}
	out.Write(src[done:])
	return out.Bytes()
}

// Format formats what became of a Go file, if that was formatted.
func Format(before, after []byte) []byte {
	if was, err := format.Source(before); err != nil || !bytes.Equal(was, before) {
		return after
	}
	if formatted, err := format.Source(after); err == nil {
		return formatted
	}
	return after
}

// Missed is a change of lines that was not made, since the user has changed them.
type Missed struct{ Base, Next []string }

// Lines returns the edits that make of ours, where its lines are as in base, what
// next has in their place. A file of ours whose lines all end in CR LF keeps that.
func Lines(base, next, ours []byte) (edits []Edit, missed []Missed) {
	if bytes.Equal(base, next) {
		return nil, nil
	}
	base, next = merge.LikeLines(ours, base), merge.LikeLines(ours, next)
	a, b, o := lines(base), lines(next), lines(ours)
	start := make([]int, len(o)+1) // where each line of ours begins
	for i, line := range o {
		start[i+1] = start[i] + len(line)
	}
	at := places(a, o)
	for _, c := range changes(a, b) {
		from := -1
		switch {
		case c.A0 < c.A1:
			from = at[c.A0]
		case c.A0 > 0 && at[c.A0-1] >= 0: // what comes in stands after the line before
			from = at[c.A0-1] + 1
		}
		isSame := from >= 0
		for i := c.A0; i < c.A1; i++ {
			isSame = isSame && at[i] == from+i-c.A0
		}
		if !isSame {
			missed = append(missed, Missed{a[c.A0:c.A1], b[c.B0:c.B1]})
			continue
		}
		edits = append(edits, Edit{start[from], start[from+c.A1-c.A0], strings.Join(b[c.B0:c.B1], "")})
	}
	return edits, missed
}

// lines are those of a text, with their line breaks.
func lines(text []byte) []string {
	all := strings.SplitAfter(string(text), "\n")
	if all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}

// places says for each line of a where it is in b, or -1.
func places(a, b []string) []int {
	at := make([]int, len(a)+1)
	i, j := 0, 0
	for _, c := range append(merge.Changes(a, b), merge.Change{A0: len(a), A1: len(a)}) {
		for ; i < c.A0; i, j = i+1, j+1 {
			at[i] = j
		}
		for ; i < c.A1; i++ {
			at[i] = -1
		}
		j = c.B1
	}
	at[len(a)] = -1
	return at
}

// changes are the differences of two texts that were made from the same template.
// Where they have as many lines, each line has its own.
func changes(a, b []string) []merge.Change {
	if len(a) != len(b) {
		return merge.Changes(a, b)
	}
	var all []merge.Change
	for i := range a {
		if a[i] != b[i] {
			all = append(all, merge.Change{A0: i, A1: i + 1, B0: i, B1: i + 1})
		}
	}
	return all
}
