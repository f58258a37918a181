package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
)

// pkg is how the files of a package refer to each other.
type pkg struct {
	path       string
	files      []string // in the best order of reading
	references int      // pairs of files of which one uses what the other declares
	up         []reference
}

// reference is a file that uses what another one declares.
type reference struct{ from, to string }

// readPackages reads the listed packages of the project, without their tests.
// The best order of reading a package's files is the one in which the fewest
// references run up: a file uses what comes after it, as a function calls what
// stands below it.
func readPackages(listed map[string]listedPackage) ([]pkg, error) {
	var all []pkg
	for _, path := range slices.Sorted(maps.Keys(listed)) {
		if listed[path].DepOnly {
			continue
		}
		p, err := listed[path].read(listed)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, p)
	}
	return all, nil
}

// testOnlyPackages returns the paths of the project's packages that no program of
// it contains: they help tests.
func testOnlyPackages(listed map[string]listedPackage) []string {
	var programs []string
	for path, p := range listed {
		if p.Name == "main" {
			programs = append(programs, path)
		}
	}
	contained := make(map[string]bool)
	for len(programs) > 0 {
		path := programs[0]
		programs = programs[1:]
		if !contained[path] {
			contained[path] = true
			programs = append(programs, listed[path].Imports...)
		}
	}
	var helpers []string
	for _, path := range slices.Sorted(maps.Keys(listed)) {
		if !listed[path].DepOnly && !contained[path] {
			helpers = append(helpers, path)
		}
	}
	return helpers
}

// upShare returns the references that run up, in percent of all.
func upShare(packages []pkg) int {
	up, all := 0, 0
	for _, p := range packages {
		up, all = up+len(p.up), all+p.references
	}
	return percent(up, all)
}

// worstShare returns the largest share of a package; where there are few
// references, each has too much weight.
func worstShare(packages []pkg) int {
	const few = 20
	worst := 0
	for _, p := range packages {
		if p.references >= few {
			worst = max(worst, percent(len(p.up), p.references))
		}
	}
	return worst
}

func percent(part, all int) int {
	if all == 0 {
		return 0
	}
	return (100*part + all - 1) / all // rounded up
}

// listedPackage is what go list tells of a package.
type listedPackage struct {
	ImportPath string
	Name       string
	Dir        string
	Export     string // a file with what it exports
	DepOnly    bool   // it is there because another one imports it
	GoFiles    []string
	Imports    []string // of GoFiles
	ImportMap  map[string]string
}

// listPackages returns the packages of a project and all that they import.
func listPackages(ctx context.Context, dir string) (map[string]listedPackage, error) {
	out, err := run(ctx, dir, "go", "list", "-export", "-deps", "-json=ImportPath,Name,Dir,Export,DepOnly,GoFiles,Imports,ImportMap", "./...")
	if err != nil {
		return nil, err
	}
	listed := make(map[string]listedPackage)
	for dec := json.NewDecoder(out); ; {
		var p listedPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return listed, nil
		} else if err != nil {
			return nil, err
		}
		listed[p.ImportPath] = p
	}
}

// read type-checks a package and finds its references.
func (p listedPackage) read(listed map[string]listedPackage) (pkg, error) {
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return pkg{}, err
		}
		files = append(files, file)
	}
	config := types.Config{Importer: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		if mapped, ok := p.ImportMap[path]; ok {
			path = mapped
		}
		return os.Open(listed[path].Export)
	})}
	info := &types.Info{Uses: make(map[*ast.Ident]types.Object)}
	checked, err := config.Check(p.ImportPath, fset, files, info)
	if err != nil {
		return pkg{}, err
	}
	return order(p.ImportPath, p.GoFiles, uses(fset, checked, info, p.GoFiles)), nil
}

// uses tells which file uses which: bit j of element i is set if file i uses a
// function, type, variable or constant that file j declares. Fields do not count:
// whoever has a type of another file has its fields too.
func uses(fset *token.FileSet, checked *types.Package, info *types.Info, files []string) []uint64 {
	index := func(at token.Pos) int { return slices.Index(files, filepath.Base(fset.Position(at).Filename)) }
	edges := make([]uint64, len(files))
	for id, object := range info.Uses {
		if v, ok := object.(*types.Var); object.Pkg() != checked || !object.Pos().IsValid() || ok && v.IsField() {
			continue
		}
		if from, to := index(id.Pos()), index(object.Pos()); from != to {
			edges[from] |= 1 << to
		}
	}
	return edges
}

// order puts the files of a package into the best order of reading.
func order(path string, files []string, edges []uint64) pkg {
	p := pkg{path: path}
	best := bestOrder(edges)
	above := uint64(0) // the files that were read already
	for _, i := range best {
		p.files = append(p.files, files[i])
		p.references += bits.OnesCount64(edges[i])
		for _, j := range best {
			if edges[i]&above>>j&1 == 1 {
				p.up = append(p.up, reference{files[i], files[j]})
			}
		}
		above |= 1 << i
	}
	return p
}

// exact is up to how many files every order is tried: 2^20 sets of files.
const exact = 20

// bestOrder returns the order in which the fewest references run up. With more
// files than exact it returns one in which moving a single file makes nothing better.
func bestOrder(edges []uint64) []int {
	n := len(edges)
	if n > exact {
		return goodOrder(edges)
	}
	// least[s] is the fewest references up among the files of s, which are read
	// first; last[s] is the one of them that is read last.
	least, last := make([]uint8, 1<<n), make([]uint8, 1<<n)
	for s := 1; s < 1<<n; s++ {
		least[s] = 255
		for i := range n {
			if s>>i&1 == 0 {
				continue
			}
			before := s &^ (1 << i)
			if cost := least[before] + uint8(bits.OnesCount64(edges[i]&uint64(before))); cost < least[s] {
				least[s], last[s] = cost, uint8(i)
			}
		}
	}
	order := make([]int, n)
	for s, at := 1<<n-1, n-1; at >= 0; at-- {
		order[at] = int(last[s])
		s &^= 1 << last[s]
	}
	return order
}

// goodOrder moves single files while fewer references run up.
func goodOrder(edges []uint64) []int {
	var order []int
	for i := range edges {
		order = append(order, i)
	}
	for better := true; better; {
		better = false
		for i := range edges {
			without := slices.DeleteFunc(slices.Clone(order), func(j int) bool { return j == i })
			for at := range order {
				if next := slices.Insert(slices.Clone(without), at, i); upReferences(edges, next) < upReferences(edges, order) {
					order, better = next, true
				}
			}
		}
	}
	return order
}

func upReferences(edges []uint64, order []int) int {
	n, above := 0, uint64(0)
	for _, i := range order {
		n += bits.OnesCount64(edges[i] & above)
		above |= 1 << i
	}
	return n
}
