package merge

import "math"

// hunk is a difference between two files: the lines [a0,a1) of the first are
// the lines [b0,b1) of the second.
type hunk struct{ a0, a1, b0, b1 int }

// diff returns the differences between a and b, in order. Between two of them
// there is at least one line that is the same in both.
func diff(a, b []int) []hunk {
	return diffWithin(a, b, max(256, int(math.Sqrt(float64(len(a)+len(b))))))
}

// diffWithin looks no further than limit steps for a shortest difference.
func diffWithin(a, b []int, limit int) []hunk {
	d := differ{a: a, b: b, deleted: make([]bool, len(a)), inserted: make([]bool, len(b)), limit: limit}
	d.run()
	slide(a, d.deleted, d.inserted)
	slide(b, d.inserted, d.deleted)
	return hunks(d.deleted, d.inserted)
}

// number gives equal lines the same number, in all files.
func number(files ...[]string) [][]int {
	known := make(map[string]int)
	numbers := make([][]int, len(files))
	for i, lines := range files {
		numbers[i] = make([]int, len(lines))
		for j, line := range lines {
			n, ok := known[line]
			if !ok {
				n = len(known)
				known[line] = n
			}
			numbers[i][j] = n
		}
	}
	return numbers
}

// hunks reads the marks of two files as differences.
func hunks(deleted, inserted []bool) []hunk {
	var all []hunk
	for i, j := 0, 0; i < len(deleted) || j < len(inserted); {
		h := hunk{a0: i, b0: j}
		for i < len(deleted) && deleted[i] {
			i++
		}
		for j < len(inserted) && inserted[j] {
			j++
		}
		if h.a1, h.b1 = i, j; h.a0 < i || h.b0 < j {
			all = append(all, h)
			continue
		}
		i++
		j++
	}
	return all
}

// differ marks the lines of a that are not in b, and of b that are not in a. It
// is the algorithm of E. Myers, "An O(ND) Difference Algorithm and Its
// Variations" (1986), in the variant that wants only linear space.
type differ struct {
	a, b              []int
	deleted, inserted []bool

	x, y     []int // the lines of a and b that are in both: their numbers, …
	xat, yat []int // … and where they are

	forward, backward []int // furthest reaching points by diagonal, which is offset
	offset, limit     int
}

func (d *differ) run() {
	d.x, d.xat = shared(d.a, d.b, d.deleted)
	d.y, d.yat = shared(d.b, d.a, d.inserted)
	d.offset = len(d.y) + 1
	d.forward = make([]int, len(d.x)+len(d.y)+3)
	d.backward = make([]int, len(d.forward))
	d.compare(0, len(d.x), 0, len(d.y))
}

// shared returns the lines that other has as well, and marks those that it has
// not. Files without a common line take no time that way.
func shared(lines, other []int, marks []bool) (numbers, at []int) {
	has := make(map[int]bool, len(other))
	for _, n := range other {
		has[n] = true
	}
	for i, n := range lines {
		if marks[i] = !has[n]; has[n] {
			numbers, at = append(numbers, n), append(at, i)
		}
	}
	return numbers, at
}

// compare marks the differences between x[x0:x1] and y[y0:y1].
func (d *differ) compare(x0, x1, y0, y1 int) {
	for x0 < x1 && y0 < y1 && d.x[x0] == d.y[y0] {
		x0++
		y0++
	}
	for x0 < x1 && y0 < y1 && d.x[x1-1] == d.y[y1-1] {
		x1--
		y1--
	}
	switch {
	case x0 == x1:
		for _, at := range d.yat[y0:y1] {
			d.inserted[at] = true
		}
	case y0 == y1:
		for _, at := range d.xat[x0:x1] {
			d.deleted[at] = true
		}
	default:
		x, y := d.split(x0, x1, y0, y1)
		d.compare(x0, x, y0, y)
		d.compare(x, x1, y, y1)
	}
}

