package merge

import (
	"bytes"
	"errors"
	"fmt"
	"go/version"
	"maps"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// GoMod merges go.mod by what it says. Of two versions of a requirement that
// both sides changed the higher one stands. What the user added or removed
// stays so, and so does what the user replaced; what theirs dropped goes, unless
// the user changed it or uses says that the user's code imports it.
func GoMod(base, ours, theirs []byte, uses func(module string) bool) ([]byte, error) {
	if bytes.Equal(base, theirs) || bytes.Equal(ours, theirs) {
		return ours, nil
	}
	var parsed [3]*modfile.File
	for i, text := range [][]byte{base, ours, theirs} {
		f, err := modfile.Parse("go.mod", text, nil)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", []string{"the version that forge wrote", "yours", "the new version"}[i], err)
		}
		parsed[i] = f
	}
	b, o, t := parsed[0], parsed[1], parsed[2]
	if o.Module == nil {
		return nil, errors.New("yours: it has no module")
	}
	if bytes.Equal(base, ours) && !usesDropped(b, t, uses) {
		return theirs, nil
	}
	if err := mergeVersions(b, o, t); err != nil {
		return nil, err
	}
	o.SetRequireSeparateIndirect(mergeRequires(b, o, t, uses))
	for _, d := range directives {
		if err := d.merge(b, o, t); err != nil {
			return nil, err
		}
	}
	o.Cleanup()
	return o.Format()
}

// usesDropped reports whether the user's code imports what t requires no more.
func usesDropped(b, t *modfile.File, uses func(module string) bool) bool {
	next := requires(t)
	return slices.ContainsFunc(b.Require, func(r *modfile.Require) bool { return next[r.Mod.Path] == nil && uses(r.Mod.Path) })
}

// mergeVersions merges the lines go and toolchain.
func mergeVersions(b, o, t *modfile.File) error {
	goOf := func(f *modfile.File) string {
		if f.Go == nil {
			return ""
		}
		return f.Go.Version
	}
	newer := func(x, y string) bool { return version.Compare("go"+x, "go"+y) > 0 }
	if v := goOf(t); v != goOf(b) && newer(v, goOf(o)) {
		if err := o.AddGoStmt(v); err != nil {
			return err
		}
	}
	toolchainOf := func(f *modfile.File) string {
		if f.Toolchain == nil {
			return ""
		}
		return f.Toolchain.Name
	}
	switch was, is, next := toolchainOf(b), toolchainOf(o), toolchainOf(t); {
	case next == was, next == is:
		return nil
	case next == "" && is == was:
		o.DropToolchainStmt()
	case is == was, version.Compare(next, is) > 0:
		return o.AddToolchainStmt(next)
	}
	return nil
}

// mergeRequires returns the requirements that the result has.
func mergeRequires(b, o, t *modfile.File, uses func(module string) bool) []*modfile.Require {
	was, is, next := requires(b), requires(o), requires(t)
	var merged []*modfile.Require
	for _, path := range slices.Sorted(maps.Keys(is)) {
		have := *is[path]
		then, known := was[path]
		now, wanted := next[path]
		switch {
		case wanted:
			untouched := known && have.Mod == then.Mod
			changed := !known || now.Mod != then.Mod
			if untouched || changed && semver.Compare(now.Mod.Version, have.Mod.Version) > 0 {
				have.Mod.Version = now.Mod.Version
			}
			have.Indirect = now.Indirect && (have.Indirect || known && !then.Indirect && !uses(path))
		case known && have.Mod == then.Mod && have.Indirect == then.Indirect && !uses(path):
			continue
		}
		merged = append(merged, &have)
	}
	for _, path := range slices.Sorted(maps.Keys(next)) {
		then, known := was[path]
		if _, ok := is[path]; !ok && (!known || then.Indirect && !next[path].Indirect) {
			merged = append(merged, next[path])
		}
	}
	return merged
}

// requires returns the requirements by path, the highest of each.
func requires(f *modfile.File) map[string]*modfile.Require {
	all := make(map[string]*modfile.Require)
	for _, r := range f.Require {
		if have, ok := all[r.Mod.Path]; !ok || semver.Compare(r.Mod.Version, have.Mod.Version) > 0 {
			all[r.Mod.Path] = r
		}
	}
	return all
}

// directive is a kind of line of go.mod: what each says, by what it speaks of.
type directive struct {
	values func(f *modfile.File) map[string]string
	set    func(f *modfile.File, key, value string) error
	drop   func(f *modfile.File, key string) error
}

// merge makes in o the changes from b to t, where o is as b was.
func (d directive) merge(b, o, t *modfile.File) error {
	was, is, next := d.values(b), d.values(o), d.values(t)
	for _, key := range slices.Sorted(maps.Keys(next)) {
		then, known := was[key]
		have, ok := is[key]
		if known && then == next[key] || ok != known || have != then {
			continue
		}
		if err := d.set(o, key, next[key]); err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(was)) {
		have, ok := is[key]
		if _, wanted := next[key]; wanted || !ok || have != was[key] {
			continue
		}
		if err := d.drop(o, key); err != nil {
			return err
		}
	}
	return nil
}

var directives = []directive{
	{
		values: func(f *modfile.File) map[string]string {
			return valuesOf(f.Replace, func(r *modfile.Replace) (key, value string) { return r.Old.String(), r.New.String() })
		},
		set: func(f *modfile.File, key, value string) error {
			from, to := versionOf(key), versionOf(value)
			return f.AddReplace(from.Path, from.Version, to.Path, to.Version)
		},
		drop: func(f *modfile.File, key string) error { v := versionOf(key); return f.DropReplace(v.Path, v.Version) },
	},
	{
		values: func(f *modfile.File) map[string]string {
			return valuesOf(f.Exclude, func(e *modfile.Exclude) (key, value string) { return e.Mod.String(), "" })
		},
		set: func(f *modfile.File, key, _ string) error {
			v := versionOf(key)
			return f.AddExclude(v.Path, v.Version)
		},
		drop: func(f *modfile.File, key string) error { v := versionOf(key); return f.DropExclude(v.Path, v.Version) },
	},
	{
		values: func(f *modfile.File) map[string]string {
			return valuesOf(f.Tool, func(t *modfile.Tool) (key, value string) { return t.Path, "" })
		},
		set:  func(f *modfile.File, key, _ string) error { return f.AddTool(key) },
		drop: func(f *modfile.File, key string) error { return f.DropTool(key) },
	},
	{
		values: func(f *modfile.File) map[string]string {
			return valuesOf(f.Ignore, func(i *modfile.Ignore) (key, value string) { return i.Path, "" })
		},
		set:  func(f *modfile.File, key, _ string) error { return f.AddIgnore(key) },
		drop: func(f *modfile.File, key string) error { return f.DropIgnore(key) },
	},
	{
		values: func(f *modfile.File) map[string]string {
			return valuesOf(f.Godebug, func(g *modfile.Godebug) (key, value string) { return g.Key, g.Value })
		},
		set:  func(f *modfile.File, key, value string) error { return f.AddGodebug(key, value) },
		drop: func(f *modfile.File, key string) error { return f.DropGodebug(key) },
	},
}

func valuesOf[T any](all []T, of func(T) (key, value string)) map[string]string {
	values := make(map[string]string, len(all))
	for _, one := range all {
		key, value := of(one)
		values[key] = value
	}
	return values
}

// versionOf reads path@version, or a path alone.
func versionOf(text string) module.Version {
	path, v, _ := strings.Cut(text, "@")
	return module.Version{Path: path, Version: v}
}
