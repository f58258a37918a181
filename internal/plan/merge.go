package plan

import (
	"bytes"
	"strings"

	"github.com/ouroboros-forge/forge/internal/merge"
	"github.com/ouroboros-forge/forge/internal/project"
)

// merge carries what changed from base to next over to a file that is no Go and
// that the user has edited. It reports false where both changed the same lines.
func (p *planner) merge(name string, base, ours, next []byte) (merged []byte, ok bool) {
	switch name {
	case goMod:
		merged, err := merge.GoMod(base, ours, next, p.imports)
		return merged, err == nil
	case "go.sum":
		if p.keepsLibrary() {
			base = nil // what the library needs stays
		}
		return merge.GoSum(base, ours, next), true
	case ".env", ".env.example":
		return merge.Lines(base, ours, next, merge.EnvKey), true
	case ".gitignore":
		return merge.Lines(base, ours, next, merge.IgnoreKey), true
	}
	merged, conflicts := merge.Three(base, ours, next, merge.Labels{})
	return merged, len(conflicts) == 0
}

// keepsLibrary reports whether go.mod would lose a library that the user's code
// imports.
func (p *planner) keepsLibrary() bool {
	if p.kept == nil {
		merged, err := merge.GoMod(p.base[goMod].Content, p.base[goMod].Content, p.next[goMod].Content, p.imports)
		kept := err == nil && !bytes.Equal(merged, p.next[goMod].Content)
		p.kept = &kept
	}
	return *p.kept
}

// imports reports whether the user's code imports a package of a module.
func (p *planner) imports(module string) bool {
	for _, name := range p.Disk.Sources() {
		if _, stays := p.next[name]; p.base[name].Owner == project.Managed || p.base[name].Path != "" && !stays {
			continue
		}
		for imported := range p.namesOf(name).Imported {
			if imported == module || strings.HasPrefix(imported, module+"/") {
				return true
			}
		}
	}
	return false
}
