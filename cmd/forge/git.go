package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/prompts"
)

// repository is what is known of git where a service is to be written.
type repository struct {
	installed bool
	around    string // root of the work tree that the service is written into, or ""
}

func findRepository(dir string) repository {
	_, err := exec.LookPath("git")
	return repository{installed: err == nil, around: findAbove(dir, ".git")}
}

// findAbove returns the nearest directory above dir that has an entry of that
// name, or "".
func findAbove(dir, name string) string {
	for {
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return dir
		}
	}
}

// check refuses --git where it cannot be done.
func (r repository) check() error {
	switch {
	case !r.installed:
		return failed("install git, or leave out --git", "--git needs the git command, which is not on the PATH")
	case r.around != "":
		return usage("leave out --git: `git add` there takes the service in", "--git: the service would be inside of the repository %s", r.around)
	}
	return nil
}

// question asks whether to make a repository.
func (r repository) question(git *bool) prompts.Question {
	*git = true
	return prompts.YesNo("git", "git", "make it a repository with a first commit", git)
}

// makeRepository has git keep what is in dir, and returns what was done. The
// first commit is made only if git knows in whose name. What is interrupted leaves no
// repository.
func makeRepository(ctx context.Context, dir, message string) (done string, err error) {
	defer func() {
		if ctx.Err() != nil {
			done, err = "", errors.Join(interrupted("the service is written, but is no git repository"), os.RemoveAll(filepath.Join(dir, ".git")))
		}
	}()
	for _, args := range [][]string{{"init", "--quiet"}, {"add", "--all"}} {
		if err := git(ctx, dir, args...); err != nil {
			return "", failed("the service is written all the same", "no git repository was made: %w", err)
		}
	}
	if known := git(ctx, dir, "-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT") == nil; !known {
		return "a repository, nothing committed: git has no user.name", nil
	}
	if err := git(ctx, dir, "commit", "--quiet", "--message", message); err != nil {
		return "", failed("the service is written, and added in a new repository", "git made no commit: %w", err)
	}
	return "a repository, with a first commit", nil
}

func git(ctx context.Context, dir string, args ...string) error {
	_, err := gitOutput(ctx, dir, args...)
	return err
}

// gitOutput runs git in dir, and returns what it printed.
func gitOutput(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", args...)                       //nolint:gosec // all arguments are above and below
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // killed, git would leave its lock, which stops the next
	cmd.WaitDelay = endingTime
	cmd.Dir = dir
	// Set by git for hooks and aliases; they would lead to another repository.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains([]string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"}, name)
	})
	cmd.Env = append(cmd.Env, "LC_ALL=C") // what it says is compared
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if text := strings.TrimSpace(said.String()); err != nil && text != "" {
		return out, failed("", "%w: %s", err, text)
	}
	return out, err
}

// checkClean refuses to change a project in which git has changes that are not
// committed: what an update did could not be told from them. Where there is no
// git, or it keeps nothing of the project, nobody can tell.
func (o *updateOptions) checkClean(ctx context.Context, dir string) error {
	if o.allowDirty {
		return nil
	}
	out, err := gitOutput(ctx, dir, "status", "--porcelain", "--", ".")
	if err != nil && (errors.Is(err, exec.ErrNotFound) || strings.Contains(err.Error(), "not a git repository")) {
		return nil
	}
	if err != nil {
		return failed("put that right, or update all the same with --allow-dirty", "whether git has changes here that are not committed cannot be told; %s: %w", nothingWritten, err)
	}
	if len(out) == 0 {
		return nil
	}
	changes := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	return failed("commit or stash them, or update all the same with --allow-dirty", "git has changes here that are not committed; %s\n%s", nothingWritten, strings.Join(few(changes), "\n"))
}

// few are the first of some lines, and how many there are more.
func few(lines []string) []string {
	const most = 5
	if len(lines) <= most {
		return lines
	}
	return append(slices.Clone(lines[:most]), fmt.Sprintf("… and %d more", len(lines)-most))
}

// gitIgnores reports of a path whether git passes it over; of none where there is no git.
func gitIgnores(ctx context.Context, dir string) func(name string) bool {
	out, _ := gitOutput(ctx, dir, "ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")
	ignored := strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
	return func(name string) bool {
		return slices.ContainsFunc(ignored, func(path string) bool {
			return name == path || strings.HasSuffix(path, "/") && strings.HasPrefix(name, path)
		})
	}
}

// gitFind looks for content of a file in its history.
func gitFind(ctx context.Context, dir, path, sum string) ([]byte, bool) {
	log, err := gitOutput(ctx, dir, "log", "--all", "--max-count=100", "--format=", "--raw", "--no-abbrev", "--", path)
	if err != nil {
		return nil, false
	}
	for line := range strings.Lines(string(log)) { // :100644 100644 OLD NEW M<tab>path
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		for _, id := range fields[2:4] {
			if strings.Trim(id, "0") == "" {
				continue
			}
			if content, err := gitOutput(ctx, dir, "cat-file", "blob", id); err == nil && project.Sum(content) == sum {
				return content, true
			}
		}
	}
	return nil, false
}
