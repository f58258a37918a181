package merge

import (
	"regexp"
	"slices"
	"strings"
)

// Lines merges a list of lines, such as .gitignore or .env.example: what the
// user added or changed stays, what theirs added comes, what either removed
// stays removed. Lines with the same key are about the same thing; the key of a
// comment is "", and it stays with what it is beside. There is no conflict.
func Lines(base, ours, theirs []byte, key func(line string) string) []byte {
	if merged, ok := trivial(base, ours, theirs); ok {
		return merged
	}
	base, theirs = LikeLines(ours, base), LikeLines(ours, theirs)
	f := newFiles(base, ended(ours), ended(theirs))
	known, yours := keys(f.base, key), keys(f.ours, key)
	theirs = []byte(strings.Join(slices.DeleteFunc(f.theirs, func(line string) bool {
		k := key(line)
		return k != "" && (yours[k] > 0) != (known[k] > 0) // the user has it already, or removed it
	}), ""))
	f = newFiles(base, ended(ours), theirs)
	var all []string
	for _, r := range f.regions() {
		t := f.texts(r)
		merged, ok := t.merged()
		if !ok {
			merged = t.union(known, key)
		}
		all = append(all, merged...)
	}
	all = once(all, f.ours, key)
	seen := keys(all, key)
	for _, line := range f.theirs {
		if k := key(line); k != "" && seen[k] == 0 { // theirs moved it to where ours changed something
			all = append(all, line)
		}
	}
	return []byte(strings.Join(all, ""))
}

// once drops lines that are there too often because both sides moved them, or one did
// and the other changed them: those of theirs first, then the last.
func once(lines, ours []string, key func(line string) string) []string {
	n, yours := keys(lines, key), keys(ours, key)
	slices.Reverse(lines)
	for _, alsoOurs := range []bool{false, true} {
		lines = slices.DeleteFunc(lines, func(line string) bool {
			k := key(line)
			isExtra := k != "" && n[k] > max(1, yours[k]) && (alsoOurs || !slices.Contains(ours, line))
			if isExtra {
				n[k]--
			}
			return isExtra
		})
	}
	slices.Reverse(lines)
	return lines
}

// union merges lines that both sides changed: those of ours, without what theirs
// dropped and ours left alone, then what theirs added, each with the comments before it.
func (t texts) union(known map[string]int, key func(line string) string) []string {
	next := keys(t.theirs, key)
	blanks := countBlank(t.base) - countBlank(t.theirs) // those that theirs dropped
	var merged []string
	for _, line := range t.ours {
		if k := key(line); k == "" || next[k] > 0 || !slices.Contains(t.base, line) {
			merged = append(merged, line)
			continue
		}
		for n := len(merged) - 1; n >= 0 && t.dropped(merged[n], key); n-- {
			merged = merged[:n]
		}
		if n := len(merged) - 1; n >= 0 && blanks > 0 && isBlank(merged[n]) {
			merged = merged[:n]
			blanks--
		}
	}
	var comments []string
	for _, line := range t.theirs {
		switch k := key(line); {
		case k == "" && slices.Contains(merged, line) && !isBlank(line):
			comments = nil
		case k == "":
			comments = append(comments, line)
		case known[k] > 0:
			comments = nil
		default:
			merged = append(append(merged, comments...), line)
			comments = nil
		}
	}
	return merged
}

func isBlank(line string) bool { return strings.TrimSpace(line) == "" }

func countBlank(lines []string) (n int) {
	for _, line := range lines {
		if isBlank(line) {
			n++
		}
	}
	return n
}

// dropped reports whether a line is a comment that theirs has dropped.
func (t texts) dropped(line string, key func(line string) string) bool {
	return key(line) == "" && !isBlank(line) && slices.Contains(t.base, line) && !slices.Contains(t.theirs, line)
}

// keys counts the keys of lines.
func keys(lines []string, key func(line string) string) map[string]int {
	all := make(map[string]int)
	for _, line := range lines {
		if k := key(line); k != "" {
			all[k]++
		}
	}
	return all
}

// ended adds a line break at the end, where there is none.
func ended(text []byte) []byte {
	if len(text) == 0 || text[len(text)-1] == '\n' {
		return text
	}
	return append(slices.Clone(text), '\n')
}

// IgnoreKey is the key of a line of .gitignore: its pattern.
func IgnoreKey(line string) string {
	if line = strings.TrimSpace(line); strings.HasPrefix(line, "#") {
		return ""
	}
	return line
}

var setting = regexp.MustCompile(`^\s*#?\s*(?:export\s+)?([A-Z][A-Z0-9_]*)=`)

// EnvKey is the key of a line of .env.example: the setting's name, also of one
// that is commented out.
func EnvKey(line string) string {
	if m := setting.FindStringSubmatch(line); m != nil {
		return m[1]
	}
	return ""
}
