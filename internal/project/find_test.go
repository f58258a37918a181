package project_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/ouroboros-forge/forge/internal/project"
)

func TestFind(t *testing.T) {
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir := func(elem ...string) string { return filepath.Join(append([]string{top}, elem...)...) }
	record := dir("repo", "shop", filepath.FromSlash(project.Path))
	err = errors.Join(
		os.MkdirAll(dir("repo", ".git"), 0o755), os.MkdirAll(dir("repo", "shop", "internal", "x"), 0o755),
		os.MkdirAll(dir("repo", "other"), 0o755), os.MkdirAll(filepath.Dir(record), 0o755), os.WriteFile(record, nil, 0o644),
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{dir("repo", "shop"), dir("repo", "shop", "internal", "x")} {
		if got, err := project.Find(from); err != nil || got != dir("repo", "shop") {
			t.Errorf("from %s: %s, %v", from, got, err)
		}
	}
	_, err = project.Find(dir("repo", "other"))
	missing, ok := errors.AsType[*project.NotFoundError](err)
	if !ok || missing.From != dir("repo", "other") || missing.To != dir("repo") {
		t.Errorf("beside the project: %v", err)
	}
}
