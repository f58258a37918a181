package plan

import (
	"path"
	"slices"
)

// keepEmbedded keeps what a Go file embeds: what it names, and of a pattern or a
// directory all, if nothing else would be left. It would not build without.
func (p *planner) keepEmbedded(user string) {
	for _, pattern := range p.namesOf(user).Embedded {
		pattern = path.Join(path.Dir(user), pattern)
		var going []int
		for i, s := range p.plan.Steps {
			if s.Kind == Delete && isEmbedded(pattern, s.Path) {
				going = append(going, i)
			}
		}
		isLeft := slices.ContainsFunc(p.Disk.Files(), func(name string) bool { return isEmbedded(pattern, name) && !p.goes(name) })
		for _, i := range going {
			if s := &p.plan.Steps[i]; s.Path == pattern || !isLeft {
				s.Kind, s.Reason, s.Stays = Keep, "stays: "+user+" embeds it", true
			}
		}
	}
}

// isEmbedded reports whether a pattern matches a file, or a directory that it is in.
func isEmbedded(pattern, name string) bool {
	for at := name; at != "."; at = path.Dir(at) {
		if ok, err := path.Match(pattern, at); ok && err == nil {
			return true
		}
	}
	return false
}
