package jetstream

import (
	"maps"
	"slices"
	"testing"
)

// TestAnInstanceYieldsWhatIsMoreThanItsShare, of each topic and of all that is served to
// anybody: partitions in which nothing is count for nobody.
func TestAnInstanceYieldsWhatIsMoreThanItsShare(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		mine, other map[string]int // partitions by topic
		waiting     int            // instances, besides this one
		want        string         // the topic of which one is yielded
	}{
		{"all of the only topic with messages", map[string]int{"orders": 6}, nil, 1, "orders"},
		{"half of it", map[string]int{"orders": 3}, map[string]int{"orders": 3}, 1, ""},
		{"all of one topic, nothing of another", map[string]int{"orders": 6}, map[string]int{"refunds": 6}, 1, "orders"},
		{"nobody waits", map[string]int{"orders": 6, "refunds": 6}, nil, 0, ""},
		{"the odd ones of two topics", map[string]int{"orders": 2, "refunds": 2}, map[string]int{"orders": 1, "refunds": 1}, 1, "a topic"},
		{"topics of one partition", map[string]int{"a": 1, "b": 1, "c": 1}, nil, 2, "a topic"},
		{"more instances than partitions", map[string]int{"orders": 1}, map[string]int{"orders": 1}, 5, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var all []place
			topics := map[string]bool{}
			add := func(partitions map[string]int, isMine bool) {
				for topic, n := range partitions {
					topics[topic] = true
					for range n {
						all = append(all, place{&subscription{layout: Layout{topic: topic}}, isMine, c.waiting})
					}
				}
			}
			add(c.mine, true)
			add(c.other, false)
			switch p := surplus(slices.Sorted(maps.Keys(topics)), all); {
			case p == nil && c.want != "":
				t.Error("nothing is yielded")
			case p != nil && c.want != "a topic" && p.layout.topic != c.want:
				t.Errorf("a partition of %s is yielded, want %q", p.layout.topic, c.want)
			}
		})
	}
}
