package merge

// Similarity is how much of two texts is the same: the lines that both have, in the
// same order, as a part of all of theirs. It is 1 for equal texts alone.
func Similarity(a, b []byte) float64 {
	x, y := lines(a), lines(b)
	all := len(x) + len(y)
	if all == 0 {
		return 1
	}
	numbers := number(x, y)
	for _, h := range diff(numbers[0], numbers[1]) {
		all -= h.a1 - h.a0 + h.b1 - h.b0
	}
	return float64(all) / float64(len(x)+len(y))
}
