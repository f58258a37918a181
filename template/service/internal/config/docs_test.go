package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// linesOf returns the lines of the first of the service's files that is there.
func linesOf(t *testing.T, names ...string) []string {
	t.Helper()
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join("..", "..", name))
		if err == nil {
			return ofTheSource(strings.Split(string(content), "\n"))
		} else if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	t.Skip("there is none of", names)
	return nil
}

// ofTheSource returns the lines of a template without those for other sources.
func ofTheSource(lines []string) (all []string) {
	depth := 0 // in the lines for another source
	for _, line := range lines {
		source, begins := strings.CutPrefix(line, "{"+`{- if .Has "`)
		isOther := (strings.HasPrefix(source, "kafka") || strings.HasPrefix(source, "jetstream") || strings.HasPrefix(source, "rabbitmq")) &&
			!strings.HasPrefix(source, strings.ToLower(strings.TrimSuffix(sourcePrefix, "_")))
		if begins && (isOther || depth > 0) {
			depth++
		}
		if depth == 0 {
			all = append(all, line)
		} else if line == "{"+"{- end}}" {
			depth--
		}
	}
	return all
}

// docs/settings.md has one row for each setting, and no other.
func TestTheDocumentationListsEverySetting(t *testing.T) {
	rows := make(map[string]int)
	for _, line := range linesOf(t, filepath.Join("docs", "settings.md.tmpl"), filepath.Join("docs", "settings.md")) {
		line = strings.Replace(line, `{{if .Has "share"}}none{{else}}key{{end}}`, cmp.Or(sourceDefaults["ORDERING"], "key"), 1)
		if strings.HasPrefix(line, "| `") && unicode.IsUpper(rune(line[3])) {
			rows[line]++
		}
	}
	cell := strings.NewReplacer("|", `\|`, "*", `\*`)
	for _, s := range Settings(new(Config)) {
		name, value := "`"+s.Name+"`", ""
		if s.File {
			name += " †"
		}
		switch {
		case s.Default != "":
			value = "`" + s.Default + "`"
		case strings.Contains(s.field.Tag.Get("validate"), "required"):
			value = "required"
		}
		row := fmt.Sprintf("| %s | %s | %s | %s |", name, value, cell.Replace(s.Allowed), cell.Replace(s.Help))
		if rows[row] != 1 {
			t.Errorf("%d rows\n%s", rows[row], row)
		}
		delete(rows, row)
	}
	for row := range rows {
		t.Errorf("no setting is\n%s", row)
	}
}

// asked are the settings of the first page that forge asks for.
var asked = []string{"SERVICE_NAME", Settings(new(Source))[0].Name, groupID}

// .env.example is the first page: few settings, each with a line of help.
func TestTheExampleFileIsOneOfSettings(t *testing.T) {
	lines, count := linesOf(t, "env.tmpl", ".env.example"), 0
	for i, line := range lines {
		name, text, ok := strings.Cut(strings.TrimPrefix(line, "#"), "=")
		if !ok || strings.Contains(name, " ") {
			continue
		}
		count++
		j := slices.IndexFunc(Settings(new(Config)), func(s Setting) bool { return s.Name == name })
		switch {
		case j < 0:
			t.Errorf("%s is no setting", name)
		case !strings.HasPrefix(lines[i-1], "# "):
			t.Errorf("%s has no help", name)
		case !slices.Contains(asked, name) && text != Settings(new(Config))[j].Default && !strings.HasSuffix(name, "REGISTRY_URL"):
			t.Errorf("%s shows %q, its default is %q", name, text, Settings(new(Config))[j].Default)
		}
	}
	if count < 7 || count > 14 {
		t.Errorf("%d settings on the first page, 7 to 14 are asked for", count)
	}
}

func TestSettingsAreDescribedOnce(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range Settings(new(Config)) {
		if s.Help == "" || s.Allowed == "" || strings.Contains(s.Allowed, "=") {
			t.Errorf("%s lacks help or what is allowed: %+v", s.Name, s)
		}
		if s.Default != "" && strings.Contains(s.field.Tag.Get("validate"), "required") {
			t.Errorf("%s is required and has a default", s.Name)
		}
		if seen[s.Name] {
			t.Errorf("%s is there twice", s.Name)
		}
		seen[s.Name] = true
	}
}
