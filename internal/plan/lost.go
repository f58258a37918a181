package plan

import (
	"fmt"
	"go/build/constraint"
	"path"
	"slices"
	"strings"

	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/wire"
)

// refuseTwice refuses to write a Go file that declares what another one of its
// package does. In forge's own packages that is one that it would take the place of,
// were it not edited.
func (p *planner) refuseTwice() {
	for _, s := range p.plan.Steps {
		if s.Kind != Write || !isGo(s.Path) {
			continue
		}
		mine, others, hint := p.namesOf(s.Path), p.Disk.GoFiles(), "give one of them another name"
		if strings.HasPrefix(s.Path, "internal/") {
			others, hint = p.stayed(), "take out what you have changed there, or move it to a file of your own"
		}
		for _, other := range others {
			if path.Dir(other) != path.Dir(s.Path) || !isGo(other) || p.goes(other) {
				continue
			}
			theirs := p.namesOf(other)
			declared := append(p.lost(other), theirs.Declared...) // no name of the user's gets another meaning
			for _, name := range mine.Declared {
				if theirs.Package == mine.Package && slices.Contains(declared, name) {
					p.refuse(Refusal{Path: other, Reason: fmt.Sprintf("declares %s, and so would %s", name, s.Path), Hint: hint})
				}
			}
		}
	}
}

// refusePackages refuses to write Go files into a directory where the user has another
// package: go builds one of a directory.
func (p *planner) refusePackages() {
	told := make(map[string]bool)
	for _, s := range p.plan.Steps {
		if s.Kind != Write || !isGo(s.Path) || strings.HasSuffix(s.Path, "_test.go") {
			continue
		}
		mine := p.namesOf(s.Path).Package
		for _, other := range p.Disk.GoFiles() {
			if path.Dir(other) != path.Dir(s.Path) || strings.HasSuffix(other, "_test.go") || told[other] || p.goes(other) {
				continue
			}
			if theirs := p.namesOf(other).Package; theirs != "" && theirs != mine && theirs != "documentation" && !p.isIgnored(other) {
				told[other] = true
				p.refuse(Refusal{
					Path: other, Reason: fmt.Sprintf("is of the package %s, and forge would write the package %s into its directory", theirs, mine),
					Hint: "move it to a directory of its own, or change its package",
				})
			}
		}
	}
}

// isIgnored reports whether go builds a file only for tags that people give, such as
// ignore in a generator.
func (p *planner) isIgnored(name string) bool {
	file, _ := p.Disk.File(name)
	for line := range strings.Lines(string(file.Content)) {
		if strings.HasPrefix(line, "package ") {
			break
		}
		if expr, err := constraint.Parse(strings.TrimSpace(line)); err == nil && !expr.Eval(func(tag string) bool { return tag != "ignore" }) {
			return true
		}
	}
	return false
}

// stayed are the files that would go if the user had not changed them.
func (p *planner) stayed() []string {
	var all []string
	for _, s := range p.plan.Steps {
		if s.Stays {
			all = append(all, s.Path)
		}
	}
	return all
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
		if s.Kind != Replace || !isGo(s.Path) || p.base[s.Path].Owner != project.User {
			continue
		}
		lost := p.lost(s.Path)
		if len(lost) == 0 {
			continue
		}
		for _, user := range p.users() {
			if user == s.Path {
				continue
			}
			if line, what := p.useOf(user, s.Path, lost); line > 0 {
				p.refuse(Refusal{
					Path: s.Path, Reason: fmt.Sprintf("would lose %s, which %s:%d uses", what, user, line),
					Hint: "rename it by hand in both first, or leave the topic",
				})
			}
		}
	}
}

// warnMembers tells of files of the user's that use a method, a field or a name which
// forge's files lose, of a type that stays, or a method or field that gets another type.
func (p *planner) warnMembers() {
	users := slices.DeleteFunc(p.users(), func(name string) bool {
		disk, err := p.Disk.File(name)
		return err != nil || p.isPristine(name, disk) && p.next[name].Path != ""
	})
	if len(users) == 0 {
		return
	}
	for _, s := range p.plan.Steps {
		if !isGo(s.Path) || s.Kind != Delete && s.Kind != Replace || p.isOthers(s) || strings.HasSuffix(s.Path, "_test.go") {
			continue
		}
		members, declared := p.lostMembers(s)
		for _, user := range users {
			if line, what := p.useOf(user, s.Path, declared); line > 0 {
				p.tellUse(user, doesNotBuild, line, what, path.Dir(s.Path))
			}
			for _, m := range members {
				if line := p.selects(user, path.Dir(s.Path), m); line > 0 && p.importsBelow(user, path.Dir(s.Path)) {
					p.tellUse(user, mayNotBuild, line, m.Name, path.Dir(s.Path))
				}
			}
		}
	}
}

// selects returns where a file may use a member that a package loses.
func (p *planner) selects(user, dir string, lost wire.Member) (line int) {
	names := p.namesOf(user)
	if line := names.Selected[lost.Name]; line > 0 {
		return line
	}
	for _, sel := range names.OfParams {
		of, isOurs := strings.CutPrefix(sel.Package, p.module+"/")
		if sel.Name == lost.Name && (of == dir && sel.Type == lost.Type || isOurs && !p.keepsMember(of, sel)) {
			return sel.Line
		}
	}
	return 0
}

// keepsMember reports whether a type of forge's has a member afterwards.
func (p *planner) keepsMember(dir string, sel wire.Selection) bool {
	for name := range p.next {
		if path.Dir(name) == dir && isGo(name) && slices.ContainsFunc(p.nextNames(name).Members, func(m wire.Member) bool {
			return m.Type == sel.Type && m.Name == sel.Name
		}) {
			return true
		}
	}
	return false
}

// isOthers reports whether a file is the user's and goes: what uses it keeps it.
func (p *planner) isOthers(s Step) bool {
	return s.Kind == Delete && p.base[s.Path].Owner == project.User
}

// lostMembers are what a file's step takes from types that stay, and the names that
// one which is replaced declares no more.
func (p *planner) lostMembers(s Step) (members []wire.Member, declared []string) {
	before, err := wire.NamesOf(p.base[s.Path].Content)
	if err != nil {
		return nil, nil
	}
	dir := path.Dir(s.Path)
	has := make(map[wire.Member]bool)
	types := make(map[string]bool)
	for name := range p.next {
		if path.Dir(name) != dir || !isGo(name) || strings.HasSuffix(name, "_test.go") {
			continue
		}
		after := p.nextNames(name)
		for _, m := range after.Members {
			has[m] = true
		}
		for _, name := range after.Declared {
			types[name] = true
		}
	}
	for _, m := range before.Members {
		if types[m.Type] && !has[m] {
			members = append(members, m)
		}
	}
	if s.Kind == Replace {
		declared = slices.DeleteFunc(before.Declared, func(name string) bool { return types[name] })
	}
	return members, declared
}

// nextNames are the names of a file as forge writes it now.
func (p *planner) nextNames(name string) wire.Names {
	if names, ok := p.nexts[name]; ok {
		return names
	}
	names, err := wire.NamesOf(p.next[name].Content)
	if err != nil {
		names = wire.Names{}
	}
	p.nexts[name] = names
	return names
}

// importsBelow reports whether a file imports a package, or one below it, by which it
// may have its types.
func (p *planner) importsBelow(user, dir string) bool {
	own := path.Join(p.module, dir)
	for imported := range p.namesOf(user).Imported {
		if imported == own || strings.HasPrefix(imported, own+"/") {
			return true
		}
	}
	return false
}
