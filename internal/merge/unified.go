package merge

import (
	"fmt"
	"strconv"
	"strings"
)

// context is how many lines a patch shows around a change.
const context = 3

// Patch returns the difference between two versions of a file in unified form,
// "" if there is none. A version that is nil is a file that is not there.
func Patch(from, to string, a, b []byte) string {
	if a == nil {
		from = "/dev/null"
	}
	if b == nil {
		to = "/dev/null"
	}
	if isBinary(a) || isBinary(b) {
		return fmt.Sprintf("Binary files %s and %s differ\n", from, to)
	}
	x, y := lines(a), lines(b)
	numbers := number(x, y)
	var out strings.Builder
	all := diff(numbers[0], numbers[1])
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].a0-all[n-1].a1 <= 2*context {
			n++
		}
		if out.Len() == 0 {
			fmt.Fprintf(&out, "--- %s\n+++ %s\n", from, to)
		}
		writeHunks(&out, x, y, all[:n])
		all = all[n:]
	}
	return out.String()
}

// writeHunks writes hunks that are near each other as one.
func writeHunks(out *strings.Builder, x, y []string, near []hunk) {
	first, last := near[0], near[len(near)-1]
	before := min(context, first.a0)
	after := min(context, len(x)-last.a1)
	a0, b0, a1, b1 := first.a0-before, first.b0-before, last.a1+after, last.b1+after
	fmt.Fprintf(out, "@@ -%s +%s @@\n", span(a0, a1), span(b0, b1))
	at := a0
	for _, h := range near {
		writeLines(out, ' ', x[at:h.a0])
		writeLines(out, '-', x[h.a0:h.a1])
		writeLines(out, '+', y[h.b0:h.b1])
		at = h.a1
	}
	writeLines(out, ' ', x[at:a1])
}

// span is the lines from start to end as a patch has them: the first, counted
// from 1, and how many; of none it is the line before.
func span(start, end int) string {
	switch n := end - start; n {
	case 0:
		return fmt.Sprintf("%d,0", start)
	case 1:
		return strconv.Itoa(end)
	default:
		return fmt.Sprintf("%d,%d", start+1, n)
	}
}

func writeLines(out *strings.Builder, mark byte, lines []string) {
	for _, line := range lines {
		out.WriteByte(mark)
		out.WriteString(line)
		if !strings.HasSuffix(line, "\n") {
			out.WriteString("\n\\ No newline at end of file\n")
		}
	}
}
