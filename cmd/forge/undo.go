package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ouroboros-forge/forge/internal/landing"
	"github.com/ouroboros-forge/forge/internal/plan"
	"github.com/ouroboros-forge/forge/internal/project"
)

func undoCommand(t terminal) *cobra.Command {
	var o changeOptions
	cmd := &cobra.Command{
		Use:   "undo",
		Short: "Take back the last add, remove, rename, update or adopt",
		Long: `undo takes back what the last add, remove, rename, update or adopt did to the service
that the working directory is in, if each file is as that command left it. Otherwise
it changes nothing, and names the first five that are not. It goes one step back: the next change takes
the place of the last, and what was undone is done again only by its own command.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := openSite(t)
			if err != nil {
				return err
			}
			return o.undo(cmd.Context(), t, s)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.define(cmd)
	return cmd
}

// undo takes back the last change.
func (o *changeOptions) undo(ctx context.Context, t terminal, s *site) error {
	start := time.Now()
	c, changedSince, err := landing.Last(s.root)
	switch {
	case errors.Is(err, landing.ErrNothing):
		return failed("undo takes back the last add, remove, rename, update or adopt, once", "there is nothing to undo in %s", s.root)
	case err != nil:
		return landingError(err)
	case len(changedSince) > 0:
		var lines []string
		for _, name := range changedSince {
			lines = append(lines, fmt.Sprintf("%s was changed after `forge %s`", name, c.Title))
		}
		return failed("make them what they were, or use `git diff` to undo the rest by hand", "%s\n%s", strings.Join(few(lines), "\n"), nothingWritten)
	}
	done := changed{site: s, options: o, request: request{title: "undo", answers: s.record.Answers}}
	done.plan.Record = s.record
	for _, op := range c.Ops {
		if op.Path == project.Path && op.After != nil && op.Before != nil {
			if record, err := project.Parse(op.After.Content); err == nil { // one that adopt found damaged is as it was
				done.plan.Record, done.request.answers = record, record.Answers
				continue
			}
		}
		done.plan.Steps = append(done.plan.Steps, plan.Step{Path: op.Path, Kind: kindOf(op)})
	}
	if !o.dryRun {
		if err := landed(landing.Land(ctx, s.root, c, landingStep)); err != nil {
			return err
		}
		_ = os.Remove(filepath.Join(s.root, filepath.Dir(filepath.FromSlash(project.Path)))) // only adopt leaves it empty
	}
	done.elapsed = time.Since(start)
	done.undone = c.Title
	return done.print(t)
}

func kindOf(op landing.Op) plan.Kind {
	switch {
	case op.Before == nil:
		return plan.Write
	case op.After == nil:
		return plan.Delete
	}
	return plan.Replace
}
