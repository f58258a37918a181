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
// goes, a model say, stays then too; if it is forge's own, the user is told.
func (p *planner) keepUsed() {
	for _, user := range p.users() {
		p.keepEmbedded(user)
	}
	if !slices.ContainsFunc(p.plan.Steps, func(s Step) bool { return s.Kind == Delete && isGo(s.Path) }) {
		return
	}
	going := make(map[string]int) // by path, the places of their steps
	for i, s := range p.plan.Steps {
		if s.Kind == Delete && isGo(s.Path) {
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
	p.keepEmbedded(s.Path)
}

// warn tells of a file of the user's that needs what goes.
func (p *planner) warn(name string, going map[string]int) {
	if user, line, what := p.userOf(name, going); user != "" {
		p.tellUse(user, doesNotBuild, line, what, path.Dir(name))
	}
}

// Why a file of the user's has to be looked at.
const (
	doesNotBuild = "does not build any more: it uses what goes"
	mayNotBuild  = "may not build any more: it uses what is called like something that goes, or has another type now"
)

// tellUse says that a file of the user's uses something of a package that goes.
func (p *planner) tellUse(user, reason string, line int, what, dir string) {
	text := Line{'=', fmt.Sprintf("line %d: %s of %s", line, what, dir)}
	for i, s := range p.plan.Steps {
		if s.Path == user && s.Kind == Keep {
			if s.Reason != doesNotBuild {
				p.plan.Steps[i].Reason = reason
			}
			if !slices.Contains(s.Lines, text) {
				p.plan.Steps[i].Lines = append(p.plan.Steps[i].Lines, text)
			}
			return
		}
	}
	p.step(Step{Path: user, Kind: Keep, Reason: reason, Lines: []Line{text}})
}

// userOf returns a Go file that stays and uses something that a file declares
// which goes, with the line and the name.
func (p *planner) userOf(name string, going map[string]int) (user string, line int, what string) {
	for _, other := range slices.Concat(p.Disk.GoFiles(), p.Disk.Others()) {
		if _, goes := going[other]; goes || p.base[other].Owner == project.Managed {
			continue
		}
		if line, what := p.use(other, name); line > 0 {
			return other, line, what
		}
	}
	return "", 0, ""
}

// use returns where a Go file uses something that another declares, which goes, or
// imports the package that goes with it.
func (p *planner) use(user, name string) (line int, what string) {
	isTest := strings.HasSuffix(name, "_test.go")
	if user == name || isTest && (!strings.HasSuffix(user, "_test.go") || !p.isInPackage(user, name)) {
		return 0, ""
	}
	if line, what := p.useOf(user, name, p.namesOf(name).Declared); line > 0 {
		return line, what
	}
	dir := path.Dir(name)
	if line := p.namesOf(user).Imported[path.Join(p.module, dir)][""]; line > 0 && p.isEmptied(dir) {
		return line, "the package"
	}
	return 0, ""
}

// useOf returns where a Go file uses one of the names of another one's package.
func (p *planner) useOf(user, name string, wanted []string) (line int, what string) {
	names, dir := p.namesOf(user), path.Dir(name)
	used := names.Imported[path.Join(p.module, dir)]
	if p.isInPackage(user, name) {
		used = names.Used
	}
	for _, declared := range wanted {
		if line := used[declared]; line > 0 && !p.declaredElsewhere(dir, declared) {
			return line, declared
		}
	}
	return 0, ""
}

// isInPackage reports whether two files are of the same package. Tests of a directory
// may have one of their own.
func (p *planner) isInPackage(a, b string) bool {
	return path.Dir(a) == path.Dir(b) && p.namesOf(a).Package == p.namesOf(b).Package
}

// isEmptied reports whether no Go file of a directory's package is left.
func (p *planner) isEmptied(dir string) bool {
	isOf := func(name string) bool { return path.Dir(name) == dir && !strings.HasSuffix(name, "_test.go") }
	return !slices.ContainsFunc(p.Disk.GoFiles(), func(name string) bool { return isOf(name) && !p.goes(name) }) &&
		!slices.ContainsFunc(p.plan.Steps, func(s Step) bool { return s.Kind == Write && isGo(s.Path) && isOf(s.Path) })
}

// users are the Go files that stay and are not forge's, of other modules too.
func (p *planner) users() []string {
	return slices.DeleteFunc(slices.Concat(p.Disk.GoFiles(), p.Disk.Others()), func(name string) bool {
		return p.goes(name) || p.base[name].Owner == project.Managed
	})
}

// declaredElsewhere reports whether a file that comes, another variant of the one
// that goes, declares a name.
func (p *planner) declaredElsewhere(dir, name string) bool {
	for _, s := range p.plan.Steps {
		if s.Kind == Write && isGo(s.Path) && path.Dir(s.Path) == dir && slices.Contains(p.namesOf(s.Path).Declared, name) {
			return true
		}
	}
	return false
}

func (p *planner) goes(name string) bool {
	return slices.ContainsFunc(p.plan.Steps, func(s Step) bool { return s.Path == name && s.Kind == Delete })
}

// namesOf are the names of a Go file as it is after its step, none if it is no Go.
func (p *planner) namesOf(name string) wire.Names {
	if names, ok := p.names[name]; ok {
		return names
	}
	names, err := wire.NamesOf(p.contentOf(name))
	if err != nil {
		names = wire.Names{}
	}
	p.names[name] = names
	return names
}

// contentOf is a file as it is after its step, nil if it cannot be read.
func (p *planner) contentOf(name string) (content []byte) {
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
	return content
}

func isGo(name string) bool { return path.Ext(name) == ".go" }

// IsBuilt reports whether a file is Go that is built with the module, as far as its
// path tells.
func IsBuilt(name string) bool {
	if !isGo(name) {
		return false
	}
	for element := range strings.SplitSeq(name, "/") {
		if element == "testdata" || element[0] == '_' || element[0] == '.' {
			return false
		}
	}
	return true
}
