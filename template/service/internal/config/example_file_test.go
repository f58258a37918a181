package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/joho/godotenv"
)

// example returns the lines of the settings file that users start from.
func example(t *testing.T) []string {
	t.Helper()
	for _, name := range []string{".env.example", "env.tmpl"} {
		content, err := os.ReadFile(filepath.Join("..", "..", name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(string(content), "\n")
	}
	t.Skip("there is no .env.example")
	return nil
}

func TestExampleFileListsEverySettingWithItsDefault(t *testing.T) {
	lines := example(t)
	for _, s := range Settings() {
		i := slices.IndexFunc(lines, func(line string) bool {
			return strings.HasPrefix(strings.TrimPrefix(line, "#"), s.Name+"=")
		})
		if i < 1 {
			t.Errorf("%s is missing", s.Name)
			continue
		}
		if rest, ok := strings.CutPrefix(lines[i], "#"+s.Name+"="); ok && rest != s.Default {
			t.Errorf("%s is shown with the default %q, it is %q", s.Name, rest, s.Default)
		}
		if want := "# " + s.Doc; lines[i-1] != want {
			t.Errorf("above %s stands\n%s\nwant\n%s", s.Name, lines[i-1], want)
		}
	}
	for _, line := range lines {
		name, _, ok := strings.Cut(strings.TrimPrefix(line, "#"), "=")
		if ok && !strings.Contains(name, " ") && !slices.ContainsFunc(Settings(), func(s Setting) bool { return s.Name == name || s.File && s.Name+fileSuffix == name }) {
			t.Errorf("%s is no setting", name)
		}
	}
}

func TestSettingsAreDocumentedOnce(t *testing.T) {
	seen := make(map[string]bool)
	var cfg Config
	for f := range fields(&cfg) {
		if f.Name == "" || f.Doc == "" || f.Allowed == "" {
			t.Errorf("field %s lacks a name, a doc or what is allowed: %+v", f.path, f.Setting)
		}
		if f.Default != "" && f.tag.Get("required") == "true" {
			t.Errorf("%s is required and has a default", f.Name)
		}
		if seen[f.Name] || seen[f.path] {
			t.Errorf("%s or its field %s is there twice: env's errors could not be told apart", f.Name, f.path)
		}
		seen[f.Name], seen[f.path] = true, true
	}
}

func TestExampleFileIsAConfig(t *testing.T) {
	file, err := godotenv.Read(filepath.Join("..", "..", ".env.example"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("there is no .env.example")
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := load("", nil, file); err != nil {
		t.Error(err)
	}
}
