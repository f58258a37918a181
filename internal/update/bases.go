package update

import (
	"io/fs"
	"slices"

	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/render"
)

// bases finds files as forge wrote them: in what releases render with the
// recorded answers, first that which wrote the project.
type bases struct {
	in       Input
	opened   []source // the versions that were asked so far
	versions []string // those that were not
}

// source is a template of a version.
type source struct {
	version string
	tmpl    fs.FS
}

func newBases(in Input) *bases {
	b := &bases{in: in}
	others := in.History.Versions()
	slices.Reverse(others)
	if i := slices.Index(others, in.Record.Forge); i >= 0 {
		others = slices.Insert(slices.Delete(others, i, i+1), 0, in.Record.Forge)
	}
	b.versions = slices.DeleteFunc(others, func(v string) bool { return v == in.Version })
	b.opened = append(b.opened, source{in.Version, in.Target}) // it wrote some, if an update has left conflicts
	return b
}

// find returns the content of a file that has the recorded checksum.
func (b *bases) find(f project.File) (content []byte, ok bool) {
	for i := 0; ; i++ {
		if i == len(b.opened) && !b.open() {
			break
		}
		from := b.opened[i]
		file, ok, err := render.One(from.tmpl, b.in.Record.Answers, from.version, f.Path)
		if err == nil && ok && project.Sum(file.Content) == f.SHA256 { // of what cannot be rendered nothing was written
			return file.Content, true
		}
	}
	if b.in.Find == nil {
		return nil, false
	}
	content, ok = b.in.Find(f.Path, f.SHA256)
	return content, ok && project.Sum(content) == f.SHA256
}

// Unknown are those of some files of the record that no template gives as they were
// written: what an update has left unfinished wrote some by the new one.
func Unknown(in Input, paths []string) (unknown []string) {
	b := newBases(in)
	for _, f := range in.Record.Files {
		if !slices.Contains(paths, f.Path) {
			continue
		}
		if _, ok := b.find(f); !ok {
			unknown = append(unknown, f.Path)
		}
	}
	return unknown
}

// open opens the template of one more version.
func (b *bases) open() bool {
	for len(b.versions) > 0 {
		version := b.versions[0]
		b.versions = b.versions[1:]
		if tmpl, _, err := b.in.History.Open(version); err == nil {
			b.opened = append(b.opened, source{version, tmpl})
			return true
		}
	}
	return false
}
