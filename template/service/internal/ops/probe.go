package ops

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Check is a function of the user's that /readyz asks.
type Check struct {
	Name string
	Ask  func(context.Context) error
}

// checkTimeout is what a check has to answer.
const checkTimeout = 2 * time.Second

// report is what a probe answers: a line for each that was asked, what is wrong
// first.
type report struct{ wrong, right []string }

// add notes the answer of name, which the only consumer needs not.
func (r *report) add(name string, err error) {
	prefix := ""
	if name != "" {
		prefix = name + ": "
	}
	switch {
	case err != nil:
		r.wrong = append(r.wrong, prefix+oneLine(err))
	case name != "":
		r.right = append(r.right, prefix+"ok")
	}
}

// live asks the consumers whether only a restart can help.
func (s *Server) live() (r report) {
	for _, c := range s.Consumers {
		r.add(s.nameOf(c), c.Live())
	}
	return r
}

// ready asks the consumers and the checks. Until all has started there is nothing
// that they could be asked.
func (s *Server) ready(ctx context.Context) (r report) {
	if err := s.State(); err != nil {
		r.add("", err)
		return r
	}
	for _, c := range s.Consumers {
		r.add(s.nameOf(c), c.Ready())
	}
	answers := make([]error, len(s.Checks))
	var all sync.WaitGroup
	for i, c := range s.Checks {
		all.Go(func() { answers[i] = c.ask(ctx) })
	}
	all.Wait()
	for i, c := range s.Checks {
		r.add(c.Name, answers[i])
	}
	return r
}

// nameOf returns the name of a consumer where there are several.
func (s *Server) nameOf(c Consumer) string {
	if len(s.Consumers) < 2 {
		return ""
	}
	return c.Name()
}

// ask returns the check's answer. One that heeds no context is left behind.
func (c Check) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	answer := make(chan error, 1)
	go func() { answer <- c.Ask(ctx) }()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("did not answer within %v", checkTimeout)
	}
}

// answer writes the report.
func answer(w http.ResponseWriter, r report) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	lines := slices.Concat(r.wrong, r.right)
	if len(r.wrong) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
	} else {
		lines = append([]string{"ok"}, r.right...)
	}
	_, _ = io.WriteString(w, strings.Join(lines, "\n")+"\n") // a client that has gone needs no answer
}

// oneLine returns the error's text on one line: some drivers' have several.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
