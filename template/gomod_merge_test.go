package template_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"github.com/ouroboros-forge/forge/internal/answers"
)

// A question asks in text/template whether a combination is one of those that are in.
type question func(in []bool) string

// goModTemplate is the template that says what the given go.mod files say, one
// for each combination of answers.
func goModTemplate(ask question, mods []*modfile.File) string {
	var direct, indirect []map[string]bool
	for _, mod := range mods {
		lines := [2]map[string]bool{{}, {}}
		for _, req := range mod.Require {
			if req.Indirect {
				lines[1]["\t"+req.Mod.Path+" "+req.Mod.Version+" // indirect"] = true
			} else {
				lines[0]["\t"+req.Mod.Path+" "+req.Mod.Version] = true
			}
		}
		direct, indirect = append(direct, lines[0]), append(indirect, lines[1])
	}
	return "module {{.Module}}\n\ngo " + mods[0].Go.Version + "\n" +
		"\nrequire (\n" + conditional(ask, direct, strings.Compare, "{{- if %s}}\n%s{{- end}}\n") + ")\n" +
		"\nrequire (\n" + conditional(ask, indirect, strings.Compare, "{{- if %s}}\n%s{{- end}}\n") + ")\n"
}

// goSumTemplate does the same for go.sum files.
func goSumTemplate(ask question, sums []string) string {
	var all []map[string]bool
	for _, sum := range sums {
		lines := make(map[string]bool)
		for line := range strings.Lines(sum) {
			lines[strings.TrimSuffix(line, "\n")] = true
		}
		all = append(all, lines)
	}
	return conditional(ask, all, compareSums, "{{if %s -}}\n%s{{end -}}\n")
}

// compareSums puts lines of go.sum into the go command's order.
func compareSums(a, b string) int {
	var versions []module.Version
	for _, line := range []string{a, b} {
		fields := strings.Fields(line)
		versions = append(versions, module.Version{Path: fields[0], Version: fields[1]})
	}
	if versions[0] == versions[1] {
		return cmp.Compare(a, b)
	}
	first := versions[0]
	module.Sort(versions)
	if versions[0] == first {
		return -1
	}
	return 1
}

// conditional writes the lines of all sets in order, those that not all
// combinations have inside of the condition under which they are there.
func conditional(ask question, sets []map[string]bool, order func(a, b string) int, form string) string {
	var lines []string
	for _, set := range sets {
		for line := range set {
			lines = append(lines, line)
		}
	}
	slices.SortFunc(lines, order)
	lines = slices.Compact(lines)
	var b, group strings.Builder
	under := ""
	end := func() {
		if under == "true" {
			b.WriteString(group.String())
		} else if group.Len() > 0 {
			fmt.Fprintf(&b, form, under, group.String())
		}
		group.Reset()
	}
	for _, line := range lines {
		in := make([]bool, len(sets))
		for i, set := range sets {
			in[i] = set[line]
		}
		if c := ask(in); c != under {
			end()
			under = c
		}
		group.WriteString(line + "\n")
	}
	end()
	return b.String()
}

// byAnswers asks for the source, and then for extras.
func byAnswers(in []bool) string {
	var conditions []string // those on extras, which differ from source to source
	sources := make(map[string][]string)
	each := len(in) / len(answers.Sources())
	for i, source := range answers.Sources() {
		c := condition(libraryExtras, in[i*each:(i+1)*each])
		conditions = append(conditions, c)
		sources[c] = append(sources[c], partOf(source))
	}
	var terms []string
	for _, c := range conditions {
		parts := sources[c]
		delete(sources, c)
		switch {
		case len(parts) == 0, c == "false":
			continue
		case len(parts) == len(answers.Sources()):
			return c
		case slices.Equal(parts, []string{"group", "share"}):
			parts = []string{"kafka"}
		}
		is := fmt.Sprintf(".Has %q", parts[0])
		if len(parts) > 1 {
			is = `or (.Has "` + strings.Join(parts, `") (.Has "`) + `")`
		}
		if c != "true" {
			is = fmt.Sprintf("and (%s) (%s)", is, c)
		}
		terms = append(terms, is)
	}
	if len(terms) == 1 {
		return terms[0]
	}
	return "or (" + strings.Join(terms, ") (") + ")"
}

// partOf is the part of the template that one source alone has.
func partOf(source string) string {
	switch source {
	case answers.Kafka:
		return "group"
	case answers.KafkaShare:
		return "share"
	}
	return source
}

// condition is what text/template must ask to know whether a combination is in.
func condition(extras []string, in []bool) string {
	if !slices.Contains(in, false) {
		return "true"
	}
	if !slices.Contains(in, true) {
		return "false"
	}
	has := fmt.Sprintf(".Has %q", extras[0])
	without, with := condition(extras[1:], in[:len(in)/2]), condition(extras[1:], in[len(in)/2:])
	switch {
	case with == without:
		return with
	case with == "true" && without == "false":
		return has
	case with == "false" && without == "true":
		return "not (" + has + ")"
	case with == "true":
		return "or (" + has + ") (" + without + ")"
	case without == "false":
		return "and (" + has + ") (" + with + ")"
	case with == "false":
		return "and (not (" + has + ")) (" + without + ")"
	case without == "true":
		return "or (not (" + has + ")) (" + with + ")"
	default:
		return "or (and (" + has + ") (" + with + ")) (and (not (" + has + ")) (" + without + "))"
	}
}

// TestConditions holds the merging against small files: what is asked for is
// what each combination had, in the order of the go command.
func TestConditions(t *testing.T) {
	sums := []string{
		"a v1.0.0 h1:x\nb v1.9.0/go.mod h1:x\n",
		"a v1.0.0 h1:x\nb v1.9.0/go.mod h1:x\nb v1.10.0 h1:x\n", // http
		"a v1.0.0 h1:x\nc v1.0.0 h1:x\n",                        // avro
		"a v1.0.0 h1:x\nb v1.10.0 h1:x\nc v1.0.0 h1:x\nd v1.0.0 h1:x\n",
	}
	const want = `a v1.0.0 h1:x
{{if not (.Has "avro") -}}
b v1.9.0/go.mod h1:x
{{end -}}
{{if .Has "http" -}}
b v1.10.0 h1:x
{{end -}}
{{if .Has "avro" -}}
c v1.0.0 h1:x
{{end -}}
{{if and (.Has "avro") (.Has "http") -}}
d v1.0.0 h1:x
{{end -}}
`
	if got := goSumTemplate(func(in []bool) string { return condition([]string{answers.Avro, answers.HTTP}, in) }, sums); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
