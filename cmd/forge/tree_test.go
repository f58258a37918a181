package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestWorkTreeIsNeverEmpty looks at a project before each change of the disk that an
// update makes: each file that was there and will be is there, as it was or as it will
// be. kubebuilder empties the tree on the way.
func TestWorkTreeIsNeverEmpty(t *testing.T) {
	_, first := twoReleases(t)
	update := []string{"update", "--no-verify", "--quiet"}
	project := anOldProject(t, first)
	before := snapshot(t, project)
	if code, stderr := inProject(t, project, nil, update...); code != exitOK {
		t.Fatal(stderr)
	}
	after := snapshot(t, project)
	project = anOldProject(t, first)
	looks := 0
	code, stderr := inProject(t, project, func(step string) error {
		if strings.HasPrefix(filepath.ToSlash(step), ".forge/") {
			return nil // nothing of the tree is touched
		}
		looks++
		now := snapshot(t, project)
		for name, was := range before {
			willBe, stays := after[name]
			if is, there := now[name]; stays && (!there || is != was && is != willBe) {
				t.Errorf("before the step %s, %s is %q", step, name, is)
			}
		}
		return nil
	}, update...)
	if code != exitOK || looks < 5 {
		t.Errorf("%d looks, %s", looks, stderr)
	}
}
