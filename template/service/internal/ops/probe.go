package ops

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Check is a function of the user's that /readyz asks.
type Check struct {
	Name string
	Ask  func(context.Context) error
}

// checkTimeout is what a check has to answer.
const checkTimeout = 2 * time.Second

// ask returns the check's answer. One that does not heed its context is left
// behind.
func (c Check) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	answer := make(chan error, 1)
	go func() { answer <- message.Protect(ctx, c.Ask) }()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("did not answer within %v", checkTimeout)
	}
}

// report is what a probe answers: a line for each that was asked.
type report struct{ wrong, right []string }

// add notes an answer. What has no name is shown only when it is wrong.
func (r *report) add(name string, err error) {
	if name != "" {
		name += ": "
	}
	switch {
	case err != nil: // on one line: some drivers' errors have several
		r.wrong = append(r.wrong, name+strings.Join(strings.Fields(err.Error()), " "))
	case name != "":
		r.right = append(r.right, name+"ok")
	}
}

// write answers 200 and ok, or 503 and what is wrong first.
func (r *report) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if len(r.wrong) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
	} else {
		r.wrong = []string{"ok"}
	}
	_, _ = io.WriteString(w, strings.Join(append(r.wrong, r.right...), "\n")+"\n") // a client that has gone needs no answer
}
