package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// How often a step that takes long says where it is.
const (
	liveEvery  = 100 * time.Millisecond
	plainEvery = 10 * time.Second
)

// steps shows on w what forge is doing: on a terminal a line that changes, else
// a line now and then; and in the end what each step did and how long it took.
type steps struct {
	w     io.Writer
	live  bool
	width int
}

// do runs work as the step of that name. What work reports, from any
// goroutine, is shown as the step's state; the last report stays.
func (s steps) do(name string, work func(report func(string)) error) error {
	st := &step{steps: s, name: name, start: time.Now()}
	stop := make(chan struct{})
	var ticking sync.WaitGroup
	ticking.Go(func() { st.tick(stop) })
	err := work(st.report)
	close(stop)
	ticking.Wait()
	st.end(err)
	return err
}

type step struct {
	steps
	name  string
	start time.Time

	mu    sync.Mutex
	state string
}

func (st *step) report(state string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.state = state
}

// tick shows the state until stop is closed.
func (st *step) tick(stop <-chan struct{}) {
	every := plainEvery
	if st.live {
		every = liveEvery
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			st.show()
		}
	}
}

func (st *step) show() {
	if !st.live {
		fmt.Fprintln(st.w, st.line())
		return
	}
	fmt.Fprintf(st.w, "\r\x1b[K%s", ansi.Truncate(st.line(), st.width-1, "…"))
}

// end leaves the step's last line, or nothing if it failed: its error follows.
func (st *step) end(err error) {
	if st.live {
		fmt.Fprint(st.w, "\r\x1b[K")
	}
	if err == nil {
		fmt.Fprintln(st.w, st.line())
	}
}

func (st *step) line() string {
	st.mu.Lock()
	defer st.mu.Unlock()
	return fmt.Sprintf("  %-9s %7s  %s", st.name, seconds(time.Since(st.start)), st.state)
}

// seconds is d as a person times things that are waited for.
func seconds(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
