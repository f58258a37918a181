package release

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/mod/semver"

	"github.com/ouroboros-forge/forge/internal/project"
)

// Cut adds a release of the template to a directory of releases. It takes over
// what is declared for the next release, and leaves that empty. The newest
// release may be cut again: then its own declarations stand, unless there are
// newer ones.
func Cut(dir, version string, tmpl fs.FS) error {
	if !semver.IsValid(version) || semver.Canonical(version) != version {
		return fmt.Errorf("%q is not a version such as v1.2.3", version)
	}
	a, err := NewArchive(os.DirFS(dir))
	if err != nil {
		return err
	}
	if last := a.Latest(); last != "" && semver.Compare(version, last) < 0 {
		return fmt.Errorf("%s is before %s, the newest release", version, last)
	}
	s := &store{blobs: make(map[string][]byte)}
	meta := Meta{Version: version, Schema: project.Schema, Changes: a.next}
	if last, ok := a.Meta(version); ok {
		if len(a.next.Renames)+len(a.next.Interfaces) == 0 {
			meta.Changes = last.Changes
		}
		a.metas = a.metas[:len(a.metas)-1]
	}
	if err := s.load(a); err != nil {
		return err
	}
	if meta.Tree, err = s.add(tmpl); err != nil {
		return err
	}
	packed, err := s.pack()
	if err != nil {
		return err
	}
	text, err := marshal(meta)
	if err != nil {
		return err
	}
	next, err := emptied(filepath.Join(dir, nextFile))
	if err != nil {
		return err
	}
	write := func(name string, content []byte) error {
		return os.WriteFile(filepath.Join(dir, name), content, 0o644) //nolint:gosec // it is for everybody to read
	}
	return errors.Join(write(storeFile, packed), write(version+".yaml", text), write(nextFile, next)) // a store with more than is named does no harm
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	err := errors.Join(enc.Encode(v), enc.Close())
	return b.Bytes(), err
}

// emptied returns next.yaml without declarations: its comment, which explains it.
func emptied(file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var kept strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			break
		}
		kept.WriteString(line)
	}
	return []byte(kept.String() + "renames: []\ninterfaces: []\n"), nil
}

// store is what store.gz has, unpacked.
type store struct {
	trees []string // sums, oldest release first
	blobs map[string][]byte
}

// load reads the releases of an archive.
func (s *store) load(a *Archive) error {
	for _, m := range a.metas {
		files, err := a.read(m)
		if err != nil {
			return fmt.Errorf("release %s: %w", m.Version, err)
		}
		list := make(map[string][]byte, len(files))
		for _, f := range files {
			list[f.Name] = f.Data
		}
		if sum := s.addFiles(list); sum != m.Tree {
			return fmt.Errorf("release %s: its files are not those of its tree", m.Version)
		}
	}
	return nil
}

// add adds a template, and returns the sum of its tree.
func (s *store) add(tmpl fs.FS) (tree string, err error) {
	files := make(map[string][]byte)
	err = fs.WalkDir(tmpl, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files[name], err = fs.ReadFile(tmpl, name)
		}
		return err
	})
	return s.addFiles(files), err
}

func (s *store) addFiles(files map[string][]byte) (tree string) {
	var list strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&list, "%s %s\n", s.put(files[name]), name)
	}
	tree = s.put([]byte(list.String()))
	s.trees = append(s.trees, tree)
	return tree
}

func (s *store) put(content []byte) (sum string) {
	sum = project.Sum(content)
	s.blobs[sum] = content
	return sum
}

// pack writes the store: the trees, each but the first as what it changes in the one
// before, then the files by path, so that versions of one follow each other. Both take
// little room, the trees also where they are longer than what gzip looks back.
func (s *store) pack() ([]byte, error) {
	var out bytes.Buffer
	zip, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	written := make(map[string]bool)
	write := func(sum, base string) {
		if written[sum] {
			return
		}
		written[sum] = true
		content := s.blobs[sum]
		if base != "" {
			content = treeChanges(s.blobs[base], content)
			base = " " + base
		}
		fmt.Fprintf(zip, "%s %d%s\n", sum, len(content), base)
		_, _ = zip.Write(content) // into memory; Close has its errors
	}
	byPath := make(map[string][]string)
	before := ""
	for _, tree := range s.trees {
		write(tree, before)
		before = tree
		list, err := parseTree(s.blobs[tree])
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			byPath[e.path] = append(byPath[e.path], e.sum)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(byPath)) {
		for _, sum := range byPath[path] {
			write(sum, "")
		}
	}
	err = zip.Close()
	return out.Bytes(), err
}

// treeChanges returns what applyChanges makes of base to get tree.
func treeChanges(base, tree []byte) []byte {
	was, is := treeLines(base), treeLines(tree)
	var changes strings.Builder
	for _, path := range slices.Sorted(maps.Keys(was)) {
		if is[path] == "" {
			changes.WriteString("- " + path + "\n")
		}
	}
	for _, path := range slices.Sorted(maps.Keys(is)) {
		if is[path] != was[path] {
			changes.WriteString(is[path])
		}
	}
	return []byte(changes.String())
}
