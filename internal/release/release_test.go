package release_test

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ouroboros-forge/forge/internal/release"
	"github.com/ouroboros-forge/forge/internal/release/gate"
	"github.com/ouroboros-forge/forge/template"
)

// TestReleasesGiveWhatTheyGave is the gate: every release renders every set of
// answers to the digest that was frozen when it was cut.
func TestReleasesGiveWhatTheyGave(t *testing.T) {
	a, err := release.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Versions()) == 0 {
		t.Fatal("there is no release")
	}
	for _, version := range a.Versions() {
		tmpl, _, err := a.Open(version)
		if err != nil {
			t.Fatal(err)
		}
		frozen, err := os.ReadFile(filepath.Join("..", "..", "releases", version+".sum"))
		if err != nil {
			t.Fatal(err)
		}
		now, err := gate.Digests(tmpl, version)
		if err != nil {
			t.Fatalf("%s: %v", version, err)
		}
		if differ := gate.Differences(string(frozen), now); len(differ) > 0 || len(frozen) == 0 {
			t.Errorf("%s renders other files than it did for the answer sets %s: projects of that release cannot be updated", version, strings.Join(differ, ", "))
		}
	}
}

// A digest sees each byte of a file that forge manages.
func TestDigestsSeeAChange(t *testing.T) {
	before, err := gate.Digests(template.FS, "v1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	changed := copied(t, template.FS)
	changed["docs/settings.md.tmpl"].Data = append(changed["docs/settings.md.tmpl"].Data, '.')
	after, err := gate.Digests(changed, "v1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	if differ := gate.Differences(before, after); len(differ) != strings.Count(before, "\n") {
		t.Errorf("%v differ of\n%s", differ, before)
	}
}

func copied(t *testing.T, src fs.FS) fstest.MapFS {
	t.Helper()
	files := make(fstest.MapFS)
	err := fs.WalkDir(src, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(src, name)
		files[name] = &fstest.MapFile{Data: content}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func cut(t *testing.T, dir, version string, tmpl fs.FS) {
	t.Helper()
	if err := release.Cut(dir, version, tmpl); err != nil {
		t.Fatal(err)
	}
}

func archive(t *testing.T, dir string) *release.Archive {
	t.Helper()
	a, err := release.NewArchive(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestCutAndOpen proves that each release comes back as it was cut, with what
// was declared for it, also when others follow and when it is cut again.
func TestCutAndOpen(t *testing.T) {
	dir := t.TempDir()
	one := fstest.MapFS{"a/b.go": {Data: []byte("one\n")}, "c": {}}
	two := fstest.MapFS{"a/b.go": {Data: []byte("two\n")}, "d/e": {Data: []byte("one\n")}}
	cut(t, dir, "v0.9.0", one)
	next := "# why\nrenames:\n  - {from: c, to: d/e}\ninterfaces:\n  - {symbol: a.B, methods: [C], change: D}\n"
	if err := os.WriteFile(filepath.Join(dir, "next.yaml"), []byte(next), 0o600); err != nil {
		t.Fatal(err)
	}
	cut(t, dir, "v0.10.0", one)
	cut(t, dir, "v0.10.0", two)

	a := archive(t, dir)
	if got := a.Versions(); !slices.Equal(got, []string{"v0.9.0", "v0.10.0"}) || a.Latest() != "v0.10.0" {
		t.Fatal(got)
	}
	for version, want := range map[string]fstest.MapFS{"v0.9.0": one, "v0.10.0": two} {
		got, _, err := a.Open(version)
		if err != nil {
			t.Fatal(err)
		}
		if err := fstest.TestFS(got, slices.Collect(keys(want))...); err != nil {
			t.Error(err)
		}
		for name, file := range copied(t, got) {
			if want[name] == nil || !bytes.Equal(file.Data, want[name].Data) {
				t.Errorf("%s: %s is %q", version, name, file.Data)
			}
		}
	}
	changes := release.Changes{Renames: []release.Rename{{From: "c", To: "d/e"}}, Interfaces: []release.Interface{{Symbol: "a.B", Methods: []string{"C"}, Change: "D"}}}
	if meta, _ := a.Meta("v0.10.0"); !reflect.DeepEqual(meta.Changes, changes) {
		t.Errorf("%+v", meta)
	}
	if got := a.Between("v0.9.0", "v0.10.0"); !reflect.DeepEqual(got, changes) {
		t.Errorf("%+v", got)
	}
	if got := a.Between("v0.10.0", "(devel)"); len(got.Renames) != 0 {
		t.Errorf("%+v", got)
	}
	if left, err := os.ReadFile(filepath.Join(dir, "next.yaml")); string(left) != "# why\nrenames: []\ninterfaces: []\n" {
		t.Errorf("%v %q", err, left)
	}
	for version, want := range map[string]string{"v0.9.0": "before v0.10.0", "1.0": "not a version", "v1.0": "not a version"} {
		if err := release.Cut(dir, version, one); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", version, err)
		}
	}
	if _, _, err := a.Open("v3.0.0"); err == nil || !strings.Contains(err.Error(), "v0.9.0, v0.10.0") {
		t.Error(err)
	}
}

func keys(files fstest.MapFS) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for name := range files {
			if !yield(name) {
				return
			}
		}
	}
}

// A store with another byte in it is no store.
func TestDamagedStore(t *testing.T) {
	dir := t.TempDir()
	cut(t, dir, "v0.1.0", fstest.MapFS{"a": {Data: []byte("content of a")}})
	whole, err := os.ReadFile(filepath.Join(dir, "store.gz"))
	if err != nil {
		t.Fatal(err)
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	var plain bytes.Buffer
	if _, err := plain.ReadFrom(unzipped); err != nil {
		t.Fatal(err)
	}
	for i := range plain.Len() {
		changed := bytes.Clone(plain.Bytes())
		changed[i] ^= 1
		var zipped bytes.Buffer
		zip := gzip.NewWriter(&zipped)
		_, _ = zip.Write(changed)
		_ = zip.Close()
		meta, _ := os.ReadFile(filepath.Join(dir, "v0.1.0.yaml"))
		a, err := release.NewArchive(fstest.MapFS{"store.gz": {Data: zipped.Bytes()}, "v0.1.0.yaml": {Data: meta}})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := a.Open("v0.1.0"); err == nil {
			t.Fatalf("nobody saw that byte %d is another: %q", i, changed)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		if _, _, err := release.Open("v0.1.0"); err != nil {
			b.Fatal(err)
		}
	}
}
