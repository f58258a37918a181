package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/prompts"
	"github.com/ouroboros-forge/forge/internal/render"
)

// newOptions is how `forge new` was called.
type newOptions struct {
	answerFlags

	noInput    bool
	accessible bool
	dryRun     bool
	asJSON     bool
	run        bool
	git        bool
	gitGiven   bool // whether --git was given, be it --git=false

	asked bool // whether questions were answered
}

func newCommand(t terminal) *cobra.Command {
	var o newOptions
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Write a new service",
		Long: `new writes a service into the directory NAME, which must not exist or be empty.
NAME may be a path; its last part is the service's name. On a terminal it asks
what no flag and no answers file has answered; elsewhere the defaults stand, and
nothing is read from stdin unless --accessible, --answers - or --schema TOPIC=- says so.`,
		Example: `  forge new my-service
  forge new my-service --topics orders,payments --no-input
  forge new my-service --run`,
		Args: atMostOneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.given = givenFlags(cmd)
			o.gitGiven = cmd.Flags().Changed("git")
			return runNew(cmd.Context(), t, &o, args)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.define(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&o.noInput, "no-input", false, "ask nothing; also when stdin or stderr is no terminal, and where CI is set")
	flags.BoolVar(&o.accessible, "accessible", false, "ask line by line, for screen readers and pipes; on a terminal also when ACCESSIBLE is set")
	flags.BoolVar(&o.dryRun, "dry-run", false, "print the files that would be written, and write nothing")
	flags.BoolVar(&o.asJSON, "json", false, "print the result as JSON")
	flags.BoolVar(&o.git, "git", false, "make it a git repository, with a first commit; asked for on a terminal")
	flags.BoolVar(&o.run, "run", false, "start the service with an embedded broker when it is written")
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
	target, err := o.findTarget(ctx, t, asker, args)
	if err != nil {
		return err
	}
	repo := findRepository(target.abs)
	if o.git {
		if err := repo.check(); err != nil {
			return err
		}
	}
	a, err := o.ask(ctx, t, asker, target, repo)
	if err != nil {
		return err
	}

	start := time.Now()
	tree, err := render.Render(ownTemplate, a, buildInfo().Version)
	if err != nil {
		return refused(err)
	}
	if !o.dryRun {
		if err := write(ctx, tree, target); err != nil {
			return err
		}
	}
	r := result{target: target, answers: a, tree: tree, elapsed: time.Since(start), written: !o.dryRun}
	if o.git && !o.dryRun {
		if r.git, err = makeRepository(ctx, target.abs, "Write "+a.Name+" with forge"); err != nil {
			return err
		}
	}
	if err := r.print(t, o); err != nil {
		if r.written {
			return failed(target.path+" is written; only what forge had to say is not", "%w", err)
		}
		return err
	}
	o.note(t, asker, r, repo)
	return o.finish(ctx, t, r)
}

// findTarget is where the service goes. Its name may be asked for.
func (o *newOptions) findTarget(ctx context.Context, t terminal, asker prompts.Prompter, args []string) (target, error) {
	if asker != nil && o.schemas.readsStdin() {
		return target{}, usage("give the schema as a file, or ask nothing: --no-input", "schema: stdin can be read once, and the answers to questions and a schema would both be read from it")
	}
	found, err := findTarget(ctx, asker, o.name(args))
	if err != nil && asker == nil {
		o.noteUnread(t)
	}
	return found, err
}

// finish runs what was written, if that is asked for, and says what comes next.
func (o *newOptions) finish(ctx context.Context, t terminal, r result) error {
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
func (o *newOptions) ask(ctx context.Context, t terminal, asker prompts.Prompter, target target, repo repository) (answers.Answers, error) {
	a, open, err := o.answers(target.name)
	if err != nil {
		return answers.Answers{}, err
	}
	sheet := prompts.Sheet{Heading: "forge new " + target.name, Questions: open, Known: known(a, open, target)}
	if t.interactive && !o.dryRun { // what is piped in answers no more than it always did
		sheet.Review = true
		if !o.gitGiven && repo.installed && repo.around == "" {
			sheet.Questions = append(sheet.Questions, repo.question(&o.git))
		}
	}
	if asker != nil && len(sheet.Questions) > 0 {
		if err := asker.Ask(ctx, sheet); err != nil {
			return answers.Answers{}, askError(err)
		}
		o.asked = true
	} else if !o.gitGiven {
		o.git = false
	}
	return *a, refused(a.Validate())
}

// known are the answers that are not open.
func known(a *answers.Answers, open []prompts.Question, target target) []prompts.Row {
	rows := []prompts.Row{{Title: "directory", Answer: target.path}}
	for _, q := range prompts.Questions(a) {
		if !slices.ContainsFunc(open, func(o prompts.Question) bool { return o.Key == q.Key }) {
			rows = append(rows, prompts.Row{Title: q.Title, Answer: cmp.Or(q.Default, "none")})
		}
	}
	return rows
}

// note says on stderr what a user should know: after questions, the flags that
// answer them; without, what was not read and what is odd.
func (o *newOptions) note(t terminal, asker prompts.Prompter, r result, repo repository) {
	switch {
	case o.asked:
		say(t.stderr, "hint", "the same without questions: "+r.command(o.run))
		if !repo.installed && t.interactive {
			say(t.stderr, "hint", "git is not on the PATH, so this is no git repository")
		}
		return
	case asker == nil:
		o.noteUnread(t)
	}
	for _, doubt := range prompts.Doubts(r.answers) {
		say(t.stderr, "hint", doubt)
	}
}

// noteUnread says that what waits on stdin is not read, if something does.
func (o *newOptions) noteUnread(t terminal) {
	if !o.noInput && o.file != "-" && !o.schemas.readsStdin() && !inCI() && hasInput(t.stdin) {
		say(t.stderr, "hint", "stdin is not read; --accessible takes answers from it line by line, --answers - as YAML")
	}
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
