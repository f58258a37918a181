//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestUpdateIsInterrupted interrupts an update while its result is being tested:
// the go command ends with it, and nothing was written.
func TestUpdateIsInterrupted(t *testing.T) {
	_, first := twoReleases(t)
	project := anOldProject(t, first)
	before := snapshot(t, project)
	begins := neverEnding(t, "go", "if [ \"$1\" = env ]; then exit 0; fi")
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Chdir(project)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		begins()
		cancel()
	}()
	var out, errs bytes.Buffer
	if code := run(ctx, []string{"update"}, strings.NewReader(""), &out, &errs); code != exitInterrupted || !strings.Contains(errs.String(), "interrupted, nothing was written") {
		t.Errorf("code %d, %s", code, errs.String())
	}
	if !maps.Equal(snapshot(t, project), before) {
		t.Error("something was written")
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("%v is left of the copy: %v", left, err)
	}
}

// neverEnding puts a command before those of the PATH that does something, and then does
// not end until it is interrupted. begins returns when that is so.
func neverEnding(t *testing.T, command, does string) (begins func()) {
	t.Helper()
	bin := t.TempDir()
	started, forever := filepath.Join(bin, "started"), filepath.Join(bin, "forever")
	for _, name := range []string{started, forever} {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script := "#!/bin/sh\n" + does + "\necho at work >" + started + "\nexec cat " + forever + "\n"
	if err := os.WriteFile(filepath.Join(bin, command), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	return func() { _, _ = os.ReadFile(started) }
}

// TestGitIsInterrupted interrupts git, which is told so: it can take its lock away. What
// there is of the repository goes, and the service stays.
func TestGitIsInterrupted(t *testing.T) {
	dir := t.TempDir()
	begins := neverEnding(t, "git", "mkdir -p .git; echo >.git/index.lock")
	t.Chdir(dir)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		begins()
		cancel()
	}()
	var out, errs bytes.Buffer
	code := run(ctx, []string{"new", "shop", "--git"}, strings.NewReader(""), &out, &errs)
	if want := "forge: error: interrupted, the service is written, but is no git repository\n"; code != exitInterrupted || errs.String() != want {
		t.Errorf("code %d, %s", code, errs.String())
	}
	if _, err := os.Stat(filepath.Join(dir, "shop", "main.go")); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "shop", ".git")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a part of the repository is left: %v", err)
	}
}

// TestManySignalsLeaveOneState proves that who presses Ctrl-C again and again while forge
// writes has the project as it was, and is told so, or as it was to be.
func TestManySignalsLeaveOneState(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Chdir(dir)
	if code := run(t.Context(), []string{"new", "shop", "--no-input"}, strings.NewReader(""), io.Discard, io.Discard); code != exitOK {
		t.Fatal(code)
	}
	project := filepath.Join(dir, "shop")
	before := snapshot(t, project)
	add := func(env ...string) (code int, stderr string) {
		var errs bytes.Buffer
		cmd := exec.Command(exe, "add", "handler", "payments")
		cmd.Args[0] = "forge" // see TestMain
		cmd.Dir, cmd.Stderr, cmd.Env = project, &errs, append(os.Environ(), env...)
		_ = cmd.Run() // the exit code tells
		return cmd.ProcessState.ExitCode(), errs.String()
	}
	for _, from := range []string{"0", "3", "20", "24", "30"} {
		code, stderr := add("FORGE_TEST_INTERRUPT=" + from)
		switch now := snapshot(t, project); {
		case maps.Equal(now, before):
			if code != exitInterrupted || stderr != "forge: error: interrupted, nothing was written\n" {
				t.Errorf("from step %s: exit code %d, %s", from, code, stderr)
			}
		case code != exitOK || stderr != "" || now["handlers/payments.go"] == "" || now["models/payments.go"] == "":
			t.Errorf("from step %s: exit code %d, %s, and %d files", from, code, stderr, len(now))
		default:
			t.Chdir(project)
			if code := run(t.Context(), []string{"undo"}, strings.NewReader(""), io.Discard, io.Discard); code != exitOK {
				t.Fatal(code)
			}
		}
	}
}
