package oracle

import (
	"bufio"
	"fmt"
	"io"
)

// ReadCalls reads what handlers wrote down: a line "S life id key seq topic
// partition offset attempt start" when a call begins and "E …the same… end
// outcome" when it ends. A last line that a killed process wrote in part is
// left out.
func ReadCalls(r io.Reader) ([]Call, error) {
	type run struct {
		id, life string
		start    int64
	}
	var calls []Call
	index := map[run]int{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var kind string
		var c Call
		n, _ := fmt.Sscan(lines.Text(), &kind, &c.Life, &c.ID, &c.Key, &c.Seq, &c.Place.Topic, &c.Place.Partition, &c.Offset, &c.Attempt, &c.Start, &c.End, &c.Outcome)
		k := run{c.ID, c.Life, c.Start}
		switch {
		case kind == "S" && n == 10:
			index[k] = len(calls)
			calls = append(calls, c)
		case kind == "E" && n == 12:
			i, ok := index[k]
			if !ok {
				return nil, fmt.Errorf("a call ends that did not begin: %s", lines.Text())
			}
			calls[i] = c
		}
	}
	return calls, lines.Err()
}
