package release

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template"
)

// TestSixtyReleases measures what releases cost: sixty, of which each changes
// lines in eight files of the template, adds a function to one, and now and then
// adds a file or removes one. It is what a fortnight of work on it came to.
func TestSixtyReleases(t *testing.T) {
	files, sources := goFiles(t)
	s := &store{blobs: make(map[string][]byte)}
	sizes := make(map[int]int)
	for n := 1; n <= 60; n++ {
		for i := range 8 {
			name := sources[(n*31+i*7)%len(sources)]
			lines := strings.Split(string(files[name]), "\n")
			at := (n*17 + i*5) % len(lines)
			lines[at] = fmt.Sprintf("\t// release %d has changed line %d", n, at)
			if i == 0 {
				lines = append(lines, fmt.Sprintf("func added%d(name string) error {\n\treturn fmt.Errorf(\"%%s: release %d\", name)\n}\n", n, n))
			}
			files[name] = []byte(strings.Join(lines, "\n"))
		}
		if n%10 == 0 {
			files[fmt.Sprintf("internal/new/file%d.go", n)] = bytes.ReplaceAll(files[sources[n]], []byte("err"), []byte("cause"))
		}
		if n%10 == 5 {
			delete(files, fmt.Sprintf("internal/new/file%d.go", n-5))
		}
		s.addFiles(files)
		if n != 1 && n != 20 && n != 60 {
			continue
		}
		packed, err := s.pack()
		if err != nil {
			t.Fatal(err)
		}
		sizes[n] = len(packed)
	}
	t.Logf("1 release: %d bytes, 20: %d, 60: %d, which is %d more for each", sizes[1], sizes[20], sizes[60], (sizes[60]-sizes[1])/59)
	if sizes[20] > 1<<20 {
		t.Errorf("20 releases take %d bytes of the binary, 1 MiB is allowed", sizes[20])
	}
	if more := sizes[60] - sizes[1]; more > 160_000 {
		t.Errorf("the 59 releases after the first take %d bytes", more)
	}
}

// goFiles returns the template's files, and the names of the larger ones in Go.
func goFiles(t *testing.T) (files map[string][]byte, sources []string) {
	t.Helper()
	files = make(map[string][]byte)
	err := fs.WalkDir(template.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[name], err = fs.ReadFile(template.FS, name)
		if strings.HasSuffix(name, ".go") && len(files[name]) > 2000 {
			sources = append(sources, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(sources)
	return files, sources
}
