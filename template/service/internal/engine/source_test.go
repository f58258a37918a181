//go:build !group

package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

// TestASourceEndsWithItsEngineAndSaysHow: the engine runs until the source has drained, the source
// consumes until the engine stops, and neither's error is lost.
func TestASourceEndsWithItsEngineAndSaysHow(t *testing.T) {
	t.Parallel()
	broken, stopped := errors.New("no such queue"), errors.New("stopped by the error policy")
	for name, c := range map[string]struct {
		left     []string
		consumed bool
		err      error // of the source
		stop     error // of the engine, before ctx ends
		says     string
	}{
		"all done":      {nil, true, nil, nil, "stopped, all acknowledged"},
		"never began":   {nil, false, nil, nil, "stopped before it had consumed"},
		"work left":     {[]string{"payments-1"}, true, nil, nil, `level=WARN msg="stopped with work left: it will be delivered again" queues=[payments-1]`},
		"source fails":  {nil, true, broken, nil, ""},
		"engine stops":  {nil, true, nil, stopped, ""},
		"both of these": {[]string{"payments-1"}, true, broken, stopped, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			e := New(Config{Engine: config.Engine{CommitInterval: time.Hour}}, nil, nil, nil, slog.New(slog.DiscardHandler))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			consume := func(ctx context.Context) ([]string, bool, error) {
				if c.stop != nil {
					e.stop(c.stop)
				} else {
					cancel()
				}
				select {
				case <-ctx.Done():
				case <-time.After(10 * time.Second):
					t.Error("the source goes on")
				}
				if e.stopped.Err() != nil != (c.stop != nil) {
					t.Error("the engine stopped before the source had drained")
				}
				return c.left, c.consumed, c.err
			}
			err := e.RunSource(ctx, slog.New(slog.NewTextHandler(&log, nil)), "queues", consume)
			if want := errors.Join(c.err, c.stop); fmt.Sprint(err) != fmt.Sprint(want) {
				t.Errorf("it ends with %v, want %v", err, want)
			}
			if !strings.Contains(log.String(), c.says) {
				t.Errorf("the log has %q, want %q", &log, c.says)
			}
			if err := e.RunSource(t.Context(), nil, "", nil); err == nil || err.Error() != "consumer was run already: make a new one" {
				t.Errorf("it ran twice: %v", err)
			}
		})
	}
}
