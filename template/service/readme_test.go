package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

// The README's table of settings, as long as it has one, says what the code
// does. It may say more in its last column.
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
	}
}
