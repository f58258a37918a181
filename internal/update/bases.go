package update

import (
	"io/fs"
	"slices"

	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/release"
	"github.com/ouroboros-forge/forge/internal/render"
)

// bases finds files as forge wrote them: in what releases render with the
// recorded answers, first that which wrote the project.
type bases struct {
	in       Input
	rendered []map[string][]byte // of the versions that were asked so far
	versions []string            // of those that were not
}

func newBases(in Input, next *render.Tree) *bases {
	b := &bases{in: in}
	others := in.History.Versions()
	slices.Reverse(others)
	if i := slices.Index(others, in.Record.Forge); i >= 0 {
		others = slices.Insert(slices.Delete(others, i, i+1), 0, in.Record.Forge)
	}
	b.versions = slices.DeleteFunc(others, func(v string) bool { return v == in.Version })
	b.rendered = append(b.rendered, contents(next)) // after an update that left conflicts
	return b
}

func contents(tree *render.Tree) map[string][]byte {
	files := make(map[string][]byte, len(tree.Files))
	for _, f := range tree.Files {
		files[f.Path] = f.Content
	}
	return files
}

// find returns the content of a file that has the recorded checksum.
func (b *bases) find(f project.File) (content []byte, ok bool) {
	for i := 0; ; i++ {
		for i == len(b.rendered) {
			if len(b.versions) == 0 {
				if b.in.Find == nil {
					return nil, false
				}
				content, ok := b.in.Find(f.Path, f.SHA256)
				return content, ok && project.Sum(content) == f.SHA256
			}
			version := b.versions[0]
			b.versions = b.versions[1:]
			b.rendered = append(b.rendered, renderRelease(b.in.History, version, b.in))
		}
		if content, ok := b.rendered[i][f.Path]; ok && project.Sum(content) == f.SHA256 {
			return content, true
		}
	}
}

// renderRelease renders a release with the recorded answers; of one that cannot
// be rendered with these there is nothing to find.
func renderRelease(history *release.Archive, version string, in Input) map[string][]byte {
	var tmpl fs.FS
	tmpl, _, err := history.Open(version)
	if err != nil {
		return nil
	}
	tree, err := render.Render(tmpl, in.Record.Answers, version)
	if err != nil {
		return nil
	}
	return contents(tree)
}
