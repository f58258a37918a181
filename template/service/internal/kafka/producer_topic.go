package kafka

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/IBM/sarama"
)

// recountAfter is how old the number of partitions may be when a message comes.
const recountAfter = 30 * time.Second

// topic shares messages out to its partitions. All of it is under the queues'
// lock.
type topic struct {
	queues  *queues
	name    string
	waiting []*outgoing // until the partitions are known
	asking  bool        // whether somebody finds them out
	lanes   []*lane     // one a partition
	counted time.Time
	keyless int   // the partition that messages without a key go to at present
	bytes   int64 // of them, since it was chosen
	trouble error // why the last attempt failed, nil after one that did not
}

func (t *topic) add(o *outgoing) {
	if len(t.lanes) == 0 {
		t.waiting = append(t.waiting, o)
		if !t.asking {
			t.asking = true
			go t.ask()
		}
		return
	}
	if now := o.deadline.Add(-o.patience.timeout); now.Sub(t.counted) > recountAfter {
		t.counted = now
		go t.recount(now.Add(recountAfter))
	}
	t.share(o)
}

// share gives o to its partition.
func (t *topic) share(o *outgoing) {
	n := len(t.lanes)
	if o.message.Key != nil {
		t.lanes[int(murmur2(o.message.Key)&0x7fffffff)%n].add(o)
		return
	}
	// Messages without a key stay together while they wait, because one large
	// batch is cheaper than a small one for each partition.
	if t.bytes += o.size; t.bytes > batchBytes || !t.lanes[t.keyless].running {
		t.keyless, t.bytes = rand.IntN(n), o.size //nolint:gosec // any partition will do
	}
	t.lanes[t.keyless].add(o)
}

// ask finds out how many partitions the topic has, and tries until it knows or
// nobody waits for it any more.
func (t *topic) ask() {
	q := t.queues
	tries := q.policy.begin()
	var trouble error
	for {
		deadline, ok := t.patience(trouble)
		if !ok {
			return
		}
		var n int
		if n, trouble = t.count(deadline); trouble == nil {
			t.grow(n)
			return
		}
		// The client has asked several times by now.
		if hopeless(trouble) || errors.Is(trouble, sarama.ErrUnknownTopicOrPartition) {
			t.refuse(trouble)
			return
		}
		q.pause(next(tries), deadline)
	}
}

// recount finds out whether there are more partitions than before. When it
// fails, they are counted another time.
func (t *topic) recount(deadline time.Time) {
	if n, err := t.count(deadline); err == nil {
		t.grow(n)
	}
}

// count asks the cluster, until the deadline.
func (t *topic) count(deadline time.Time) (int, error) {
	type answer struct {
		n   int
		err error
	}
	a, ok := await(t.queues, deadline, func() answer {
		n, err := t.queues.link.partitions(t.name)
		return answer{n, err}
	})
	if !ok {
		return 0, errNoAnswer
	}
	return a.n, a.err
}

// patience notes why an attempt failed, if one did, and gives up those whose
// patience is at an end. It returns the next deadline, or false when nobody
// waits any more.
func (t *topic) patience(trouble error) (time.Time, bool) {
	q := t.queues
	q.mu.Lock()
	if trouble != nil {
		t.note(trouble)
		for _, o := range t.waiting {
			o.attempts++
		}
	}
	stay, gone := q.sift(t.waiting)
	t.waiting = stay
	t.asking = len(stay) > 0
	trouble = t.trouble
	q.mu.Unlock()
	q.giveUp(gone, trouble)
	if len(stay) == 0 {
		return time.Time{}, false
	}
	return earliest(stay), true
}

// note keeps why an attempt failed. That there was no answer in time says less
// than what there was before. It is called with the lock.
func (t *topic) note(err error) {
	if t.trouble == nil || !errors.Is(err, errNoAnswer) {
		t.trouble = err
	}
}

// grow notes how many partitions there are, and gives each its share of what
// waited.
func (t *topic) grow(n int) {
	t.queues.mu.Lock()
	defer t.queues.mu.Unlock()
	for len(t.lanes) < n {
		t.lanes = append(t.lanes, &lane{topic: t, partition: int32(len(t.lanes)), most: batchBytes})
	}
	t.counted = time.Now()
	for _, o := range t.waiting {
		t.share(o)
	}
	if t.asking {
		t.asking, t.waiting, t.trouble = false, nil, nil
	}
}

// refuse tells all who wait that the topic cannot be had.
func (t *topic) refuse(err error) {
	q := t.queues
	q.mu.Lock()
	refused := t.waiting
	t.waiting, t.asking, t.trouble = nil, false, err
	q.mu.Unlock()
	q.finish(refused, -1, -1, err)
}
