//go:build unix

package main

import (
	"io"
	"path/filepath"
	"syscall"
	"testing"
)

func TestAPipeIntoWhichNobodyWritesIsEmpty(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := openFile(name)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if text, err := io.ReadAll(in); err != nil || len(text) > 0 {
		t.Errorf("%q, %v", text, err)
	}
}
