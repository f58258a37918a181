package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

// The README's table of settings, as long as it has one, says what the code
// does: each setting once, and no other. It may say more in its last column.
func TestReadmeTellsEverySetting(t *testing.T) {
	names, err := filepath.Glob("README.md*")
	if err != nil || len(names) == 0 {
		t.Skip("there is no README")
	}
	text, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "| Setting | Default |") {
		t.Skip("the README has no table of settings")
	}
	_, table, _ := strings.Cut(string(text), "| Setting | Default |")
	rows := make(map[string]int) // by name
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)`").FindAllStringSubmatch(table, -1) {
		rows[m[1]]++
	}
	for _, s := range config.Settings() {
		star, value := "", ""
		if s.File {
			star = "*"
		}
		if s.Default != "" {
			value = fmt.Sprintf("`%s`", s.Default)
		}
		row := fmt.Sprintf("| `%s`%s | %s | %s", s.Name, star, value, strings.ReplaceAll(s.Doc, "*", `\*`))
		if !strings.Contains(string(text), "\n"+row) {
			t.Errorf("%s lacks\n%s |", names[0], row)
		}
		if n := rows[s.Name]; n > 1 {
			t.Errorf("%s has %d rows for %s", names[0], n, s.Name)
		}
		delete(rows, s.Name)
	}
	for name := range rows {
		t.Errorf("%s has a row for %s, which is no setting", names[0], name)
	}
}
