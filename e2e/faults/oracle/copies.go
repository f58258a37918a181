package oracle

import "fmt"

// Copy is what a handler published for a message.
type Copy struct {
	ID  string // of the message
	Sum string // of the copy's value, empty where that may differ
}

// CheckCopies asks that each message has at least one copy, unaltered, and that each
// key's first copies are in order. The copies of a key are in the order of their log.
func CheckCopies(sent []Sent, copies []Copy) []string {
	wanted, seen, last := map[string]Sent{}, map[string]bool{}, map[string]Sent{}
	for _, m := range sent {
		wanted[m.ID] = m
	}
	var r Report
	var missing, altered, disorder int
	for _, c := range copies {
		m, ok := wanted[c.ID]
		if !ok || seen[c.ID] {
			continue
		}
		seen[c.ID] = true
		if c.Sum != "" && c.Sum != m.Sum {
			r.problem(&altered, "altered on its way: %s", &subject{Sent: m})
		}
		if before, ok := last[m.Key]; ok && m.Seq < before.Seq && m.Place == before.Place {
			r.problem(&disorder, "published after %s: %s", &subject{Sent: before}, &subject{Sent: m})
		}
		last[m.Key] = m
	}
	for id, m := range wanted {
		if !seen[id] {
			r.problem(&missing, "not published: %s", &subject{Sent: m})
		}
	}
	if missing+altered+disorder > 0 {
		r.Problems = append(r.Problems, fmt.Sprintf("of %d messages %d have no copy, %d an altered one, %d are out of order", len(sent), missing, altered, disorder))
	}
	return r.Problems
}
