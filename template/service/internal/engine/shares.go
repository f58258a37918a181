package engine

// shares keeps one lane from taking the workers that others need. Every active
// lane has a number of workers reserved; beyond its own, a lane may take only
// workers that no other lane's reserve waits for. So all workers are used when
// one lane alone has work, and a slow lane cannot take them all.
type shares struct {
	active   int // lanes that had messages lately
	reserved int // workers reserved for each of them
	missing  int // reserved workers that are not at their lanes, over all active lanes
	spare    int // kept for lanes that are not active, so that they need not wait for a stuck one
}

// sparing is from how many workers on one is spared for lanes that are not active.
const sparing = 8

// reservedPart is how much of the workers is reserved, the rest goes to who
// comes first. A half leaves a busy lane most of what idle ones do not use.
const reservedPart = 2

// reset computes the reserves after lanes became active or not.
func (s *shares) reset(lanes []*Lane, workers int) {
	*s = shares{}
	for _, l := range lanes {
		if l.active {
			s.active++
		}
	}
	if s.active < len(lanes) && workers >= sparing {
		s.spare = 1
	}
	if s.active < 2 || workers < s.active {
		return // nobody to protect, or too few workers to reserve any
	}
	s.reserved = max(1, workers/s.active/reservedPart)
	for _, l := range lanes {
		if l.active {
			s.missing += max(0, s.reserved-l.workers)
		}
	}
}

// allows reports whether l may have one of the free workers.
func (s *shares) allows(l *Lane, free int) bool {
	return l.workers < s.reserved || free > s.missing+s.spare
}

// took notes that a worker went to l.
func (s *shares) took(l *Lane) {
	if l.active && l.workers < s.reserved {
		s.missing--
	}
	l.workers++
}

// left notes that a worker came back from l.
func (s *shares) left(l *Lane) {
	l.workers--
	if l.active && l.workers < s.reserved {
		s.missing++
	}
}
