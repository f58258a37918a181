package update

import (
	"cmp"
	"io/fs"
	"slices"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/release"
	"github.com/ouroboros-forge/forge/internal/render"
)

// Follow makes base what forge wrote, where an older release wrote it: an update
// leaves the files of the user's as they are, so that a change of the answers
// must go on from there. base and next are the project with its answers and with
// others; of each file in which they differ, and which the record has with
// another checksum than base, both get the content of the release that gives it; next
// keeps its own where that release knows nothing of what others have more.
// moved has the paths of files that next has elsewhere. own is the template of version,
// which may be no release.
func Follow(open func() (*release.Archive, error), own fs.FS, version string, record project.Project, others answers.Answers, base, next *render.Tree, moved map[string]string) error {
	left := make(map[string]string) // checksums by path
	for _, f := range record.Files {
		b, was := fileOf(base, f.Path)
		n, is := fileOf(next, f.Path)
		if was && project.Sum(b.Content) != f.SHA256 && (!is || string(b.Content) != string(n.Content)) {
			left[f.Path] = f.SHA256
		}
	}
	if len(left) == 0 {
		return nil
	}
	archive, err := open()
	if err != nil {
		return err
	}
	versions := append(archive.Versions(), version)
	slices.Reverse(versions)
	for i, version := range versions {
		tmpl := own
		if i > 0 {
			if tmpl, _, err = archive.Open(version); err != nil {
				return err
			}
		}
		unknown, err := render.Unknown(tmpl, record.Answers, others)
		if err != nil {
			return err
		}
		then, now, err := render.Both(tmpl, record.Answers, others, version)
		if len(unknown) > 0 {
			now = next
		}
		if err == nil { // else nothing was written from it
			take(left, then, now, base, next, moved)
		}
		if len(left) == 0 {
			return nil
		}
	}
	return nil
}

// take puts the files of left that then has, and what they are in now, in the place of
// those of base and next.
func take(left map[string]string, then, now, base, next *render.Tree, moved map[string]string) {
	for path, sum := range left {
		b, ok := fileOf(then, path)
		if !ok || project.Sum(b.Content) != sum {
			continue
		}
		delete(left, path)
		put(base, b)
		if n, ok := fileOf(now, cmp.Or(moved[path], path)); ok {
			put(next, n)
		}
	}
}

func fileOf(tree *render.Tree, path string) (render.File, bool) {
	i := slices.IndexFunc(tree.Files, func(f render.File) bool { return f.Path == path })
	if i < 0 {
		return render.File{}, false
	}
	return tree.Files[i], true
}

// put replaces a file of a tree.
func put(tree *render.Tree, f render.File) {
	for i := range tree.Files {
		if tree.Files[i].Path == f.Path {
			tree.Files[i] = f
		}
	}
}
