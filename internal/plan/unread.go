package plan

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/rename"
	"github.com/ouroboros-forge/forge/internal/wire"
)

// tellUnread lists the Go files whose names are not known, since they are no Go or not
// of the project, and that may use what goes: nothing else would say so.
func (p *planner) tellUnread() {
	words := p.goneWords()
	if len(words) == 0 {
		return
	}
	links := p.Disk.Links()
	for _, name := range slices.Sorted(maps.Keys(links)) {
		p.tellMay(name, "is a link, which forge does not change: it may use what goes", links[name], words)
	}
	for _, name := range p.users() {
		content := p.contentOf(name)
		if _, err := wire.NamesOf(content); err != nil && !p.isListed(name) {
			p.tellMay(name, "does not parse as Go: it may use what goes", content, words)
		}
	}
}

// tellMay lists the lines of a file in which one of some words is, or the words if
// what is in the file is not known.
func (p *planner) tellMay(name, reason string, content []byte, words []string) {
	s := Step{Path: name, Kind: Keep, Reason: reason}
	for _, at := range rename.Find(name, content, words) {
		s.Lines = append(s.Lines, Line{'=', fmt.Sprintf("line %d: %s", at.Line, at.Text)})
	}
	if content == nil {
		s.Lines = []Line{{'=', "look for " + strings.Join(words, ", ")}}
	}
	if s.Left() {
		p.step(s)
	}
}

// tellDangling lists the links that lead to a file which goes, or has another name now.
func (p *planner) tellDangling() {
	links := p.Disk.LinksTo()
	for _, name := range slices.Sorted(maps.Keys(links)) {
		i := slices.IndexFunc(p.plan.Steps, func(s Step) bool { return s.Kind == Delete && s.Path == links[name] })
		if i >= 0 {
			line := Line{'=', "it leads to " + links[name] + ", which " + cmp.Or(p.plan.Steps[i].Reason, "goes")}
			p.step(Step{Path: name, Kind: Keep, Reason: "is a link that leads nowhere any more", Lines: []Line{line}})
		}
	}
}

// goneWords are what names that which goes: topics, what files of topics declare, and
// the paths of forge's packages.
func (p *planner) goneWords() []string {
	words := slices.Clone(p.Gone)
	for _, s := range p.plan.Steps {
		if s.Kind != Delete || !isGo(s.Path) || strings.HasSuffix(s.Path, "_test.go") {
			continue
		}
		dir := path.Dir(s.Path)
		switch {
		case p.isEmptied(dir):
			words = append(words, path.Join(p.module, dir))
		case p.base[s.Path].Owner == project.User:
			names, err := wire.NamesOf(p.base[s.Path].Content)
			if err == nil {
				words = append(words, names.Declared...)
			}
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}
