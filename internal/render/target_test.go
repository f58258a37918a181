package render

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckTarget(t *testing.T) {
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"empty", "full", "closed", "here"} {
		must(os.Mkdir(filepath.Join(dir, d), 0o755))
	}
	must(os.WriteFile(filepath.Join(dir, "full", ".git"), nil, 0o600))
	must(os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	must(os.Symlink("nowhere", filepath.Join(dir, "dangling")))
	must(os.Symlink("empty", filepath.Join(dir, "link")))
	must(os.Symlink("full", filepath.Join(dir, "fulllink")))
	must(os.Chmod(filepath.Join(dir, "closed"), 0o555))
	t.Chdir(filepath.Join(dir, "here"))

	for _, tt := range []struct{ target, reason string }{
		{"../new", ""},
		{"../new/", ""},
		{"../a/b/c", ""},
		{"../empty", ""},
		{"../link", ""},
		{"new", ""},
		{"../full", "exists and is not empty"},
		{"../fulllink", "exists and is not empty"},
		{"..", "exists and is not empty"},
		{"../file", "it is not a directory"},
		{"../file/x", "is not a directory"},
		{"../file/x/y", "is not a directory"},
		{"../dangling", "is a symbolic link to nowhere"},
		{"../dangling/x", "is a symbolic link to nowhere"},
		{".", "is the directory that you are in"},
		{"../here", "is the directory that you are in"},
		{"../closed/x", "permission denied"},
		{"../" + strings.Repeat("x", 300), "file name too long"},
	} {
		if tt.target == "../closed/x" && os.Geteuid() == 0 {
			continue // everything is open to root
		}
		err := CheckTarget(tt.target)
		var refused *TargetError
		switch {
		case tt.reason == "":
			if err != nil {
				t.Errorf("%s: %v", tt.target, err)
			}
		case !errors.As(err, &refused):
			t.Errorf("%s: got %v, want %s", tt.target, err, tt.reason)
		case !strings.Contains(refused.Error(), tt.reason) || !strings.HasPrefix(refused.Error(), tt.target) || refused.Hint == "":
			t.Errorf("%s: got %v, hint %q, want %s", tt.target, refused, refused.Hint, tt.reason)
		}
		// What is refused before the questions is refused by the writing too.
		if err := Write(t.Context(), sample(), tt.target); (err == nil) != (tt.reason == "") {
			t.Errorf("%s: writing: %v", tt.target, err)
		}
		if tt.reason == "" {
			must(os.RemoveAll(tt.target))
		}
		if tt.target == "../empty" {
			must(os.Mkdir(tt.target, 0o755))
		}
	}
}
