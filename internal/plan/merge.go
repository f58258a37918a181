package plan

import (
	"bytes"
	"strings"

	"github.com/ouroboros-forge/forge/internal/merge"
	"github.com/ouroboros-forge/forge/internal/rename"
)

// merge carries what changed from base to next over to a file that is no Go and
// that the user has edited. It reports false where both changed the same lines.
func (p *planner) merge(name string, base, ours, next []byte) (merged []byte, ok bool) {
	merged, ok = p.mergeByName(name, base, ours, next)
	if len(ours) > 0 && !bytes.HasSuffix(ours, []byte("\n")) { // the last line ends as the user has it
		merged = bytes.TrimSuffix(bytes.TrimSuffix(merged, []byte("\n")), []byte("\r"))
	}
	return merged, ok
}

func (p *planner) mergeByName(name string, base, ours, next []byte) (merged []byte, ok bool) {
	switch name {
	case goMod:
		merged, err := merge.GoMod(base, ours, next, Imported(p.Disk, p.plan.Steps))
		return merged, err == nil
	case goSum:
		if p.keepsLibrary() {
			base = nil // what the library needs stays
		}
		return merge.GoSum(base, ours, next), true
	case ".env", ".env.example":
		return merge.Lines(p.withGroup(base), p.withGroup(ours), next, merge.EnvKey), true
	case ".gitignore":
		return merge.Lines(base, ours, next, merge.IgnoreKey), true
	case openAPI:
		merged, conflicts := merge.OpenAPI(base, ours, next, merge.Labels{})
		return merged, len(conflicts) == 0
	}
	merged, conflicts := merge.Three(base, ours, next, merge.Labels{})
	return merged, len(conflicts) == 0
}

// mergeGo merges Go line by line, where more than statements changed. It reports false
// where both changed the same lines, where the user has a line already that would come,
// and where the result is no Go.
func mergeGo(base, ours, next []byte) (merged []byte, ok bool) {
	merged, conflicts := merge.Three(base, ours, next, merge.Labels{})
	if len(conflicts) > 0 || parse(merged) != nil {
		return nil, false
	}
	count := func(text []byte) map[string]int {
		lines := make(map[string]int)
		for line := range strings.Lines(string(text)) {
			lines[strings.TrimSpace(line)]++
		}
		return lines
	}
	was, has, comes := count(base), count(ours), count(next)
	for line, n := range comes {
		if len(line) > len("return nil") && n > was[line] && has[line] > was[line] {
			return nil, false
		}
	}
	return rename.Format(ours, merged), true
}

// keepsLibrary reports whether go.mod would lose a library that the user's code
// imports.
func (p *planner) keepsLibrary() bool {
	if p.kept == nil {
		merged, err := merge.GoMod(p.base[goMod].Content, p.base[goMod].Content, p.next[goMod].Content, Imported(p.Disk, p.plan.Steps))
		kept := err == nil && !bytes.Equal(merged, p.next[goMod].Content)
		p.kept = &kept
	}
	return *p.kept
}
