package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ouroboros-forge/forge/internal/adopt"
	"github.com/ouroboros-forge/forge/internal/landing"
	"github.com/ouroboros-forge/forge/internal/project"
)

// adoptOptions is how `forge adopt` was called.
type adoptOptions struct {
	changeOptions

	to string
}

func adoptCommand(t terminal) *cobra.Command {
	var o adoptOptions
	cmd := &cobra.Command{
		Use:   "adopt",
		Short: "Find out what wrote a service, and record it again",
		Long: `adopt is for a service whose ` + project.Path + ` is lost or damaged. It finds the
answers in the files that are there, renders each release that this forge knows with
them, and writes the record of the closest one. No other file is changed. It says how
sure it is: how many of the files that forge manages are the same, edited or missing,
and which other releases are as close.

Where git still has the record, ` + "`git checkout HEAD -- " + project.Path + "`" + ` is better.`,
		Example: `  forge adopt --dry-run
  forge adopt --to v0.1.0`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), t)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.define(cmd)
	cmd.Flags().StringVar(&o.to, "to", "", "the `version` of forge that wrote it, where you know")
	_ = cmd.RegisterFlagCompletionFunc("to", completeReleases) // the flag is there
	return cmd
}

// run adopts the project that the working directory is in.
func (o *adoptOptions) run(ctx context.Context, t terminal) error {
	start := time.Now()
	debug.SetGCPercent(400) // as for other commands
	s, damaged, err := lostSite(t)
	if err != nil {
		return err
	}
	in := adopt.Input{Dir: filepath.Base(s.root), Disk: s.disk}
	if damaged != nil {
		in.Damaged = damaged.Content
	}
	if in.Templates, err = templates(); err != nil {
		return err
	}
	if in.Version, err = o.version(in.Templates); err != nil {
		return err
	}
	found, err := adopt.Find(in)
	if _, ok := errors.AsType[*adopt.NotServiceError](err); ok {
		return usage("change to a directory that `forge new` has written", "%s: %w", s.root, err)
	}
	if err != nil {
		return err
	}
	done := adopted{Found: found, site: s, options: o}
	if inGit(ctx, s.root) {
		say(t.stderr, "note", "git has the record as it was: `git checkout HEAD -- "+project.Path+"`")
	}
	if !o.dryRun {
		if err := s.landRecord(ctx, damaged, found.Record); err != nil {
			return err
		}
	}
	done.elapsed = time.Since(start)
	return done.print(t)
}

// version is what --to says.
func (o *adoptOptions) version(known []adopt.Template) (string, error) {
	if o.to == "" {
		return "", nil
	}
	var all []string
	for _, k := range known {
		all = append(all, k.Version)
	}
	for _, version := range []string{o.to, "v" + o.to} {
		if slices.Contains(all, version) {
			return version, nil
		}
	}
	return "", usage("this forge has "+strings.Join(all, ", "), "--to: %q is not a release that this forge has", o.to)
}

// templates are all that this forge knows, its own the last.
func templates() ([]adopt.Template, error) {
	archive, err := openArchive()
	if err != nil {
		return nil, err
	}
	own := adopt.Template{Version: buildInfo().Version, Files: ownTemplate}
	var all []adopt.Template
	for _, version := range archive.Versions() {
		tmpl, _, err := archive.Open(version)
		if err != nil {
			return nil, err
		}
		all = append(all, adopt.Template{Version: version, Files: tmpl})
	}
	if slices.Contains(archive.Versions(), own.Version) {
		return all, nil
	}
	if n := len(all) - 1; n >= 0 { // of two that are the same, the release is the one with a name
		return append(all[:n:n], own, all[n]), nil
	}
	return append(all, own), nil
}

// lostSite finds a project that has no record which can be read, and what is there of it.
func lostSite(t terminal) (s *site, damaged *landing.Blob, err error) {
	root, err := findSite()
	if err != nil {
		root, err = moduleHere()
		return &site{root: root, disk: newDisk(root)}, nil, err
	}
	recovered, err := landing.Recover(root, landingStep)
	if err != nil {
		return nil, nil, landingError(err)
	}
	noteRecovered(t, recovered)
	s = &site{root: root, disk: newDisk(root)}
	record, err := s.disk.record()
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil, nil
	}
	damaged = s.blob(project.Path)
	if damaged == nil || damaged.Content == nil {
		return nil, nil, failed("move it away, or make it a file that can be read", "%w", err)
	}
	if newer, ok := errors.AsType[*project.SchemaError](err); ok {
		return nil, nil, failed("install "+newer.Needed(), "%w", err)
	}
	if err == nil && record.Answers.Validate() == nil {
		return nil, nil, usage("`forge status` compares the files with it", "%s has a record that reads, by forge %s: there is nothing to adopt", root, record.Forge)
	}
	return s, damaged, nil
}

// moduleHere is the nearest directory with a go.mod, up to one with a .git.
func moduleHere() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", failed("change to a directory that exists", "the working directory cannot be found: %w", err)
	}
	dirs := append([]string{dir}, above(dir)...)
	for _, at := range dirs {
		if _, err := os.Lstat(filepath.Join(at, "go.mod")); err == nil {
			return at, nil
		}
	}
	return "", usage("change to a directory that `forge new` has written",
		"%s is no service of forge's: neither it nor a directory above it has a go.mod (searched up to %s)", dir, dirs[len(dirs)-1])
}

// inGit reports whether git's last commit has the record.
func inGit(ctx context.Context, root string) bool {
	text, err := gitOutput(ctx, root, "show", "HEAD:./"+project.Path)
	if err != nil {
		return false
	}
	_, err = project.Parse(text)
	return err == nil
}

// landRecord writes the record, in the place of a damaged one if there is one.
func (s *site) landRecord(ctx context.Context, damaged *landing.Blob, record project.Project) error {
	text, err := record.Marshal()
	if err != nil {
		return err
	}
	home := filepath.Join(s.root, filepath.Dir(filepath.FromSlash(project.Path)))
	if err := os.MkdirAll(home, 0o755); err != nil { //nolint:gosec // as git has it
		return failed(nothingWritten, "%w", err)
	}
	op := landing.Op{Path: project.Path, Before: damaged, After: &landing.Blob{Content: text, Mode: 0o644}}
	if err := landed(landing.Land(ctx, s.root, landing.Change{Title: "adopt", Ops: []landing.Op{op}}, landingStep)); err != nil {
		_ = os.Remove(home) // if it was made for this, it is empty
		return err
	}
	return nil
}
