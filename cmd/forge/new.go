package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/prompts"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/template"
)

// newOptions is how `forge new` was called.
type newOptions struct {
	answerFlags

	noInput    bool
	accessible bool
	dryRun     bool
	asJSON     bool
	run        bool
}

func newCommand(t terminal) *cobra.Command {
	var o newOptions
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Write a new service",
		Long: `new writes a service into the directory NAME, which must not exist or be empty.
NAME may be a path; its last part is the service's name. On a terminal it asks
what no flag and no answers file has answered; elsewhere the defaults stand.`,
		Example: `  forge new my-service
  forge new my-service --topics orders,payments --no-input
  forge new my-service --run`,
		Args: atMostOneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.given = givenFlags(cmd)
			return runNew(cmd.Context(), t, &o, args)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.define(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&o.noInput, "no-input", false, "ask nothing; also when stdin or stderr is no terminal, and where CI is set")
	flags.BoolVar(&o.accessible, "accessible", false, "ask line by line, for screen readers and pipes; also when ACCESSIBLE is set")
	flags.BoolVar(&o.dryRun, "dry-run", false, "print the files that would be written, and write nothing")
	flags.BoolVar(&o.asJSON, "json", false, "print the result as JSON")
	flags.BoolVar(&o.run, "run", false, "start the service with an embedded Kafka when it is written")
	return cmd
}

func atMostOneName(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usage("a name has no spaces; topics go to --topics", "one NAME is expected, but got %s", strings.Join(args, " "))
	}
	return nil
}

// runNew writes a service. All that can be refused without the user is refused
// before the first question, and nothing is written before the last answer.
func runNew(ctx context.Context, t terminal, o *newOptions, args []string) error {
	if o.dryRun && o.run {
		return usage("leave one of them out", "--dry-run writes nothing that --run could start")
	}
	if err := o.readFile(t.stdin); err != nil {
		return err
	}
	if o.run {
		if err := checkGo(ctx); err != nil {
			return err
		}
	}
	asker := t.prompter(o.accessible, o.noInput)
	target, err := findTarget(ctx, asker, o.name(args))
	if err != nil {
		return err
	}
	a, err := o.ask(ctx, asker, target)
	if err != nil {
		return err
	}

	start := time.Now()
	tree, err := render.Render(template.FS, a, buildInfo().Version)
	if err != nil {
		return refused(err)
	}
	if !o.dryRun {
		if err := write(ctx, tree, target); err != nil {
			return err
		}
	}
	r := result{target: target, answers: a, tree: tree, elapsed: time.Since(start), written: !o.dryRun}
	if err := r.print(t, o); err != nil {
		return err
	}
	if o.run {
		if err := runProject(ctx, t, o, r); err != nil {
			return err
		}
	}
	if o.asJSON || o.dryRun {
		return nil
	}
	return r.printNext(t)
}

// ask returns the answers for the service at target: from flags, else the
// answers file, else asker if there is one, else the defaults.
func (o *newOptions) ask(ctx context.Context, asker prompts.Prompter, target target) (answers.Answers, error) {
	a, open, err := o.answers(target.name)
	if err != nil {
		return answers.Answers{}, err
	}
	if asker != nil && len(open) > 0 {
		if err := asker.Ask(ctx, "forge new "+target.name, open); err != nil {
			return answers.Answers{}, askError(err)
		}
	}
	return *a, refused(a.Validate())
}

func write(ctx context.Context, tree *render.Tree, target target) error {
	err := render.Write(ctx, tree, target.path)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return interrupted(nothingWritten)
	}
	return failed(nothingWritten+"; when it is put right, try again", "%w", err)
}
