//go:build unix

package main

import (
	"bytes"
	"context"
	"maps"
	"os"
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
	bin := t.TempDir()
	started, forever := filepath.Join(bin, "started"), filepath.Join(bin, "forever")
	for _, name := range []string{started, forever} {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script := "#!/bin/sh\nif [ \"$1\" = env ]; then exit 0; fi\necho at work >" + started + "\ncat " + forever + "\n"
	if err := os.WriteFile(filepath.Join(bin, "go"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Chdir(project)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = os.ReadFile(started) // returns when the go command has begun
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
