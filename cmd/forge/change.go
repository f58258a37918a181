package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/landing"
	"github.com/ouroboros-forge/forge/internal/plan"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/internal/update"
)

// changeOptions is how a command that changes a project was called.
type changeOptions struct {
	dryRun, asJSON, quiet bool
}

func (o *changeOptions) define(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&o.dryRun, "dry-run", false, "show what would change, and change nothing")
	flags.BoolVar(&o.asJSON, "json", false, "print the result as JSON")
	flags.BoolVar(&o.quiet, "quiet", false, "print only what is left to do")
	flags.SortFlags = false
}

// request is what a command asks of a project: other answers.
type request struct {
	title   string // the command line, without forge
	answers answers.Answers
	there   []string    // what was asked for and is so already, each a sentence
	notes   []string    // what is to be known afterwards
	left    []plan.Step // what is left to do in files that are not of the project
	plan    func(plan.Input) plan.Plan
	renamed [2]string // the topic that gets another name
}

// change makes the project at s what it is with other answers. All of it is
// decided before anything is written.
func (o *changeOptions) change(ctx context.Context, t terminal, s *site, r request) error {
	start := time.Now()
	done := changed{site: s, options: o, request: r}
	if !same(r.answers, s.record.Answers) {
		done.drain = formatNotes(s.record.Answers, r.answers)
		if err := s.record.Answers.Validate(); err != nil {
			return badRecord(err)
		}
		if err := s.needGoMod(); err != nil {
			return err
		}
		if err := refused(r.answers.Validate()); err != nil {
			return err
		}
		var err error
		if done.plan, err = s.plan(r); err != nil {
			return err
		}
		if len(done.plan.Refusals) > 0 {
			return refusals(done.plan.Refusals)
		}
		if err := s.tellUnknown(ctx, t, done.plan.Unproven); err != nil {
			return err
		}
		if !o.dryRun {
			if err := s.land(ctx, r.title, done.plan); err != nil {
				return err
			}
			if r.answers.Module == s.record.Answers.Module { // with another name the libraries are the same
				s.tellVendored(t, done.plan.Steps)
			}
		}
	}
	done.elapsed = time.Since(start)
	return done.print(t)
}

// needGoMod refuses to change what is no module any more, which no change would tell.
func (s *site) needGoMod() error {
	if _, err := s.disk.File("go.mod"); errors.Is(err, fs.ErrNotExist) {
		return failed("take it from version control", "go.mod is not there; %s", nothingWritten)
	}
	return nil
}

// tellUnknown names the files that none of the templates gives which this forge has.
func (s *site) tellUnknown(ctx context.Context, t terminal, unproven []string) error {
	if len(unproven) == 0 {
		return nil
	}
	archive, err := openArchive()
	if err != nil {
		return err
	}
	unknown := update.Unknown(s.input(ctx, archive, buildInfo().Version, ownTemplate), unproven)
	if len(unknown) > 0 {
		say(t.stderr, "note", fmt.Sprintf("%s as another forge wrote it, whose template this one does not have: %s",
			isOrAre(len(unknown), "file"), strings.Join(unknown[:min(3, len(unknown))], ", ")))
	}
	return nil
}

func same(a, b answers.Answers) bool {
	return a.Module == b.Module && a.Source == b.Source && slices.Equal(a.Topics, b.Topics) && slices.Equal(a.With, b.With) && maps.EqualFunc(a.Schemas, b.Schemas, answers.Schema.Equal)
}

// formatNotes tell what stays in Kafka as it is when messages get another format.
func formatNotes(was, is answers.Answers) []string {
	switch has := is.Has(answers.Avro); {
	case has == was.Has(answers.Avro):
		return nil
	case has:
		return []string{"at the broker nothing changes: the messages that are in the topics already are JSON, which the service reads no more; drain the topics before you deploy, or they become dead letters"}
	}
	return []string{"at the broker nothing changes: the messages that are in the topics already are Avro, which the service reads no more; drain the topics before you deploy, or they become dead letters"}
}

