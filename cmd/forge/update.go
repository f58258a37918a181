package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/semver"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/merge"
	"github.com/ouroboros-forge/forge/internal/plan"
	releases "github.com/ouroboros-forge/forge/internal/release"
	"github.com/ouroboros-forge/forge/internal/update"
	"github.com/ouroboros-forge/forge/template"
)

// updateOptions is how `forge update` was called.
type updateOptions struct {
	changeOptions

	diff       bool
	to         string
	noVerify   bool
	allowDirty bool
}

func updateCommand(t terminal) *cobra.Command {
	var o updateOptions
	cmd := &cobra.Command{
		Use:   "update",
		Short: "Bring a service up to this forge",
		Long: `update brings the service that the working directory is in up to the template of this
forge. What is yours stays; of the other files, those that you have not touched are
replaced, and in those that you have edited both changes are merged. The result is
built, vetted and tested in a copy before anything is written.

Where you and the template changed the same lines, both are in the file between
markers, and exit code 3 says so; when you have put that right, update once more.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := openSite(t)
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), t, s)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.define(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&o.diff, "diff", false, "print what would change as a patch, and change nothing")
	flags.StringVar(&o.to, "to", "", "the `version` to update to, instead of this forge's")
	flags.BoolVar(&o.noVerify, "no-verify", false, "do not build and test the result first")
	flags.BoolVar(&o.allowDirty, "allow-dirty", false, "update also where git has changes that are not committed")
	_ = cmd.RegisterFlagCompletionFunc("to", completeReleases) // the flag is there
	return cmd
}

func completeReleases(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	archive, err := openArchive()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return archive.Versions(), cobra.ShellCompDirectiveNoFileComp
}

// openArchive returns the releases that forge knows, and ownTemplate is what it
// writes itself; tests have others.
var (
	openArchive = releases.Embedded
	ownTemplate = template.FS
)

// run updates the project at s.
func (o *updateOptions) run(ctx context.Context, t terminal, s *site) error {
	start := time.Now()
	if err := s.needGoMod(); err != nil {
		return err
	}
	archive, err := openArchive()
	if err != nil {
		return err
	}
	version, target, err := o.target(archive, s.record.Forge)
	if err != nil {
		return err
	}
	u, err := update.Make(s.input(ctx, archive, version, target))
	switch {
	case len(answers.Problems(err)) > 0:
		return badRecord(err)
	case err != nil:
		return failed(readHint(err, "see what is there"), "%w; %s", err, nothingWritten)
	}
	done := updated{site: s, options: o, Update: u}
	willWrite := !o.dryRun && !o.diff && len(u.Pending) == 0 && !u.IsNothing()
	if willWrite {
		if err := o.checkClean(ctx, s.root); err != nil {
			return err
		}
		if done.tested, err = o.verify(ctx, t, s, u); err != nil {
			return err
		}
		if err := s.land(ctx, "update", u.Plan); err != nil {
			return err
		}
		done.written = true
	}
	done.elapsed = time.Since(start)
	return done.print(t)
}

// target returns the template that the project is to be made from, and its version.
func (o *updateOptions) target(archive *releases.Archive, made string) (version string, tmpl fs.FS, err error) {
	version = buildInfo().Version
	if o.to != "" {
		if version = o.to; version[0] != 'v' {
			version = "v" + version
		}
		if !slices.Contains(archive.Versions(), version) {
			return "", nil, usage("this forge has "+strings.Join(archive.Versions(), ", "), "--to: %q is not a release that this forge has", o.to)
		}
	}
	if semver.IsValid(made) && semver.IsValid(version) && semver.Compare(made, version) > 0 {
		return "", nil, usage("leave out --to", "--to: %s is older than forge %s, which made this project", version, made)
	}
	if version == buildInfo().Version {
		return version, ownTemplate, nil
	}
	tmpl, _, err = archive.Open(version)
	return version, tmpl, err
}

// input is what an update to a version is made of.
func (s *site) input(ctx context.Context, archive *releases.Archive, version string, target fs.FS) update.Input {
	return update.Input{
		Record: s.record, Version: version, Target: target, History: archive, Disk: s.disk, Beside: s.beside(),
		Find: func(path, sum string) ([]byte, bool) { return gitFind(ctx, s.root, path, sum) },
	}
}

// beside lists the files that an update has put beside others.
func (s *site) beside() []string {
	var found []string
	_ = fs.WalkDir(os.DirFS(s.root), ".", func(name string, entry fs.DirEntry, err error) error { // forge wrote nothing into what cannot be read
		switch {
		case err != nil, entry.IsDir() && slices.Contains([]string{".git", ".forge", "node_modules", "vendor"}, entry.Name()):
			return fs.SkipDir
		case strings.HasSuffix(name, update.NewSuffix), strings.HasSuffix(name, update.DeletedSuffix):
			found = append(found, name)
		}
		return nil
	})
	return found
}

// updated is what an update did to a project, or would do.
type updated struct {
	update.Update

	site    *site
	options *updateOptions
	written bool
	tested  string // what was built and tested, "" if nothing was
	elapsed time.Duration
}

// jsonUpdated is that for programs.
type jsonUpdated struct {
	Command   string         `json:"command"`
	Project   string         `json:"project"`   // absolute
	From      string         `json:"from"`      // the recorded version before
	To        string         `json:"to"`        // the version that was updated to
	Recorded  string         `json:"recorded"`  // the recorded version afterwards: To, unless conflicts are left
	Written   bool           `json:"written"`   // whether anything was
	Tested    bool           `json:"tested"`    // whether the result was built and tested before
	Files     []jsonStep     `json:"files"`     // what happens to each
	Conflicts []jsonConflict `json:"conflicts"` // what this update left, or the change before
	Notes     []jsonNote     `json:"notes"`     // what is to be changed in the user's files
}

type jsonConflict struct {
	Path   string `json:"path"`
	Line   int    `json:"line,omitempty"` // of the first marker, if the file has some
	End    int    `json:"end,omitempty"`  // of the last one
	Reason string `json:"reason"`
}

type jsonNote struct {
	Path   string `json:"path"`
	Line   int    `json:"line"`
	Symbol string `json:"symbol"`
	Change string `json:"change"`
}

// conflicts are those of this update, or those that it would not go past.
func (d updated) conflicts() []update.Conflict {
	if len(d.Pending) > 0 {
		return d.Pending
	}
	return d.Conflicts
}

// print shows the update in the form that was asked for. What is left to the user
// is an error of its own kind.
func (d updated) print(t terminal) error {
	var err error
	switch {
	case d.options.asJSON:
		err = printJSON(t, d.forPrograms())
	case d.options.diff:
		err = d.printPatch(t)
	default:
		_, err = fmt.Fprint(t.stdout, d.text(t))
	}
	if err != nil {
		return err
	}
	if !d.written && !d.options.asJSON && !d.IsNothing() && len(d.Pending) == 0 {
		fmt.Fprintln(t.stderr, nothingWritten)
	}
	if d.written {
		d.site.tellVendored(t, d.Steps)
	}
	switch n := len(d.conflicts()); {
	case len(d.Pending) > 0:
		return &failure{code: exitLeft, err: fmt.Errorf("%s left of the last change; %s", isOrAre(n, "conflict"), nothingWritten), hint: d.again()}
	case n > 0 && !d.written:
		return &failure{code: exitLeft, err: fmt.Errorf("%s would be left to you", count(n, "conflict"))}
	case n > 0:
		return &failure{code: exitLeft, err: fmt.Errorf("%s left to you", isOrAre(n, "conflict")), hint: d.again() + ": then the record says " + d.To}
	case len(d.Notes) > 0:
		return &failure{code: exitLeft, err: fmt.Errorf("%s yours to change", isOrAre(len(d.Notes), "place"))}
	case leftOf(d.Steps) > 0:
		return &failure{code: exitLeft, err: fmt.Errorf("what is listed of %s is left to you", count(leftOf(d.Steps), "file"))}
	}
	return nil
}

// again says what to do about conflicts; where git keeps the project, an update refuses
// what is not committed.
func (d updated) again() string {
	if d.options.allowDirty || findAbove(filepath.Join(d.site.root, ".git"), ".git") == "" {
		return "put them right, and update again"
	}
	return "put them right, commit that (or give --allow-dirty), and update again"
}

// tellVendored says when the project has copies of libraries that are not those of its
// new go.mod.
func (s *site) tellVendored(t terminal, steps []plan.Step) {
	_, err := s.disk.File("vendor/modules.txt")
	if err == nil && slices.ContainsFunc(steps, func(s plan.Step) bool { return s.Path == "go.mod" }) {
		say(t.stderr, "hint", "vendor/ has the libraries of before: `go mod vendor`")
	}
}

func (d updated) forPrograms() jsonUpdated {
	j := jsonUpdated{
		Command: "update", Project: d.site.root, From: d.From, To: d.To, Recorded: d.Record.Forge, Written: d.written, Tested: d.tested != "",
		Files: stepsForPrograms(d.Steps), Conflicts: []jsonConflict{}, Notes: []jsonNote{},
	}
	if !d.written {
		j.Recorded = d.From
	}
	for _, c := range d.conflicts() {
		j.Conflicts = append(j.Conflicts, jsonConflict{c.Path, c.Line, c.End, c.Reason})
	}
	for _, n := range d.Notes {
		j.Notes = append(j.Notes, jsonNote{n.Path, n.Line, n.Symbol, n.Change})
	}
	return j
}

// text shows what became of each file, and then what is left to do.
func (d updated) text(t terminal) string {
	var b strings.Builder
	quiet := d.options.quiet
	switch {
	case len(d.Pending) > 0:
	case quiet:
	case d.IsNothing():
		fmt.Fprintf(&b, "in step with forge %s: there is nothing to update\n", d.To)
	default:
		total := fmt.Sprintf("%s, %d ms", count(len(d.Steps), "file"), d.elapsed.Milliseconds())
		heading := path.Base(d.site.root) + "  " + t.style(faint, "forge "+d.From+" → "+d.To)
		b.WriteString(t.tree(heading, append(d.rows(), row{name: "…", text: total})))
	}
	for _, c := range d.conflicts() {
		fmt.Fprintln(&b, t.style(colours["!"], c.String()))
	}
	for _, n := range d.Notes {
		fmt.Fprintln(&b, t.style(colours["!"], n.String()))
	}
	for _, s := range d.Steps {
		if len(s.Lines) > 0 {
			b.WriteString(t.linesOf(s))
		}
	}
	if d.written && !quiet {
		fmt.Fprintf(&b, "\n  %-14s  %s\n", "forge undo", t.style(faint, "# takes this back"))
	}
	return b.String()
}

// printPatch prints what would change.
func (d updated) printPatch(t terminal) error {
	for _, s := range d.Steps {
		var before, after []byte
		if disk, err := d.site.disk.File(s.Path); err == nil && s.Kind != plan.Write {
			before = disk.Content
		}
		if s.Kind == plan.Keep {
			continue
		}
		if s.Kind != plan.Delete {
			after = s.Content
		}
		if _, err := fmt.Fprint(t.stdout, merge.Patch("a/"+s.Path, "b/"+s.Path, before, after)); err != nil {
			return err
		}
	}
	return nil
}

// rows are those of the steps; a file with a conflict says so.
func (d updated) rows() []row {
	steps := slices.Clone(d.Steps)
	for i, s := range steps {
		if slices.ContainsFunc(d.Conflicts, func(c update.Conflict) bool { return c.Path == s.Path }) {
			steps[i] = plan.Step{Path: s.Path, Kind: plan.Keep, Reason: "with conflicts", Lines: []plan.Line{{}}}
		}
	}
	return rowsOf(steps)
}
