package oracle

import "slices"

// checkRepeats counts what was done more than once, and finds what was done
// again although the life that had done it should have committed it.
func (j *judge) checkRepeats() {
	r := &j.report
	last := j.activity()
	for _, s := range j.all {
		r.Repeated += max(0, len(s.dead)-1)
		if s.Gone {
			continue
		}
		for i, c := range s.calls {
			if c.Outcome != Done || i+1 == len(s.calls) {
				continue
			}
			next := s.calls[i+1]
			r.Repeated++
			if why := j.excess(s, c, next, last); why != "" {
				r.problem(&r.Excess, "handled again by life %s, %s: %s", next.Life, why, s)
			}
		}
	}
}

// lifeAt is a life at a partition.
type lifeAt struct {
	life  string
	place Place
}

// activity returns when each life did something at a partition, in order.
func (j *judge) activity() map[lifeAt][]int64 {
	times := map[lifeAt][]int64{}
	for _, c := range j.run.Calls {
		k := lifeAt{c.Life, c.Place}
		times[k] = append(times[k], max(c.Start, c.End))
	}
	for _, list := range times {
		slices.Sort(list)
	}
	return times
}

// ended returns when the claim ended in which c ran, as far as can be known: at
// the end of its life's session, or with the last thing that the life did there
// before next.
func (j *judge) ended(c, next Call, active map[lifeAt][]int64) int64 {
	at := int64(never)
	for _, e := range j.run.Ends {
		if e.Life == c.Life && e.At >= c.End && e.At <= next.Start {
			at = min(at, e.At)
		}
	}
	if at != never {
		return at
	}
	list := active[lifeAt{c.Life, c.Place}]
	n, _ := slices.BinarySearch(list, next.Start)
	if n == 0 {
		return c.End
	}
	return list[n-1]
}

// excess returns why s, done by c, should have been committed before next
// came, and nothing when it need not have been. A message may come again when
// it became committable less than the commit time before its claim's end, or
// when one before it in the partition was not done by then; but never further
// than the span beyond that one.
func (j *judge) excess(s *subject, c, next Call, active map[lifeAt][]int64) string {
	end := j.ended(c, next, active)
	list := j.places[s.Place]
	at := c.End // when everything from the span's begin to s was done
	n, _ := slices.BinarySearchFunc(list, s.Offset, func(o *subject, offset int64) int { return compare(o.Offset, offset) })
	for i := n - 1; i >= 0 && list[i].Offset >= s.Offset-j.run.Rules.Span; i-- {
		if !list[i].Gone {
			at = max(at, list[i].doneIn(c.Life, end))
		}
		if at >= end {
			return "" // held back by one that was not done
		}
	}
	if at < end-int64(j.run.Rules.Commit) {
		return "long after it could have been committed"
	}
	return ""
}

// doneIn returns when the message was done for a life that ended at end: by its
// own last call, when it has one, or else by whoever did it first.
func (s *subject) doneIn(life string, end int64) int64 {
	at := int64(0)
	for _, c := range s.calls {
		if c.Life != life || c.Start > end {
			continue
		}
		at = never
		if c.Outcome == Done && c.End > 0 && c.End <= end {
			at = c.End
		}
	}
	for _, d := range s.dead {
		if at == never && d.At <= end {
			at = d.At
		}
	}
	if at != 0 {
		return at
	}
	return s.done
}
