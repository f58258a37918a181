package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/ouroboros-forge/forge/internal/plan"
	"github.com/ouroboros-forge/forge/internal/update"
)

// checks are what an updated project has to pass before it is written.
var checks = [][]string{{"build", "./..."}, {"vet", "./..."}, {"test", "-short", "./..."}}

// verify builds, vets and tests what an update makes of a project, in a copy. It
// returns what it did, "" if there was nothing that could pass: with conflicts in
// it no file compiles. What the user made of the conflicts of the update before is
// checked like all else. Where the user has to change code for an interface that
// changed, what fails is told, and no reason to stop.
func (o *updateOptions) verify(ctx context.Context, t terminal, s *site, u update.Update) (done string, err error) {
	if o.noVerify || len(u.Conflicts) > 0 {
		return "", nil
	}
	if _, err := exec.LookPath("go"); err != nil {
		return "", failed("install Go, or leave the check out with --no-verify", "the result cannot be built: the go command is not on the PATH; %s", nothingWritten)
	}
	dir, err := os.MkdirTemp("", "forge-update-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	c := trial{root: s.root, dir: filepath.Join(dir, "project")}
	if err := c.make(ctx, u.Steps); err != nil {
		return "", failed("make room in "+os.TempDir()+", or leave the check out with --no-verify", "the project cannot be copied, to be tested: %w", err)
	}
	progress := steps{w: t.stderr, live: t.live, width: t.width()}
	if o.quiet || o.asJSON {
		progress.w, progress.live = new(bytes.Buffer), false
	}
	for _, check := range checks {
		command := "go " + strings.Join(check, " ")
		var out []byte
		err := progress.do(check[0], func(report func(string)) (err error) {
			report(command)
			out, err = c.run(ctx, check...)
			return err
		})
		switch {
		case err == nil:
			continue
		case ctx.Err() != nil:
			return "", interrupted(nothingWritten)
		case len(u.Notes) > 0:
			fmt.Fprintf(t.stderr, "%s fails until you have made the changes below:\n%s\n", command, tail(out))
			return "", nil
		}
		with, hint := "with the update", "--diff shows the update; --no-verify writes it all the same"
		if len(u.Steps) == 0 { // the user has put conflicts right
			with, hint = "with the files as they are", "put it right, and update again; --no-verify records "+u.To+" all the same"
		}
		return "", failed(hint, "%s fails %s; %s\n%s", command, with, nothingWritten, tail(out))
	}
	return "built, vetted and tested", nil
}

// tail is the end of what a command said, as much as a screen holds.
func tail(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}

// trial is a copy of a project to try an update in.
type trial struct {
	root, dir string
	workspace string // value of GOWORK
}

// make copies the project and takes the steps there.
func (c *trial) make(ctx context.Context, todo []plan.Step) error {
	if err := os.Mkdir(c.dir, 0o700); err != nil {
		return err
	}
	to, err := os.OpenRoot(c.dir)
	if err != nil {
		return err
	}
	defer func() { _ = to.Close() }()
	if err := copyTree(ctx, c.root, filepath.Dir(c.dir), to); err != nil {
		return err
	}
	for _, s := range todo {
		if err := take(to, s); err != nil {
			return err
		}
	}
	if err := c.fixModule(); err != nil {
		return err
	}
	return c.fixWorkspace(ctx)
}

// take does what a step says.
func take(root *os.Root, s plan.Step) error {
	name := filepath.FromSlash(s.Path)
	if s.Kind == plan.Keep {
		return nil
	}
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) || s.Kind == plan.Delete {
		return err
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return root.WriteFile(name, s.Content, s.Mode)
}

// copyTree copies a project without what no build needs, and without the directory that
// the copy is in, should that be in the project.
func copyTree(ctx context.Context, dir, except string, to *os.Root) error {
	from, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	itself, err := os.Stat(except)
	if err != nil {
		return err
	}
	return fs.WalkDir(from.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		local := filepath.FromSlash(name)
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case entry.IsDir() && isSame(entry, itself):
			return fs.SkipDir
		case entry.IsDir() && (name == "vendor" || slices.Contains([]string{".git", ".forge", "node_modules"}, entry.Name())):
			return fs.SkipDir // vendor has the libraries of the go.mod before
		case entry.IsDir():
			return to.MkdirAll(local, 0o700)
		case entry.Type()&fs.ModeSymlink != 0:
			link, err := from.Readlink(local)
			if err != nil {
				return err
			}
			return to.Symlink(link, local)
		case !entry.Type().IsRegular():
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content, err := from.ReadFile(local)
		if err != nil {
			return err
		}
		return to.WriteFile(local, content, info.Mode().Perm()|0o200)
	})
}

func isSame(entry fs.DirEntry, other fs.FileInfo) bool {
	info, err := entry.Info()
	return err == nil && os.SameFile(info, other)
}

// fixModule has the paths of replacements lead from the copy to where they led.
func (c *trial) fixModule() error {
	name := filepath.Join(c.dir, "go.mod")
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	f, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		return nil //nolint:nilerr // go says so itself
	}
	changed := false
	for _, r := range f.Replace {
		if r.New.Version != "" || filepath.IsAbs(r.New.Path) || isInside(r.New.Path) {
			continue
		}
		if err := f.AddReplace(r.Old.Path, r.Old.Version, filepath.Join(c.root, r.New.Path), ""); err != nil {
			return err
		}
		changed = true
	}
	if !changed {
		return nil
	}
	if text, err = f.Format(); err != nil {
		return err
	}
	return os.WriteFile(name, text, 0o600)
}

// isInside reports whether a relative path stays in the project.
func isInside(path string) bool { return filepath.IsLocal(filepath.FromSlash(path)) }

// fixWorkspace makes a workspace like the one that the project is in, with the
// copy in its place.
func (c *trial) fixWorkspace(ctx context.Context) error {
	c.workspace = "off"
	cmd := exec.CommandContext(ctx, "go", "env", "GOWORK")
	cmd.Dir = c.root
	out, err := cmd.Output()
	file := strings.TrimSpace(string(out))
	if err != nil || file == "" || file == "off" || foreignWorkspace(c.root) != "" {
		return nil //nolint:nilerr // without a workspace the project is built by itself
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	work, err := modfile.ParseWork(file, text, nil)
	if err != nil {
		return nil //nolint:nilerr // go says so itself
	}
	at := func(path string) string {
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(file), path)
		}
		if same, err := filepath.EvalSymlinks(path); err == nil {
			path = same
		}
		return path
	}
	var dirs []*modfile.Use
	for _, use := range work.Use {
		dir := at(filepath.FromSlash(use.Path))
		if dir == at(c.root) {
			dir = c.dir
		}
		dirs = append(dirs, &modfile.Use{Path: filepath.ToSlash(dir)})
	}
	work.SetUse(dirs)
	for _, r := range work.Replace {
		if r.New.Version == "" {
			if err := work.AddReplace(r.Old.Path, r.Old.Version, at(filepath.FromSlash(r.New.Path)), ""); err != nil {
				return err
			}
		}
	}
	c.workspace = filepath.Join(filepath.Dir(c.dir), "go.work")
	return os.WriteFile(c.workspace, modfile.Format(work.Syntax), 0o600)
}

// run runs the go command in the copy, and returns all that it said.
func (c *trial) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // the arguments are those of checks
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "GOWORK="+c.workspace, "PWD="+c.dir)
	interruptible(cmd)
	return cmd.CombinedOutput()
}
