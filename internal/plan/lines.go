package plan

import (
	"strings"

	"github.com/ouroboros-forge/forge/internal/merge"
)

// changedLines are the lines that are taken out of a text and put into it to make
// the other of it. Blank ones are not worth a word.
func changedLines(from, to []byte) (lines []Line) {
	a, b := strings.Split(string(from), "\n"), strings.Split(string(to), "\n")
	add := func(op byte, texts []string) {
		for _, text := range texts {
			if strings.TrimSpace(text) != "" {
				lines = append(lines, Line{op, text})
			}
		}
	}
	for _, c := range merge.Changes(a, b) {
		add('-', a[c.A0:c.A1])
		add('+', b[c.B0:c.B1])
	}
	return lines
}
