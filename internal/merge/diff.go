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
			x := d.ahead(max(*fwd(k - 1)+1, *fwd(k + 1)), k, x1, y1)
			*fwd(k) = x
			if odd && bmin <= k && k <= bmax && *bwd(k) <= x {
				return x, x - k
			}
		}
		bmin, bmax = widen(bwd, bmin, bmax, low, high, math.MaxInt)
		for k := bmax; k >= bmin; k -= 2 {
			x := d.back(min(*bwd(k - 1), *bwd(k + 1)-1), k, x0, y0)
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

// ahead goes on along a diagonal as long as the lines are the same.
func (d *differ) ahead(x, k, x1, y1 int) int {
	for x < x1 && x-k < y1 && d.x[x] == d.y[x-k] {
		x++
	}
	return x
}

// back goes back along a diagonal as long as the lines are the same.
func (d *differ) back(x, k, x0, y0 int) int {
	for x > x0 && x-k > y0 && d.x[x-1] == d.y[x-k-1] {
		x--
	}
	return x
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
	r := run{lines: lines, marks: marks, others: others}
	for r.next() {
		r.settle()
	}
}

// run is a run of marked lines, [start,end). The other file's lines before other
// stand for the lines before start.
type run struct {
	lines         []int
	marks, others []bool

	start, end, other int
}

// next finds the run after this one.
func (r *run) next() bool {
	r.start = r.end
	for r.start < len(r.marks) && !r.marks[r.start] {
		r.skip()
		r.start++
	}
	r.end = r.start
	r.grow()
	return r.start < r.end
}

// skip goes on in the other file, past the next line that both have.
func (r *run) skip() {
	for r.other < len(r.others) && r.others[r.other] {
		r.other++
	}
	r.other++
}

// grow takes in the marked lines that follow.
func (r *run) grow() {
	for r.end < len(r.marks) && r.marks[r.end] {
		r.end++
	}
}

// isBeside reports whether the other file has a change at this place.
func (r *run) isBeside() bool { return r.other < len(r.others) && r.others[r.other] }

// up slides the run up by a line, if that makes no difference.
func (r *run) up() bool {
	if r.start == 0 || r.lines[r.start-1] != r.lines[r.end-1] {
		return false
	}
	r.start, r.end = r.start-1, r.end-1
	r.marks[r.start], r.marks[r.end] = true, false
	for r.start > 0 && r.marks[r.start-1] {
		r.start--
	}
	r.other--
	for r.other > 0 && r.others[r.other-1] {
		r.other--
	}
	return true
}

// down slides the run down by a line, if that makes no difference.
func (r *run) down() bool {
	if r.end == len(r.lines) || r.lines[r.start] != r.lines[r.end] {
		return false
	}
	r.marks[r.start], r.marks[r.end] = false, true
	r.start, r.end = r.start+1, r.end+1
	r.grow()
	r.skip()
	return true
}

// settle slides the run to its place. It may have become longer on the way, which
// opens other places.
func (r *run) settle() {
	beside := -1 // the lowest end at which the run is beside a change
	for size := -1; size != r.end-r.start; {
		size = r.end - r.start
		for moved := true; moved; {
			moved = r.up()
		}
		beside = -1
		for moved := true; moved; moved = r.down() {
			if r.isBeside() {
				beside = r.end
			}
		}
		if r.isBeside() {
			beside = r.end
		}
	}
	for moved := true; moved && beside >= 0 && r.end > beside; {
		moved = r.up()
	}
}
