package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A copy that lies in the project, where TMPDIR leads there, has no copy of itself.
func TestACopyInTheProjectHasNoCopyOfItself(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "tmp", "forge-update-1")
	if err := os.MkdirAll(filepath.Join(dir, "project"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "go.mod"), []byte("module a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	to, err := os.OpenRoot(filepath.Join(dir, "project"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = to.Close() }()
	if err := copyTree(t.Context(), root, dir, to); err != nil {
		t.Fatal(err)
	}
	if _, err := to.Stat("go.mod"); err != nil {
		t.Error(err)
	}
	if _, err := to.Stat("tmp/forge-update-1"); err == nil {
		t.Error("the copy has a copy of itself")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := copyTree(ctx, root, dir, to); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it was cancelled", err)
	}
}
