package update_test

import (
	"strings"
	"testing"
)

// What the user has keeps a library that a new version drops: Go that does not parse, Go
// behind links, files of forge's own that are edited, tools.
func TestALibraryStaysWithWhatImportsIt(t *testing.T) {
	const goMod, use, none = "module {{.Module}}\n\ngo 1.26.0\n\nrequire example.com/used v1.0.0\n", "package app\n\nimport _ \"example.com/used/pkg\"\n", "package app\n"
	old := tree{"go.mod.tmpl": goMod, "docs/a.go": "package app\n\nimport _ \"fmt\"\n\nvar A = 1\n", "docs/used.go": use, "scripts/gone.go": use}
	next := tree{"go.mod.tmpl": strings.Replace(goMod, "require example.com/used v1.0.0\n", "", 1), "docs/a.go": strings.Replace(old["docs/a.go"], "1", "2", 1), "docs/used.go": none}
	for what, tt := range map[string]struct {
		user  []string
		stays bool
	}{
		"nothing":         {nil, false},
		"a package":       {[]string{"own/own.go", use}, true},
		"another library": {[]string{"own/own.go", strings.Replace(use, "used", "used2", 1)}, false},
		"no Go below":     {[]string{"own/own.go", use + "func {\n"}, true},
		"no Go imports":   {[]string{"own/own.go", strings.Replace(use, "import", "<<<<<<< yours\nimport", 1)}, true},
		"a link":          {[]string{"own/own.go", "link to lib/own.txt", "lib/own.txt", use}, true},
		"an edited file":  {[]string{"docs/a.go", strings.Replace(old["docs/a.go"], "import", "import _ \"example.com/used\"\nimport", 1)}, true},
		"what stays":      {[]string{"scripts/gone.go", use + "// mine\n"}, true},
		"a tool":          {[]string{"go.mod", strings.Replace(goMod, "{{.Module}}", "example.com/shop", 1) + "\ntool example.com/used/cmd/x\n"}, true},
	} {
		w := newWorld(t, nil, old, next)
		w.disk = w.disk.with(tt.user...)
		w.land(w.update(t))
		if stays := strings.Contains(w.disk["go.mod"], "example.com/used v1.0.0"); stays != tt.stays {
			t.Errorf("%s: %v\n%s", what, stays, w.disk["go.mod"])
		}
	}
}
