package merge

import "strings"

// Markers finds the conflicts that Three left in a text: those with all of its
// markers, in order.
func Markers(text []byte) []Conflict {
	marks := []string{"<<<<<<< ", "||||||| ", "=======", ">>>>>>> "}
	var all []Conflict
	n, at, start := 0, 0, 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, marks[0]):
			at, start = 1, n
		case at == 2 && line != marks[2], at == 0, !strings.HasPrefix(line, marks[at]):
		case at == 3:
			all = append(all, Conflict{Start: start, End: n})
			at = 0
		default:
			at++
		}
	}
	return all
}
