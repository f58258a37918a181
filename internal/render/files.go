package render

import (
	"bytes"
	"fmt"
	"go/build/constraint"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/project"
)

// rooms are what belongs to an extra by its place: folders, which end in /, and
// files whose names other programs ask for.
var rooms = []struct{ path, extra string }{
	{"Dockerfile", answers.Docker},
	{".dockerignore", answers.Docker},
	{"compose.yaml", answers.Docker},
	{"internal/config/map.go", answers.Tests}, // what the tests of internal/ begin with
	{"internal/conformance/", answers.Tests},
	{"internal/schema/", answers.Avro},
	{"internal/httpapi/", answers.HTTP},
	{"web/", answers.HTTP},
	{"openapi.yaml", answers.HTTP},
	{"internal/tracing/", answers.OTel},
	{"deploy/base/", answers.K8s},
	{"deploy/base/service.yaml", answers.HTTP},
	{"docs/scale.md", answers.K8s},
	{"docs/runbook.md", answers.Monitoring},
	{"deploy/monitoring/compose.yaml", answers.Docker},
	{"deploy/monitoring/prometheus.yml", answers.Docker},
}

// shared are files that several parts have in common: they are there with any of them.
var shared = []struct {
	path  string // of a file, or of a folder, which ends in /
	parts []string
}{
	{"internal/kafka/look.go", []string{"group", answers.DLQ}},
}

// userFiles says which files of the project are the user's: seeded once, and
// never touched by a newer template. All others are managed.
var userFiles = []string{
	"main.go", "app/", "dev/main.go", "handlers/", "models/", "web/", "openapi.yaml", "dev/samples/*.json",
	".env", ".env.example", "compose.yaml", "Dockerfile", "deploy/", "README.md", "AGENTS.md",
}

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

// examples has those of the package that users import: documentation that runs,
// and so no part of the tests of internal/.
const examples = "internal/message/examples_test.go"

// perTopic reports whether a file is rendered for each topic, and what follows
// the topic's name in its base name.
func perTopic(name string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path.Base(name), sampleTopic)
	return rest, ok && rest != "" && (rest[0] == '.' || rest[0] == '_')
}

// wanted reports whether the answers ask for a file of the template: for all
// parts that it belongs to, and for one of those that share it.
func (r *renderer) wanted(name string) bool {
	for _, s := range shared {
		if (name == s.path || strings.HasSuffix(s.path, "/") && strings.HasPrefix(name, s.path)) && !slices.ContainsFunc(s.parts, r.answers.Has) {
			return false
		}
	}
	return !slices.ContainsFunc(partsOf(name), func(part string) bool { return !r.answers.Has(part) })
}

// partsOf returns the extras and the source that a file of the template belongs
// to: by its room, and by each element of its path that begins or ends with the
// part's name, as do avro.go, avro_schema.go, codec_avro_test.go and kafka/. The
// tests of internal/ are an extra themselves.
func partsOf(name string) []string {
	var parts []string
	for _, room := range rooms {
		if rest, ok := strings.CutPrefix(name, room.path); ok && (strings.HasSuffix(room.path, "/") || rest == "" || rest == tmplSuffix) {
			parts = append(parts, room.extra)
		}
	}
	if isInternal(name) && name != examples && (strings.HasSuffix(name, "_test.go") || strings.Contains(name, "/testdata/")) {
		parts = append(parts, answers.Tests)
	}
	for element := range strings.SplitSeq(name, "/") {
		stem, _, _ := strings.Cut(strings.TrimPrefix(element, "."), ".")
		words := strings.Split(strings.TrimSuffix(stem, "_test"), "_")
		for _, part := range answers.Parts() {
			if words[0] == part || words[len(words)-1] == part {
				parts = append(parts, part)
			}
		}
	}
	return parts
}

// Unknown returns the extras and the source that is has and was has not, and of which the
// template has no file: that of an older release may know nothing of them.
func Unknown(tmpl fs.FS, was, is answers.Answers) (unknown []string, err error) {
	known := make(map[string]bool)
	err = fs.WalkDir(tmpl, ".", func(name string, _ fs.DirEntry, err error) error {
		for _, part := range partsOf(name) {
			known[part] = true
		}
		return err
	})
	for _, part := range answers.Parts() {
		name := is.Source
		if slices.Contains(is.With, part) {
			name = part
		}
		if is.Has(part) && !was.Has(part) && !known[part] && !slices.Contains(unknown, name) {
			unknown = append(unknown, name)
		}
	}
	return unknown, err
}

// isInternal reports whether a file is below internal/, where nothing is called
// by the sample's names.
func isInternal(name string) bool { return strings.HasPrefix(name, "internal/") }

// chosen reports whether the answers ask for a Go file by its build constraint,
// and returns the file without it. A constraint of extras and sources alone, as
// in //go:build !avro, is for what is there in several variants, of which a
// project has one.
func (r *renderer) chosen(src []byte) (text []byte, ok bool, err error) {
	const prefix = "//go:build "
	at := bytes.Index(src, []byte(prefix))
	if at < 0 || at > 0 && src[at-1] != '\n' || at > bytes.Index(src, []byte("\npackage "))+1 {
		return src, true, nil
	}
	line, _, _ := bytes.Cut(src[at:], []byte("\n"))
	expr, err := constraint.Parse(string(line))
	if err != nil {
		return nil, false, err
	}
	known, unknown := 0, 0
	ok = expr.Eval(func(tag string) bool {
		if isPart(tag) {
			known++
		} else {
			unknown++
		}
		return r.answers.Has(tag)
	})
	switch {
	case known == 0:
		return src, true, nil
	case unknown > 0:
		return nil, false, fmt.Errorf("%s: a constraint is of extras and sources, or of none of them", line)
	}
	return slices.Concat(src[:at], bytes.TrimLeft(src[at+len(line):], "\n")), ok, nil
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
