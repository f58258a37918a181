package render

import (
	"bytes"
	"io/fs"
	"path"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/project"
)

// extraFiles says which files of the template belong to an extra, or to several,
// of which one is enough. A pattern is as in path.Match, on the whole path; one
// that ends in / stands for everything below.
var extraFiles = []struct{ pattern, extra string }{
	{"Dockerfile*", answers.Docker},
	{".dockerignore", answers.Docker},
	{"compose.yaml*", answers.Docker},
	{".github/", answers.GitHub},
	{"internal/schema/", answers.Avro},
	{"internal/message/schema*", answers.Avro},
	{"internal/message/fields*", answers.Avro},
	{"internal/message/example_fields*", answers.Avro},
	{"dev/samples/registry*", answers.Avro},
	{"schema*.go", answers.Avro},
	{"registry_test.go", answers.Avro},
	{"internal/config/registry*", answers.Avro},
	{"dev/registry*", answers.Avro},
	{"e2e/registry*", answers.Avro},
	{"internal/httpapi/", answers.HTTP},
	{"internal/message/alone.go", answers.Avro},
	{"internal/message/alone.go", answers.HTTP},
	{"internal/message/body*", answers.HTTP},
	{"internal/message/example_body*", answers.HTTP},
	{"internal/config/http*", answers.HTTP},
	{"web/", answers.HTTP},
	{"openapi.yaml*", answers.HTTP},
	{"http_test.go", answers.HTTP},
	{"openapi_test.go", answers.HTTP},
	{"dev/http*", answers.HTTP},
	{"dev/samples/http*", answers.HTTP},
	{"e2e/http*", answers.HTTP},
}

// userFiles says which files of the project are the user's: seeded once, and
// never touched by a later forge. All others are managed.
var userFiles = []string{"handlers/", "models/", "web/", "openapi.yaml", "dev/samples/*.json", ".env", "README.md"}

// renamed are the templates whose names are not just without .tmpl.
var renamed = map[string][]string{
	"env.tmpl":       {".env", ".env.example"},
	"gitignore.tmpl": {".gitignore"}, // under its own name it would act on forge's repository
}

const tmplSuffix = ".tmpl"

// targets returns the files that a template becomes.
func targets(name string) []string {
	dir, base := path.Split(name)
	names, ok := renamed[base]
	if !ok {
		return []string{strings.TrimSuffix(name, tmplSuffix)}
	}
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = dir + n
	}
	return all
}

// perTopic reports whether a file is rendered for each topic, and what follows
// the topic's name in its base name.
func perTopic(name string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path.Base(name), sampleTopic)
	return rest, ok && rest != "" && (rest[0] == '.' || rest[0] == '_')
}

// wanted reports whether the answers ask for a file of the template.
func (r *renderer) wanted(name string) bool {
	belongs := false
	for _, e := range extraFiles {
		if matches(e.pattern, name) {
			if r.answers.Has(e.extra) {
				return true
			}
			belongs = true
		}
	}
	return !belongs
}

func ownerOf(name string) project.Owner {
	for _, pattern := range userFiles {
		if matches(pattern, name) {
			return project.User
		}
	}
	return project.Managed
}

// modeOf returns a file's permissions; an embedded template has lost its own.
func modeOf(name string, content []byte) fs.FileMode {
	switch {
	case name == ".env": // passwords will be in it
		return 0o600
	case bytes.HasPrefix(content, []byte("#!")):
		return 0o755
	}
	return 0o644
}

func matches(pattern, name string) bool {
	if strings.HasSuffix(pattern, "/") {
		return strings.HasPrefix(name, pattern)
	}
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// checkModule refuses a module path that is, or is inside, a library of the
// project's: go would look for one in the other.
func checkModule(goMod []byte, module string) error {
	f, err := modfile.Parse("go.mod", goMod, nil)
	if err != nil {
		return err
	}
	for _, req := range f.Require {
		if lib := req.Mod.Path; module == lib || strings.HasPrefix(module, lib+"/") {
			return &answers.Problem{Question: answers.Module, Value: module,
				Reason: "is the path of a library that the service uses: " + lib, Hint: "use a path of your own, as in example.com/my-service"}
		}
	}
	return nil
}
