package merge

// Change is a difference between two texts: the lines [A0,A1) of the first are the
// lines [B0,B1) of the second.
type Change struct{ A0, A1, B0, B1 int }

// Changes returns the differences between the lines of two texts, in order. All
// other lines are the same ones in both.
func Changes(a, b []string) []Change {
	numbers := number(a, b)
	var all []Change
	for _, h := range diff(numbers[0], numbers[1]) {
		all = append(all, Change{h.a0, h.a1, h.b0, h.b1})
	}
	return all
}