// plan decides what happens to each file when the answers become others.
func (s *site) plan(r request) (plan.Plan, error) {
	tmpl, err := s.template()
	if err != nil {
		return plan.Plan{}, err
	}
	switch unknown, err := render.Unknown(tmpl, s.record.Answers, r.answers); {
	case err != nil:
		return plan.Plan{}, err
	case len(unknown) > 0:
		return plan.Plan{}, usage("`forge update` first", "forge %s, which wrote this service, has no %s; %s", s.record.Forge, strings.Join(unknown, ", "), nothingWritten)
	}
	base, next, err := render.Both(tmpl, s.record.Answers, r.answers, s.record.Forge)
	if err != nil {
		return plan.Plan{}, refused(err)
	}
	moved := plan.Moved(base, next, r.renamed[0], r.renamed[1])
	if err := update.Follow(openArchive, ownTemplate, buildInfo().Version, s.record, r.answers, base, next, moved); err != nil {
		return plan.Plan{}, err
	}
	makePlan := plan.Make
	if r.plan != nil {
		makePlan = r.plan
	}
	p := makePlan(plan.Input{
		Record: s.record, Base: base, Next: next, Disk: s.disk,
		Gone: missing(s.record.Answers.Topics, r.answers.Topics), Source: r.answers.Source,
	})
	p.Steps = append(p.Steps, r.left...)
	p.Record.Answers = r.answers
	return p, nil
}

const recordHint = "take it from version control: it is written by forge alone; where it is lost, `forge adopt` makes it anew"

// badRecord is the error of a record that no forge has written.
func badRecord(err error) error {
	return failed(recordHint, "%s: the recorded answers are refused: %w", project.Path, err)
}

// template is what the project was made from: a release's, if another forge made
// it of which this one knows the template, else this forge's.
func (s *site) template() (fs.FS, error) {
	if s.record.Forge == buildInfo().Version {
		return ownTemplate, nil
	}
	archive, err := openArchive()
	if err != nil {
		return nil, err
	}
	if !slices.Contains(archive.Versions(), s.record.Forge) {
		return ownTemplate, nil
	}
	tmpl, _, err := archive.Open(s.record.Forge)
	return tmpl, err
}

// refusals are one error.
func refusals(all []plan.Refusal) error {
	var lines, hints []string
	for _, r := range all {
		lines = append(lines, r.Path+" "+r.Reason)
		if !slices.Contains(hints, r.Hint) {
			hints = append(hints, r.Hint)
		}
		for _, l := range r.Lines {
			hints = append(hints, indented(l))
		}
	}
	lines = append(lines, nothingWritten)
	return failed(strings.Join(hints, "\n"), "%s", strings.Join(lines, "\n"))
}

func indented(l plan.Line) string {
	return "  " + string(l.Op) + " " + strings.ReplaceAll(l.Text, "\n", "\n    ")
}

// land carries out a plan. The record is the last that is written.
func (s *site) land(ctx context.Context, title string, p plan.Plan) error {
	c := landing.Change{Title: title}
	for _, step := range p.Steps {
		op := landing.Op{Path: step.Path, Exact: step.From != ""}
		if step.Kind == plan.Keep {
			continue
		}
		if step.Kind != plan.Write {
			op.Before = s.blob(step.Path)
		}
		if step.Kind != plan.Delete {
			op.After = &landing.Blob{Content: step.Content, Mode: step.Mode}
		}
		c.Ops = append(c.Ops, op)
	}
	text, err := p.Record.Marshal()
	if err != nil {
		return err
	}
	before := s.blob(project.Path)
	if before == nil {
		return failed("run the command again", "%s is gone; nothing was written", project.Path)
	}
	c.Ops = append(c.Ops, landing.Op{Path: project.Path, Before: before, After: &landing.Blob{Content: text, Mode: before.Mode}})
	return landed(landing.Land(ctx, s.root, c, landingStep))
}

func landed(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return interrupted(nothingWritten)
	}
	return landingError(err)
}

// blob is a file as it is, or nil.
func (s *site) blob(name string) *landing.Blob {
	f, err := s.disk.File(name)
	if err != nil {
		return nil
	}
	return &landing.Blob{Content: f.Content, Mode: f.Mode.Perm()}
}
