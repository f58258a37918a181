package plan

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/ouroboros-forge/forge/internal/rename"
)

// RenameModule makes the plan of giving the module another path. Base and Next have
// the old answers and the new ones.
func RenameModule(in Input, to string) Plan {
	from := in.Record.Answers.Module
	r := renamer{planner: newPlanner(in), edits: make(map[string][]rename.Edit), after: make(map[string][]byte)}
	others := r.otherModules(from)
	isOther := func(p string) bool {
		return slices.ContainsFunc(others, func(other string) bool { return p == other || strings.HasPrefix(p, other+"/") })
	}
	for name, src := range r.usersGo() {
		if base, ok := r.base[name]; ok && bytes.Equal(base.Content, src) {
			continue
		}
		edits, err := rename.Imports(src, from, to, isOther)
		if err == nil { // what is no Go is told below, if it names the module
			r.edits[name] = edits
		}
	}
	r.refuseRequired(to)
	r.renameGoMod(from, to, isOther)
	r.decideAll()
	r.tell(func(name string, content []byte) []rename.Place {
		var found []rename.Place
		_, isLink := r.Disk.Links()[name] // its imports are not renamed
		for _, p := range rename.Mentions(name, content, from, IsBuilt(name) && !isLink) {
			p.Text = fmt.Sprintf("%s; write %s if it means the module", p.Text, to)
			found = append(found, p)
		}
		return found
	}, func(name string) bool { return !isGo(name) || !slices.Contains(r.Disk.Others(), name) })
	return r.done()
}

// otherModules are the modules below a module's path that are not part of it: those
// that the project requires, and those that are in its directories.
func (r *renamer) otherModules(from string) []string {
	var others []string
	add := func(p string) {
		if strings.HasPrefix(p, from+"/") {
			others = append(others, p)
		}
	}
	for _, name := range r.Disk.Files() {
		if path.Base(name) != "go.mod" {
			continue
		}
		file, err := r.Disk.File(name)
		if err != nil {
			continue
		}
		mod, err := modfile.ParseLax(name, file.Content, nil)
		if err != nil {
			continue
		}
		if name != "go.mod" {
			if mod.Module != nil {
				add(mod.Module.Mod.Path)
			}
			continue
		}
		for _, req := range mod.Require {
			add(req.Mod.Path)
		}
	}
	return others
}

// refuseRequired refuses a path that another module has which the project requires:
// its imports would be taken for the project's own.
func (r *renamer) refuseRequired(to string) {
	file, err := r.Disk.File(goMod)
	if err != nil {
		return // told by goMod
	}
	mod, err := modfile.ParseLax(goMod, file.Content, nil)
	if err != nil {
		return
	}
	for _, req := range mod.Require {
		if req.Mod.Path == to {
			r.refuse(Refusal{Path: goMod, Reason: "requires " + to + ", which is another module", Hint: "choose another path, or remove that requirement first"})
		}
	}
}

// renameGoMod renames the module in its go.mod, if it is called there as the record
// says, or as it is to be.
func (r *renamer) renameGoMod(from, to string, isOther func(string) bool) {
	edits, found := r.goMod(to, isOther)
	switch found {
	case "", to: // it is refused, or renamed by hand
	case from:
		r.edits[goMod] = edits
	default:
		r.refuse(Refusal{Path: goMod, Reason: fmt.Sprintf("says that the module is %s, and the record that it is %s", found, from), Hint: "correct one of them"})
	}
}

const (
	goMod   = "go.mod"
	goSum   = "go.sum"
	openAPI = "openapi.yaml"
)

// goMod reads the go.mod: what its module is called, and the edits that call it
// something else. What cannot be read is refused.
func (r *renamer) goMod(to string, isOther func(string) bool) (edits []rename.Edit, found string) {
	file, err := r.Disk.File(goMod)
	if err != nil {
		r.refuse(Refusal{Path: goMod, Reason: "cannot be read: " + cause(err), Hint: "take it from version control"})
		return nil, ""
	}
	edits, found, err = rename.GoMod(file.Content, to, isOther)
	switch {
	case err != nil:
		r.refuse(Refusal{Path: goMod, Reason: "cannot be read: " + err.Error(), Hint: "correct it"})
	case found == "":
		r.refuseNoModule()
	}
	return edits, found
}

// refuseNoModule refuses a go.mod that is empty, or has lost its module.
func (p *planner) refuseNoModule() {
	p.refuse(Refusal{Path: goMod, Reason: "has no module", Hint: "take it from version control, or put `module " + p.module + "` into it"})
}

// checkModule refuses to look for what imports the module's packages where that is
// not called any more as the record says.
func (r *renamer) checkModule() {
	if _, found := r.goMod(r.module, func(string) bool { return true }); found != "" && found != r.module {
		r.refuse(Refusal{
			Path: goMod, Reason: fmt.Sprintf("says that the module is %s, and the record that it is %s", found, r.module),
			Hint: "tell forge so first, with `forge rename module " + found + "`",
		})
	}
}
