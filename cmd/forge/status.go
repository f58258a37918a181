package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ouroboros-forge/forge/internal/plan"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/internal/update"
)

func statusCommand(t terminal) *cobra.Command {
	var asJSON, quiet bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Compare a service with what forge writes",
		Long: `status compares each file of the service that the working directory is in with what
forge wrote, and with what this forge would write now. It changes nothing, but like
each command first finishes, or takes back, a change that was killed on its way. It needs
no network. Exit code 3 says that an update would change something, or that
a conflict is left of the last change.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := openSite(t)
			if err != nil {
				return err
			}
			r, err := s.status(cmd.Context())
			if err != nil {
				return err
			}
			return r.print(t, asJSON, quiet)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "print nothing; the exit code tells")
	return cmd
}

// The states of a file, beside what forge wrote.
const (
	pristine  = "pristine"
	edited    = "edited"
	deleted   = "deleted"
	foreign   = "foreign" // forge did not write it
	unwritten = "new"     // forge would write it now
)

// status of a project; also its form for programs.
type status struct {
	Project string         `json:"project"` // absolute
	Forge   string         `json:"forge"`   // that wrote it
	This    string         `json:"this"`    // this forge
	InStep  bool           `json:"inStep"`  // an update would change nothing
	Counts  map[string]int `json:"counts"`  // files by state, and how many are behind
	Files   []fileStatus   `json:"files"`

	left []update.Conflict // of the last change
}

type fileStatus struct {
	Path   string        `json:"path"`
	Owner  project.Owner `json:"owner,omitempty"` // not of foreign files
	State  string        `json:"state"`           // pristine, edited, deleted, foreign, new
	Behind bool          `json:"behind"`          // this forge would write something else
	Update string        `json:"update"`          // what the next update does: nothing, write, replace, delete, merge, conflict
}

// status compares the project with its record, and with what this forge writes.
func (s *site) status(ctx context.Context) (*status, error) {
	r := &status{Project: s.root, Forge: s.record.Forge, This: buildInfo().Version, Counts: make(map[string]int)}
	now, err := render.Render(ownTemplate, s.record.Answers, r.This)
	if err != nil {
		return r, badRecord(err)
	}
	rendered := make(map[string]project.File, len(now.Files))
	for _, f := range now.Files {
		if f.Path != project.Path {
			rendered[f.Path] = project.NewFile(f.Path, f.Mode, f.Content, f.Owner)
		}
	}
	for _, f := range s.record.Files {
		state, err := s.state(f)
		if err != nil {
			return r, failed(readHint(err, "see what is there"), "%w", err)
		}
		next, is := rendered[f.Path]
		r.add(fileStatus{Path: f.Path, Owner: f.Owner, State: state, Behind: f.Owner == project.Managed && (!is || next.SHA256 != f.SHA256)})
		delete(rendered, f.Path)
	}
	for _, name := range slices.Sorted(maps.Keys(rendered)) {
		if f := rendered[name]; f.Owner == project.Managed {
			r.add(fileStatus{Path: name, Owner: f.Owner, State: unwritten, Behind: true})
		}
	}
	for _, name := range s.foreign(ctx, rendered) {
		r.add(fileStatus{Path: name, State: foreign})
	}
	return r, s.foresee(ctx, r, now)
}

func (r *status) add(f fileStatus) {
	r.Counts[f.State]++
	r.Files = append(r.Files, f)
}

// foresee says of each file what the next update would do.
func (s *site) foresee(ctx context.Context, r *status, now *render.Tree) error {
	archive, err := openArchive()
	if err != nil {
		return err
	}
	in := s.input(ctx, archive, r.This, ownTemplate)
	in.Next = now
	u, err := update.Make(in)
	if err != nil {
		return failed(readHint(err, "see what is there"), "%w", err)
	}
	does := make(map[string]string)
	for _, step := range u.Steps {
		if step.Kind != plan.Keep {
			does[step.Path] = string(step.Kind)
		}
		if step.Kind == plan.Edit {
			does[step.Path] = "merge"
		}
	}
	for _, c := range slices.Concat(u.Conflicts, u.Pending) {
		does[c.Path] = "conflict"
	}
	for i := range r.Files {
		f := &r.Files[i]
		f.Update = cmp.Or(does[f.Path], "nothing")
		delete(does, f.Path)
	}
	for _, name := range slices.Sorted(maps.Keys(does)) { // what is the user's once it is there, or in a directory that is passed over
		state := foreign
		if does[name] == string(plan.Write) {
			state = unwritten
		}
		r.add(fileStatus{Path: name, State: state, Update: does[name]})
	}
	for _, f := range r.Files {
		if f.Update != "nothing" {
			r.Counts["behind"]++
		}
	}
	r.InStep, r.left = u.IsNothing(), u.Pending
	return nil
}

// state compares a file with what forge wrote.
func (s *site) state(f project.File) (string, error) {
	disk, err := s.disk.File(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return deleted, nil
	case err != nil:
		return "", err
	case disk.Mode.IsRegular() && f.Is(disk.Content):
		return pristine, nil
	}
	return edited, nil
}

// foreign lists the files that forge knows nothing of, without those that git ignores.
func (s *site) foreign(ctx context.Context, rendered map[string]project.File) []string {
	known := map[string]bool{project.Path: true}
	for _, f := range s.record.Files {
		known[f.Path] = true
	}
	all := slices.DeleteFunc(slices.Clone(s.disk.All()), func(name string) bool {
		_, isNew := rendered[name]
		return known[name] || isNew
	})
	if len(all) == 0 {
		return nil
	}
	return slices.DeleteFunc(all, gitIgnores(ctx, s.root))
}

// foreignDirs counts the foreign files in directories with no file of forge's.
func (r *status) foreignDirs() map[string]int {
	known := make(map[string]bool)
	for _, f := range r.Files {
		for dir := path.Dir(f.Path); f.State != foreign && dir != "."; dir = path.Dir(dir) {
			known[dir] = true
		}
	}
	dirs := make(map[string]int)
	for _, f := range r.Files {
		for at := path.Dir(f.Path); f.State == foreign && at != "." && !known[at]; at = path.Dir(at) {
			if up := path.Dir(at); up == "." || known[up] {
				dirs[at]++
			}
		}
	}
	return dirs
}

// inDir is the directory of some that a file is in, or "".
func inDir(name string, dirs map[string]int) string {
	for at := path.Dir(name); at != "."; at = path.Dir(at) {
		if dirs[at] > 0 {
			return at
		}
	}
	return ""
}

func (r *status) print(t terminal, asJSON, quiet bool) error {
	var err error
	switch {
	case asJSON:
		err = printJSON(t, r)
	case !quiet:
		_, err = fmt.Fprint(t.stdout, r.text(t))
	}
	if err == nil && !r.InStep {
		text := isOrAre(r.Counts["behind"], "file") + " behind this forge"
		switch {
		case len(r.left) > 0:
			text = isOrAre(len(r.left), "conflict") + " left of the last change"
		case r.Counts["behind"] == 0:
			text = "the record says forge " + r.Forge + ", and the files are as forge " + r.This + " has them: `forge update` records it"
		}
		if quiet {
			text = ""
		}
		err = &failure{code: exitLeft, err: errors.New(text)}
	}
	return err
}

func isOrAre(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return count(n, what) + " are"
}

// text shows the files of which there is something to say.
func (r *status) text(t terminal) string {
	var rows []row
	dirs := r.foreignDirs()
	for _, f := range r.Files {
		if f.State == pristine && !f.Behind {
			continue
		}
		if dir := inDir(f.Path, dirs); f.State == foreign && dir != "" {
			if name := dir + "/"; !slices.ContainsFunc(rows, func(shown row) bool { return shown.name == name }) {
				rows = append(rows, row{marks[foreign], name, "foreign, " + count(dirs[dir], "file")})
			}
			continue
		}
		words := []string{f.State}
		if f.Owner == project.User {
			words = []string{"yours", f.State}
		}
		if f.Update != "nothing" {
			words = append(words, "the next update: "+f.Update)
		}
		rows = append(rows, row{marks[f.State], f.Path, strings.Join(words, ", ")})
	}
	var counts []string
	for _, state := range []string{pristine, edited, deleted, foreign, unwritten, "behind"} {
		if n := r.Counts[state]; n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, state))
		}
	}
	rows = append(rows, row{name: "…", text: strings.Join(counts, ", ")})
	made := "made by forge " + r.Forge
	if r.This != r.Forge {
		made += ", this is " + r.This
	}
	var b strings.Builder
	b.WriteString(t.tree(filepath.Base(r.Project)+"  "+t.style(faint, made), rows))
	for _, c := range r.left {
		fmt.Fprintln(&b, t.style(colours["!"], c.String()))
	}
	return b.String()
}

var marks = map[string]string{pristine: "~", edited: "~", deleted: "-", foreign: "?", unwritten: "+"}