// split finds a point on a shortest path from (x0,y0) to (x1,y1), by walking
// from both ends until the walks meet. After limit steps it takes the best point
// that it has: a path that is not the shortest is a difference all the same.
func (d *differ) split(x0, x1, y0, y1 int) (x, y int) {
	low, high := x0-y1, x1-y0 // the diagonals x-y that are inside
	start, end := x0-y0, x1-y1
	odd := (start-end)%2 != 0
	fmin, fmax, bmin, bmax := start, start, end, end
	fwd := func(k int) *int { return &d.forward[k+d.offset] }
	bwd := func(k int) *int { return &d.backward[k+d.offset] }
	*fwd(start), *bwd(end) = x0, x1
	for cost := 1; ; cost++ {
		fmin, fmax = widen(fwd, fmin, fmax, low, high, math.MinInt)
		for k := fmax; k >= fmin; k -= 2 {
			x := *fwd(k + 1)
			if *fwd(k - 1) >= x {
				x = *fwd(k - 1) + 1
			}
			for x < x1 && x-k < y1 && d.x[x] == d.y[x-k] {
				x++
			}
			*fwd(k) = x
			if odd && bmin <= k && k <= bmax && *bwd(k) <= x {
				return x, x - k
			}
		}
		bmin, bmax = widen(bwd, bmin, bmax, low, high, math.MaxInt)
		for k := bmax; k >= bmin; k -= 2 {
			x := *bwd(k - 1)
			if *bwd(k + 1) <= x {
				x = *bwd(k + 1) - 1
			}
			for x > x0 && x-k > y0 && d.x[x-1] == d.y[x-k-1] {
				x--
			}
			*bwd(k) = x
			if !odd && fmin <= k && k <= fmax && x <= *fwd(k) {
				return x, x - k
			}
		}
		if cost >= d.limit {
			return furthest(fwd, fmin, fmax, x1, y1)
		}
	}
}

// widen lets a walk use one more diagonal on each side, or one less where that
// is outside, and puts unreachable points beside the outermost.
func widen(at func(k int) *int, kmin, kmax, low, high, unreachable int) (newMin, newMax int) {
	if kmin > low {
		kmin--
		*at(kmin - 1) = unreachable
	} else {
		kmin++
	}
	if kmax < high {
		kmax++
		*at(kmax + 1) = unreachable
	} else {
		kmax--
	}
	return kmin, kmax
}

// furthest returns the point of a forward walk that is furthest from its start.
func furthest(fwd func(k int) *int, kmin, kmax, x1, y1 int) (x, y int) {
	best := math.MinInt
	for k := kmax; k >= kmin; k -= 2 {
		px := min(*fwd(k), x1)
		if px-k > y1 {
			px = y1 + k
		}
		if 2*px-k > best {
			best, x, y = 2*px-k, px, px-k
		}
	}
	return x, y
}

// slide moves each run of marked lines to the place where people expect it,
// wherever the lines around it are such that several places are right: beside a
// change in the other file, else as far down as it goes. Runs that come together
// become one.
func slide(lines []int, marks, others []bool) {
	start, other := 0, 0 // other is the line of the other file that is beside start
	for {
		for start < len(marks) && !marks[start] {
			other = skip(others, other) + 1
			start++
		}
		if start == len(marks) {
			return
		}
		end := start
		for end < len(marks) && marks[end] {
			end++
		}
		start, end, other = settle(lines, marks, others, start, end, other)
		start = end
	}
}

// skip returns the first line from i on that is not marked.
func skip(marks []bool, i int) int {
	for i < len(marks) && marks[i] {
		i++
	}
	return i
}

// settle slides the run [start,end). The other file's lines before other stand
// for the lines before start.
func settle(lines []int, marks, others []bool, start, end, other int) (newStart, newEnd, newOther int) {
	up := func() bool {
		if start == 0 || lines[start-1] != lines[end-1] {
			return false
		}
		start, end = start-1, end-1
		marks[start], marks[end] = true, false
		for start > 0 && marks[start-1] {
			start--
		}
		for other--; other > 0 && others[other-1]; other-- {
		}
		return true
	}
	down := func() bool {
		if end == len(lines) || lines[start] != lines[end] {
			return false
		}
		marks[start], marks[end] = false, true
		start, end = start+1, end+1
		for end < len(marks) && marks[end] {
			end++
		}
		other = skip(others, other) + 1
		return true
	}
	isBeside := func() bool { return other < len(others) && others[other] }
	beside := -1
	for size := -1; size != end-start; {
		size = end - start
		for up() {
		}
		beside = -1
		if isBeside() {
			beside = end
		}
		for down() {
			if isBeside() {
				beside = end
			}
		}
	}
	for beside >= 0 && end > beside && up() {
	}
	return start, end, other
}
