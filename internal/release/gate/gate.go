// Package gate says what a release gives: the digests of what is rendered of it
// for some sets of answers. They are frozen when the release is cut; with them a
// test proves that a later renderer still gives the same.
package gate

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/render"
)

// Hostile are the answers that are most likely to break something.
func Hostile() answers.Answers {
	return answers.Answers{
		Name:    "1st.Svc_x-",
		Module:  "corp.test/~me/zone.x/v2",
		Topics:  []string{"1st.topic_X-y", "type", "func", "---", "handlers", "deps", "register", "foo_test", "foo_linux", "new-orders", "orders", "null", "1.0", "message", "test-run"},
		Group:   "it's \"$HOME\" # `a|b` \\n {{.}} ${{x}} <b> größe ",
		Brokers: []string{"10.0.0.1:9092", "[::1]:19092", "kafka_3.corp.test:29092"},
		With:    []string{answers.GitHub, answers.Docker},
		Source:  answers.Kafka,
	}
}

const vanSchema = `{"type": "record", "name": "Van", "namespace": "fleet", "fields": [
  {"name": "id", "type": "string"},
  {"name": "load", "type": "double", "default": 0},
  {"name": "seen", "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}], "default": null}
]}`

// AnswerSets are answers of all kinds, by name.
func AnswerSets() map[string]answers.Answers {
	plain := answers.Defaults("my-service")
	bare := answers.Defaults("bare")
	bare.Module, bare.Topics, bare.With = "github.com/me/bare", []string{"payments", "billing.invoices"}, nil
	full := answers.Defaults("shop")
	full.Topics, full.With = []string{"parcels", "vans"}, []string{answers.Avro, answers.Docker, answers.GitHub, answers.HTTP}
	full.Schemas = map[string]answers.Schema{"vans": {File: "van.avsc", Text: vanSchema}}
	return map[string]answers.Answers{"default": plain, "bare": bare, "hostile": Hostile(), "full": full}
}

// sets are AnswerSets, each extra alone, and all of them.
func sets() map[string]answers.Answers {
	all := AnswerSets()
	everything := answers.Defaults("everything")
	everything.With = nil
	for _, extra := range answers.Extras() {
		everything.With = append(everything.With, extra.Name)
		one := answers.Defaults("only-" + extra.Name)
		one.With = []string{extra.Name}
		all[one.Name] = one
	}
	all[everything.Name] = everything
	return all
}

// Digests returns a line for each set of answers: a digest of the files that
// forge manages, and the set's name. The others are the user's, for which no
// release is a base of anything.
func Digests(tmpl fs.FS, version string) (string, error) {
	var lines strings.Builder
	all := sets()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		tree, err := render.Render(tmpl, all[name], version)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		digest := sha256.New()
		for _, f := range tree.Files {
			if f.Owner == project.Managed && f.Path != project.Path {
				fmt.Fprintf(digest, "%04o %s %s\n", f.Mode, project.Sum(f.Content), f.Path)
			}
		}
		fmt.Fprintf(&lines, "%x  %s\n", digest.Sum(nil), name)
	}
	return lines.String(), nil
}

// Differences compares digests as they were frozen with those of now, and
// returns the sets that differ. A set that is younger than the release has
// nothing to differ from.
func Differences(frozen, now string) []string {
	is := make(map[string]string)
	for line := range strings.Lines(now) {
		digest, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		is[name] = digest
	}
	var differ []string
	for line := range strings.Lines(frozen) {
		digest, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if is[name] != digest {
			differ = append(differ, name)
		}
	}
	return differ
}
