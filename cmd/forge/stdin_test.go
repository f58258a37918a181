//go:build unix

package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A pipe that stays open and empty is not waited for, and
// what is in one stays there.
func TestStdinIsNeitherWaitedForNorRead(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("CI", "")
	for _, test := range []struct {
		name, text, want string
	}{
		{"silent", "", ""},
		{"spoken", "github.com/me/other\n", "forge: hint: stdin is not read; "},
	} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if _, err := io.WriteString(w, test.text); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		if code := run(context.Background(), []string{"new", test.name}, r, &stdout, &stderr); code != exitOK {
			t.Errorf("exit code %d: %s", code, &stderr)
		}
		if !strings.HasPrefix(stderr.String(), test.want) || (test.want == "") != (stderr.Len() == 0) {
			t.Errorf("%s: said %q", test.name, &stderr)
		}
		_ = w.Close()
		if left, err := io.ReadAll(r); err != nil || string(left) != test.text {
			t.Errorf("left in the pipe: %q, %v", left, err)
		}
	}
}

func TestHasInput(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(path string, offset int64) *os.File {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Seek(offset, io.SeekStart); err != nil && offset > 0 {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	ended, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer ended.Close()
	_ = w.Close()
	closed := open(file, 0)
	_ = closed.Close()
	for name, test := range map[string]struct {
		stdin io.Reader
		want  bool
	}{
		"file":       {open(file, 0), true},
		"read file":  {open(file, 4), false},
		"/dev/null":  {open(os.DevNull, 0), false},
		"ended pipe": {ended, false},
		"closed":     {closed, false},
		"no file":    {strings.NewReader("text"), false},
	} {
		if got := hasInput(test.stdin); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
