package oracle

import "slices"

// checkOrder holds each call against the message before it of the same key:
// that one must be done, in this life or an earlier one, before the call
// begins. Deliveries that come again after a restart pass, because what was
// done stays done; a message that overtook another does not.
func (j *judge) checkOrder() {
	type line struct {
		place Place
		key   string
	}
	keys := map[line][]*subject{}
	for _, s := range j.all {
		if s.Key != "" && !s.Gone && s.Place != (Place{}) {
			l := line{s.Place, s.Key}
			keys[l] = append(keys[l], s)
		}
	}
	r := &j.report
	for _, list := range keys {
		slices.SortFunc(list, func(a, b *subject) int { return compare(a.Seq, b.Seq) })
		for i := 1; i < len(list); i++ {
			before, s := list[i-1], list[i]
			if len(s.calls) > 0 && s.calls[0].Start < before.done {
				r.problem(&r.Disorder, "begun before %s was done: %s", before, s)
			}
		}
	}
}

// checkOverlap finds calls of one key that ran at the same time in one life.
func (j *judge) checkOverlap() {
	if j.run.Rules.Overlap {
		return
	}
	type line struct {
		life, key string
		place     Place
	}
	lines := map[line][]Call{}
	for _, c := range j.run.Calls {
		l := line{c.Life, c.Key, c.Place}
		lines[l] = append(lines[l], c)
	}
	r := &j.report
	for _, calls := range lines {
		slices.SortFunc(calls, func(a, b Call) int { return compare(a.Start, b.Start) })
		for i := 1; i < len(calls); i++ {
			before, c := calls[i-1], calls[i]
			if before.End == 0 || c.Start < before.End {
				r.problem(&r.Disorder, "ran beside %s@%d seq %d of its key in life %s: @%d seq %d", c.Place.Topic, before.Offset, before.Seq, c.Life, c.Offset, c.Seq)
			}
		}
	}
}

// checkCommits finds commits that passed a message that was not done.
func (j *judge) checkCommits() {
	r := &j.report
	highest := map[Place][]int64{} // when all up to and with this message were done
	for place, list := range j.places {
		var at int64
		times := make([]int64, len(list))
		for i, s := range list {
			if !s.Gone {
				at = max(at, s.done)
			}
			times[i] = at
		}
		highest[place] = times
	}
	for _, sample := range j.run.Samples {
		list := j.places[sample.Place]
		n, _ := slices.BinarySearchFunc(list, sample.Offset, func(s *subject, offset int64) int { return compare(s.Offset, offset) })
		if n > 0 && highest[sample.Place][n-1] > sample.At {
			i := slices.IndexFunc(list[:n], func(s *subject) bool { return !s.Gone && s.done > sample.At })
			r.problem(&r.Passed, "committed %d passed a message that was not done: %s", sample.Offset, list[i])
		}
	}
}
