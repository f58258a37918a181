package ops

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
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

// answer asks the checks, all at once, and writes 200 and ok, or 503 and what is
// wrong first: a line for each that has a name or is wrong.
func answer(ctx context.Context, w http.ResponseWriter, checks []Check) {
	errs := make([]error, len(checks))
	var all sync.WaitGroup
	for i, c := range checks {
		all.Go(func() { errs[i] = c.ask(ctx) })
	}
	all.Wait()
	var wrong, right []string
	for i, c := range checks {
		switch {
		case errs[i] != nil: // on one line: some drivers' errors have several
			text := strings.Join(strings.Fields(errs[i].Error()), " ")
			wrong = append(wrong, strings.TrimPrefix(c.Name+": "+text, ": "))
		case c.Name != "":
			right = append(right, c.Name+": ok")
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if len(wrong) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
	} else {
		wrong = []string{"ok"}
	}
	_, _ = io.WriteString(w, strings.Join(append(wrong, right...), "\n")+"\n") // a client that has gone needs no answer
}
