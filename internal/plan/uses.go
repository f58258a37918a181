package plan

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/wire"
)

// keepUsed looks for what stays and needs what goes. A file of the user's that
// goes, a model say, stays then too; if the file is forge's own, the user is told.
func (p *planner) keepUsed() {
	p.keepEmbedded()
	if !slices.ContainsFunc(p.plan.Steps, func(s Step) bool { return s.Kind == Delete && isSource(s.Path) }) {
		return
	}
	going := make(map[string]int) // by path, the places of their steps
	for i, s := range p.plan.Steps {
		if s.Kind == Delete && isSource(s.Path) {
			going[s.Path] = i
		}
	}
	for kept := true; kept; {
		kept = false
		for _, name := range slices.Sorted(maps.Keys(going)) {
			if user, line, what := p.userOf(name, going); user != "" && p.canStay(name, going) {
				p.keep(going[name], fmt.Sprintf("stays: %s:%d uses %s", user, line, what))
				delete(going, name)
				kept = true
				break
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(going)) {
		p.warn(name, going)
	}
}

// keepEmbedded keeps what a file of the user's embeds by its name, which would not
// build without. Of a pattern others may be left.
func (p *planner) keepEmbedded() {
	for i, s := range p.plan.Steps {
		if s.Kind != Delete {
			continue
		}
		for _, user := range p.Disk.Sources() {
			if p.goes(user) || p.base[user].Owner == project.Managed {
				continue
			}
			if slices.ContainsFunc(p.namesOf(user).Embedded, func(pattern string) bool { return path.Join(path.Dir(user), pattern) == s.Path }) {
				p.plan.Steps[i].Kind, p.plan.Steps[i].Reason, p.plan.Steps[i].Stays = Keep, "stays: "+user+" embeds it", true
			}
		}
	}
}

// canStay reports whether a file is the user's, and would build without what goes
// of forge's.
func (p *planner) canStay(name string, going map[string]int) bool {
	if p.base[name].Owner != project.User {
		return false
	}
	for other := range going {
		if p.base[other].Owner == project.Managed {
			if line, _ := p.use(name, other); line > 0 {
				return false
			}
		}
	}
	return true
}

// keep makes a step that deletes a file one that keeps it, with what it embeds.
func (p *planner) keep(i int, reason string) {
	s := &p.plan.Steps[i]
	s.Kind, s.Reason, s.Stays = Keep, reason, true
	for _, pattern := range p.namesOf(s.Path).Embedded {
		for j, other := range p.plan.Steps {
			if other.Kind == Delete && other.Path == path.Join(path.Dir(s.Path), pattern) {
				p.plan.Steps[j].Kind, p.plan.Steps[j].Reason, p.plan.Steps[j].Stays = Keep, "stays: "+s.Path+" embeds it", true
			}
		}
	}
}

// warn tells of each file of the user's that needs what goes.
func (p *planner) warn(name string, going map[string]int) {
	user, line, what := p.userOf(name, going)
	if user == "" {
		return
	}
	reason := "does not build any more: it uses what goes"
	text := fmt.Sprintf("line %d: %s of %s", line, what, path.Dir(name))
	for i, s := range p.plan.Steps {
		if s.Path == user && s.Kind == Keep {
			p.plan.Steps[i].Reason = reason
			if !slices.Contains(s.Lines, Line{'=', text}) {
				p.plan.Steps[i].Lines = append(p.plan.Steps[i].Lines, Line{'=', text})
			}
			return
		}
	}
	p.step(Step{Path: user, Kind: Keep, Reason: reason, Lines: []Line{{'=', text}}})
}

// userOf returns a Go file that stays and uses something that a file declares
// which goes, with the line and the name.
func (p *planner) userOf(name string, going map[string]int) (user string, line int, what string) {
	for _, other := range p.Disk.Sources() {
		if _, goes := going[other]; goes || p.base[other].Owner == project.Managed {
			continue
		}
		if line, what := p.use(other, name); line > 0 {
			return other, line, what
		}
	}
	return "", 0, ""
}

// use returns where a Go file uses something that another declares, which goes.
func (p *planner) use(user, name string) (line int, what string) {
	if user == name || strings.HasSuffix(name, "_test.go") {
		return 0, ""
	}
	return p.useOf(user, path.Dir(name), p.namesOf(name).Declared)
}

// useOf returns where a Go file uses one of the names of a directory's package.
func (p *planner) useOf(user, dir string, wanted []string) (line int, what string) {
	names := p.namesOf(user)
	used := names.Imported[path.Join(p.module, dir)]
	if path.Dir(user) == dir {
		used = names.Used
	}
	for _, declared := range wanted {
		if line := used[declared]; line > 0 && !p.declaredElsewhere(dir, declared) {
			return line, declared
		}
	}
	return 0, ""
}

// declaredElsewhere reports whether a file that comes, another variant of the one
// that goes, declares a name.
func (p *planner) declaredElsewhere(dir, name string) bool {
	for _, s := range p.plan.Steps {
		if s.Kind == Write && isSource(s.Path) && path.Dir(s.Path) == dir && slices.Contains(p.namesOf(s.Path).Declared, name) {
			return true
		}
	}
	return false
}

// refuseTwice refuses to write a Go file that declares what another one of its
// package does.
func (p *planner) refuseTwice() {
	for _, s := range p.plan.Steps {
		if s.Kind != Write || !isSource(s.Path) || strings.HasPrefix(s.Path, "internal/") {
			continue
		}
		mine := p.namesOf(s.Path)
		for _, other := range p.Disk.Sources() {
			if path.Dir(other) != path.Dir(s.Path) || p.goes(other) {
				continue
			}
			theirs := p.namesOf(other)
			declared := append(p.lost(other), theirs.Declared...) // no name of the user's gets another meaning
			for _, name := range mine.Declared {
				if theirs.Package == mine.Package && slices.Contains(declared, name) {
					p.refuse(Refusal{Path: other, Reason: fmt.Sprintf("declares %s, and so would %s", name, s.Path), Hint: "give one of them another name"})
				}
			}
		}
	}
}

// lost are the names that a file declares as it is, and not after its step.
func (p *planner) lost(name string) []string {
	for _, s := range p.plan.Steps {
		if s.Path != name || s.Kind != Replace && s.Kind != Edit {
			continue
		}
		disk, err := p.Disk.File(name)
		if err != nil {
			return nil
		}
		before, err := wire.NamesOf(disk.Content)
		if err != nil {
			return nil
		}
		after := p.namesOf(name).Declared
		return slices.DeleteFunc(before.Declared, func(name string) bool { return slices.Contains(after, name) })
	}
	return nil
}

// refuseLost refuses to take a name out of a file of the user's that others of
// the user's use.
func (p *planner) refuseLost() {
	for _, s := range p.plan.Steps {
		if s.Kind != Replace || !isSource(s.Path) || p.base[s.Path].Owner != project.User {
			continue
		}
		lost := p.lost(s.Path)
		if len(lost) == 0 {
			continue
		}
		for _, user := range p.Disk.Sources() {
			if user == s.Path || p.goes(user) || p.base[user].Owner == project.Managed {
				continue
			}
			if line, what := p.useOf(user, path.Dir(s.Path), lost); line > 0 {
				p.refuse(Refusal{
					Path: s.Path, Reason: fmt.Sprintf("would lose %s, which %s:%d uses", what, user, line),
					Hint: "rename it by hand in both first, or leave the topic",
				})
			}
		}
	}
}

func (p *planner) goes(name string) bool {
	return slices.ContainsFunc(p.plan.Steps, func(s Step) bool { return s.Path == name && s.Kind == Delete })
}

// namesOf are the names of a Go file as it is after its step, none if it is no Go.
func (p *planner) namesOf(name string) wire.Names {
	if names, ok := p.names[name]; ok {
		return names
	}
	var content []byte
	for _, s := range p.plan.Steps {
		if s.Path == name && s.Content != nil {
			content = s.Content
		}
	}
	if content == nil {
		if f, err := p.Disk.File(name); err == nil {
			content = f.Content
		}
	}
	names, err := wire.NamesOf(content)
	if err != nil {
		names = wire.Names{}
	}
	p.names[name] = names
	return names
}

func isSource(name string) bool { return path.Ext(name) == ".go" }
