package plan

import (
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/modfile"

	"github.com/ouroboros-forge/forge/internal/wire"
)

// Imported returns what reports whether Go of the project, as steps leave it, imports a
// package of a module, or go.mod has one as a tool. Who does not ask has nothing read. Of
// modules that lie in each other, as franz-go and franz-go/pkg/sr do, a package is of the
// inner one if go.mod has that.
func Imported(disk Disk, steps []Step) func(module string) bool {
	all := sync.OnceValue(func() []string { return imports(disk, steps) })
	own := sync.OnceValue(func() *modfile.File { return readGoMod(disk) })
	isOf := func(path, module string) bool { return path == module || strings.HasPrefix(path, module+"/") }
	return func(module string) bool {
		return slices.ContainsFunc(all(), func(path string) bool {
			return isOf(path, module) && !slices.ContainsFunc(own().Require, func(r *modfile.Require) bool {
				return len(r.Mod.Path) > len(module) && isOf(path, r.Mod.Path)
			})
		})
	}
}

// readGoMod reads the project's go.mod: an empty one if it cannot be read.
func readGoMod(disk Disk) *modfile.File {
	if own, err := disk.File(goMod); err == nil {
		if mod, err := modfile.Parse(goMod, own.Content, nil); err == nil {
			return mod
		}
	}
	return new(modfile.File)
}

// imports are the paths that Go imports as steps leave it, and go.mod's tools.
func imports(disk Disk, steps []Step) (all []string) {
	after := make(map[string]*Step)
	names := slices.Clone(disk.GoFiles())
	for i, s := range steps {
		if s.Kind == Delete || s.Content != nil {
			after[s.Path] = &steps[i]
		}
		if s.Kind == Write && IsBuilt(s.Path) {
			names = append(names, s.Path)
		}
	}
	for _, name := range names {
		if s := after[name]; s != nil {
			all = append(all, wire.Imports(s.Content)...) // of what goes none
		} else if f, err := disk.File(name); err == nil {
			all = append(all, wire.Imports(f.Content)...)
		}
	}
	for _, content := range disk.Links() {
		all = append(all, wire.Imports(content)...)
	}
	for _, t := range readGoMod(disk).Tool {
		all = append(all, t.Path)
	}
	return all
}
