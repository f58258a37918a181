package oracle

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	second   = int64(time.Second)
	interval = int64(10 * time.Millisecond) // between two messages
	keys     = 4
)

var place = Place{"work", 0}

// clean returns a run of n messages in which life "a" does everything in order
// and commits each second, life "b" repeats the last of what "a" had not
// committed, and every tenth message is a dead letter.
func clean(n int) Run {
	run := Run{Rules: Rules{Commit: time.Second, Span: 100}}
	for i := range n {
		at := second + int64(i)*interval
		m := Sent{ID: fmt.Sprint("m", i), Key: fmt.Sprint("k", i%keys), Seq: int64(i/keys + 1), Place: place, Offset: int64(i), At: at, Sum: "x", Dead: i%10 == 9}
		run.Sent = append(run.Sent, m)
		if m.Dead {
			run.Dead = append(run.Dead, Dead{ID: m.ID, Place: place, Offset: m.Offset, At: at + 2, Sum: "x"})
			continue
		}
		run.Calls = append(run.Calls, call(m, "a", at+1, at+interval/2))
	}
	for i := 99; i < n; i += 100 {
		run.Samples = append(run.Samples, Sample{place, int64(i + 1), second + int64(i+1)*interval})
	}
	restart := second + int64(n)*interval + second
	for i := n - 50; i < n; i++ {
		if m := run.Sent[i]; !m.Dead {
			at := restart + int64(i)*interval
			run.Calls = append(run.Calls, call(m, "b", at, at+interval/2))
		}
	}
	return run
}

func call(m Sent, life string, start, end int64) Call {
	return Call{ID: m.ID, Key: m.Key, Seq: m.Seq, Place: m.Place, Offset: m.Offset, Life: life, Attempt: 1, Start: start, End: end, Outcome: Done}
}

// findCall returns the index of life's call of a message.
func findCall(t *testing.T, run Run, life, id string) int {
	t.Helper()
	i := slices.IndexFunc(run.Calls, func(c Call) bool { return c.Life == life && c.ID == id })
	if i < 0 {
		t.Fatalf("no call of %s in %s", id, life)
	}
	return i
}

func TestACleanRunPasses(t *testing.T) {
	got := Check(clean(1000))
	if !got.OK() || got.Produced != 1000 || got.Handled != 900 || got.Dead != 100 || got.Repeated != 45 {
		t.Errorf("report is %+v", got)
	}
	if want := time.Duration(interval / 2); got.Worst != want {
		t.Errorf("the worst delay is %v, want %v", got.Worst, want)
	}
}

// Each planted mistake must be found, and by the check that is for it.
func TestPlantedMistakesAreFound(t *testing.T) {
	for _, c := range []struct {
		name  string
		plant func(*testing.T, *Run)
		found func(Report) int
		words string
	}{
		{"a message is lost", func(t *testing.T, run *Run) {
			i := findCall(t, *run, "a", "m401")
			run.Calls = slices.Delete(run.Calls, i, i+1)
		}, func(r Report) int { return r.Lost }, "lost: work/0@401"},
		{"a dead letter is lost", func(_ *testing.T, run *Run) {
			run.Dead = slices.Delete(run.Dead, 5, 6)
		}, func(r Report) int { return r.Lost }, "lost: work/0@59"},
		{"a handler began and never ended", func(t *testing.T, run *Run) {
			run.Calls[findCall(t, *run, "a", "m401")].End = 0
		}, func(r Report) int { return r.Lost }, "lost: work/0@401"},
		{"two messages of a key are swapped", func(t *testing.T, run *Run) {
			x, y := findCall(t, *run, "a", "m400"), findCall(t, *run, "a", "m404")
			a, b := &run.Calls[x], &run.Calls[y]
			a.Start, a.End, b.Start, b.End = b.Start, b.End, a.Start, a.End
		}, func(r Report) int { return r.Disorder }, "begun before work/0@400"},
		{"a message overtakes a dead letter", func(t *testing.T, run *Run) {
			i := slices.IndexFunc(run.Dead, func(d Dead) bool { return d.ID == "m409" })
			run.Dead[i].At = run.Calls[findCall(t, *run, "a", "m413")].Start + 1
		}, func(r Report) int { return r.Disorder }, "begun before work/0@409"},
		{"two of a key run at once, the second time", func(t *testing.T, run *Run) {
			run.Calls[findCall(t, *run, "b", "m960")].End += keys * interval
		}, func(r Report) int { return r.Disorder }, "ran beside"},
		{"too much is done again", func(_ *testing.T, run *Run) {
			m := run.Sent[700] // three seconds before the end
			end := run.Calls[len(run.Calls)-1].End
			run.Calls = append(run.Calls, call(m, "b", end+1, end+2))
		}, func(r Report) int { return r.Excess }, "long after it could have been committed: work/0@700"},
		{"the message that held others back was beyond the span", func(t *testing.T, run *Run) {
			// m400 is done only by "b", so nothing after it can be committed; but
			// 300 messages beyond it are more than the service may have open.
			x := findCall(t, *run, "a", "m400")
			held := run.Calls[x]
			run.Calls[x].Outcome = "retry"
			end := run.Calls[len(run.Calls)-1].End
			held.Life, held.Start, held.End = "b", end+1, end+2
			run.Calls = append(run.Calls, held)
			run.Calls = append(run.Calls, call(run.Sent[701], "b", end+3, end+4))
		}, func(r Report) int { return r.Excess }, "work/0@701"},
		{"a commit passes a message that is not done", func(_ *testing.T, run *Run) {
			run.Samples[4].Offset++
		}, func(r Report) int { return r.Passed }, "committed 501 passed"},
		{"a commit passes a dead letter that is not acknowledged", func(_ *testing.T, run *Run) {
			i := slices.IndexFunc(run.Dead, func(d Dead) bool { return d.ID == "m499" })
			run.Dead[i].At += second
		}, func(r Report) int { return r.Passed }, "passed a message that was not done: work/0@499"},
		{"a dead letter is altered", func(_ *testing.T, run *Run) {
			run.Dead[3].Sum = "y"
		}, func(r Report) int { return r.Misled }, "altered"},
		{"a good message is dead-lettered", func(_ *testing.T, run *Run) {
			m := run.Sent[500]
			run.Dead = append(run.Dead, Dead{ID: m.ID, Place: place, Offset: m.Offset, At: m.At + 2, Sum: "x"})
		}, func(r Report) int { return r.Misled }, "dead-lettered instead of handled"},
		{"a bad message is handled", func(_ *testing.T, run *Run) {
			m := run.Sent[509]
			run.Calls = append(run.Calls, call(m, "a", m.At+1, m.At+3))
		}, func(r Report) int { return r.Misled }, "handled instead of dead-lettered"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := clean(1000)
			c.plant(t, &run)
			got := Check(run)
			if c.found(got) == 0 || got.OK() || !strings.Contains(strings.Join(got.Problems, "\n"), c.words) {
				t.Errorf("not found: %+v", got)
			}
		})
	}
}

// What is allowed must not be reported, or the reports are not believed.
func TestWhatMayBePasses(t *testing.T) {
	for _, c := range []struct {
		name string
		may  func(*testing.T, *Run)
	}{
		{"a message holds others back within the span", func(t *testing.T, run *Run) {
			i := findCall(t, *run, "a", "m920")
			run.Calls[i].Outcome = "retry"
			end := run.Calls[len(run.Calls)-1].End
			for _, c := range run.Calls[i:] { // all after it come again
				if c.Life == "a" {
					c.Life, c.Start, c.End, c.Outcome = "c", c.Start+end, c.End+end, Done
					run.Calls = append(run.Calls, c)
				}
			}
			run.Samples = run.Samples[:9]
			// Those of its key waited for it.
			run.Calls = slices.DeleteFunc(run.Calls, func(c Call) bool {
				return c.Life != "c" && c.Key == "k0" && c.Offset > 920
			})
		}},
		{"what the cluster lost", func(_ *testing.T, run *Run) {
			run.Sent[500].Gone = true
			run.Calls = slices.DeleteFunc(run.Calls, func(c Call) bool { return c.ID == "m500" })
		}},
		{"an overlap, where a handler was abandoned", func(t *testing.T, run *Run) {
			run.Rules.Overlap = true
			run.Calls[findCall(t, *run, "b", "m960")].End += keys * interval
		}},
		{"a session's end long before the message comes again", func(_ *testing.T, run *Run) {
			m := run.Sent[700]
			run.Ends = []End{{"a", m.At + interval}}
			again := call(m, "a", m.At+3*second, m.At+3*second+1)
			run.Rules.Overlap = true
			run.Calls = append(run.Calls, again)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := clean(1000)
			c.may(t, &run)
			if got := Check(run); !got.OK() {
				t.Errorf("reported: %+v", got)
			}
		})
	}
}

func TestCallsAreReadBack(t *testing.T) {
	const lines = `S l1 id1 k0 1 work 2 30 1 1000
S l1 id2 k1 7 work 2 31 1 1001
E l1 id1 k0 1 work 2 30 1 1000 1005 ok
S l1 id1 k0 1 work 2 30 1 2000
E l1 id1 k0 1 wo`
	got, err := ReadCalls(strings.NewReader(lines))
	if err != nil || len(got) != 3 {
		t.Fatalf("%d calls, %v", len(got), err)
	}
	want := Call{ID: "id1", Key: "k0", Seq: 1, Place: Place{"work", 2}, Offset: 30, Life: "l1", Attempt: 1, Start: 1000, End: 1005, Outcome: Done}
	if got[0] != want || got[1].End != 0 || got[2].End != 0 {
		t.Errorf("calls are %+v", got)
	}
	if _, err := ReadCalls(strings.NewReader("E l1 id1 k0 1 work 2 30 1 1000 1005 ok\n")); err == nil {
		t.Error("an end without a begin is no error")
	}
}

func TestCopiesOfEachMessageInOrder(t *testing.T) {
	place := Place{Topic: "t"}
	sent := []Sent{{ID: "a", Key: "k", Seq: 1, Place: place, Sum: "1"}, {ID: "b", Key: "k", Seq: 2, Place: place, Sum: "2"}}
	for name, c := range map[string]struct {
		copies []Copy
		want   int // problems, and a line of how many
	}{
		"once":          {[]Copy{{"a", "1"}, {"b", "2"}}, 0},
		"again":         {[]Copy{{"a", "1"}, {"b", "2"}, {"a", "1"}, {"b", "2"}}, 0},
		"one missing":   {[]Copy{{"a", "1"}}, 2},
		"altered":       {[]Copy{{"a", "1"}, {"b", "3"}}, 2},
		"out of order":  {[]Copy{{"b", "2"}, {"a", "1"}}, 2},
		"of no message": {[]Copy{{"c", "9"}, {"a", "1"}, {"b", ""}}, 0},
	} {
		if got := CheckCopies(sent, c.copies); len(got) != c.want {
			t.Errorf("%s: %d problems, want %d: %v", name, len(got), c.want, got)
		}
	}
}
