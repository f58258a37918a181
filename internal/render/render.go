// Package render turns the template tree and a user's answers into a project:
// Render is a pure function to a tree in memory, Write puts such a tree on disk
// at once or not at all.
//
// # The template's language
//
// The template is a Go program that compiles; rendering edits it.
//
//   - A file NAME.tmpl is a text/template with the fields of data and the
//     functions of funcs; it becomes NAME. gitignore.tmpl becomes .gitignore and
//     env.tmpl both .env and .env.example. Nothing below applies to these.
//   - In all other files the template's import path becomes the user's module.
//   - In all other files outside internal/ the names of the sample service and
//     of the sample topic become the user's: sample-service, sample-image (the
//     name in a form that Docker accepts), orders (the topic; the topic's file
//     name before .go, .json and the like), and wherever they are a word of an
//     identifier, Orders (the handler) and Order (the model).
//   - A file named orders.* or orders_* is rendered for each topic, with that
//     topic's names and ids of its own in the sample messages; every other file gets those of the first topic.
//   - A line that ends in //forge:each topic (#forge:each topic where # starts a
//     comment) is repeated for each topic.
//   - A line that ends in //forge:if schema or //forge:unless schema is kept for
//     topics whose model is made from a schema, or for the others; one that ends
//     in //forge:each case gives way to the test cases of such a topic. Models
//     and samples of such topics are made by package model alone.
//   - A line that ends in //forge:if EXTRA is kept if the extra is wanted, one
//     that ends in //forge:unless EXTRA if it is not; imports as well as others.
//     Only the files that put a service together have such lines.
//
// Extras are whole files else. A file belongs to an extra if an element of its
// path begins or ends with the extra's name (avro.go, codec_avro.go, avro/), or
// if it is in one of the extra's rooms, which files.go lists. The tests of
// internal/ are an extra. Of a file in several variants, each says by a build
// constraint when it is the one: //go:build !avro in codec.go, //go:build avro in
// codec_avro.go. The renderer keeps one and takes the constraint off. For all of
// this the source of messages counts as an extra.
//
// In Go files the names are replaced inside tokens (identifiers, strings,
// comments), so that layout and comments survive, and gofmt has the last word.
package render

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/project"
)

// Tree is a rendered project.
type Tree struct {
	Files []File // sorted by path
}

// File is one file of a project.
type File struct {
	Path    string // slash-separated, relative to the project
	Mode    fs.FileMode
	Content []byte
	Owner   project.Owner
}

// Render returns the project that the answers ask for, with its record. It
// depends on nothing but its arguments. Refused answers are an error with
// *answers.Problem; any other error is a mistake in the template.
func Render(tmpl fs.FS, a answers.Answers, forgeVersion string) (*Tree, error) {
	r, err := newRenderer(a, forgeVersion)
	if err != nil {
		return nil, err
	}
	return r.tree(tmpl)
}

// Both returns the projects of two sets of answers. What cannot be different in
// them is rendered once.
func Both(tmpl fs.FS, a, b answers.Answers, forgeVersion string) (*Tree, *Tree, error) {
	first, err := Render(tmpl, a, forgeVersion)
	if err != nil {
		return nil, nil, err
	}
	second, err := Other(tmpl, a, first, b, forgeVersion)
	return first, second, err
}

// Other returns the project of the answers b, where that of a is rendered already
// from the same template.
func Other(tmpl fs.FS, a answers.Answers, first *Tree, b answers.Answers, forgeVersion string) (*Tree, error) {
	other, err := newRenderer(b, forgeVersion)
	if err != nil {
		return nil, err
	}
	other.before, other.known = a, make(map[string]File, len(first.Files))
	for _, f := range first.Files {
		other.known[f.Path] = f
	}
	return other.tree(tmpl)
}

// tree renders the whole project.
func (r *renderer) tree(tmpl fs.FS) (*Tree, error) {
	rendered, err := r.renderAll(tmpl, r.wanted)
	if err != nil {
		return nil, err
	}
	files, err := r.finish(rendered)
	if err != nil {
		return nil, err
	}
	return &Tree{Files: files}, nil
}

// Topic returns the files that the project of these answers has for one of
// its topics alone, sorted by path.
func Topic(tmpl fs.FS, a answers.Answers, name string) ([]File, error) {
	r, err := newRenderer(a, "")
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(r.data.Topics, func(t topic) bool { return t.Topic == name })
	if i < 0 {
		return nil, fmt.Errorf("%q is not one of the topics, which are %s", name, strings.Join(a.Topics, ", "))
	}
	r.data.Topics = r.data.Topics[i : i+1]
	files, err := r.renderAll(tmpl, func(name string) bool {
		_, ok := perTopic(name)
		return ok && r.wanted(name)
	})
	slices.SortFunc(files, byPath)
	return files, err
}

// One returns one file of the project of these answers, if it has it.
func One(tmpl fs.FS, a answers.Answers, forgeVersion, name string) (File, bool, error) {
	r, err := newRenderer(a, forgeVersion)
	if err != nil {
		return File{}, false, err
	}
	files, err := r.renderAll(tmpl, func(source string) bool {
		_, isOfTopic := perTopic(source)
		return (isOfTopic || source == name || slices.Contains(targets(source), name)) && r.wanted(source)
	})
	if i := slices.IndexFunc(files, func(f File) bool { return f.Path == name }); i >= 0 {
		return files[i], true, err
	}
	return File{}, false, err
}

func byPath(a, b File) int { return cmp.Compare(a.Path, b.Path) }

// renderAll renders the files of the template that are wanted.
func (r *renderer) renderAll(tmpl fs.FS, wanted func(name string) bool) ([]File, error) {
	var names []string
	err := fs.WalkDir(tmpl, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && wanted(name) {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	rendered := make([][]File, len(names))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range names {
		group.Go(func() (err error) {
			if rendered[i], err = r.renderFile(tmpl, name); err != nil {
				return fmt.Errorf("template: %s: %w", name, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(rendered...), nil
}

// renderer holds what stays the same from file to file.
type renderer struct {
	answers answers.Answers
	data    data

	before answers.Answers // those of known
	known  map[string]File // what was rendered with other answers, by path
}

func newRenderer(a answers.Answers, forgeVersion string) (*renderer, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	d, err := newData(a, forgeVersion)
	return &renderer{answers: a, data: d}, err
}

// isKnown reports whether a file of the template becomes what it became before:
// the module's path is all that is put into it.
func (r *renderer) isKnown(name string, src []byte) (File, bool) {
	f, ok := r.known[name]
	if !ok || r.answers.Module != r.before.Module || bytes.Contains(src, []byte("forge:")) || !isInternal(name) && mentionsSample(string(src)) {
		return File{}, false
	}
	return f, true
}

// renderFile renders one file of the template into one or several of the project.
func (r *renderer) renderFile(tmpl fs.FS, name string) ([]File, error) {
	src, err := fs.ReadFile(tmpl, name)
	if err != nil {
		return nil, err
	}
	if path.Ext(name) == ".go" {
		text, kept, err := r.chosen(src)
		if err != nil || !kept {
			return nil, err
		}
		src = text
	}
	if strings.HasSuffix(name, tmplSuffix) {
		content, err := execute(name, src, r.data)
		if err != nil {
			return nil, err
		}
		var files []File
		for _, target := range targets(name) {
			files = append(files, newFile(target, content))
		}
		return files, nil
	}
	if rest, ok := perTopic(name); ok {
		var files []File
		for _, topic := range r.data.Topics {
			if made, ok, err := topic.fromSchema(name, src, r.answers.Module); ok {
				files = append(files, made...)
				if err != nil {
					return nil, err
				}
				continue
			}
			content, err := r.edit(name, src, topic)
			if err != nil {
				return nil, err
			}
			content = bytes.ReplaceAll(content, []byte(sampleIDs(sampleTopic)), []byte(topic.SampleIDs))
			files = append(files, newFile(path.Join(path.Dir(name), topic.File+rest), content))
		}
		return files, nil
	}
	if known, ok := r.isKnown(name, src); ok {
		return []File{known}, nil
	}
	content, err := r.edit(name, src, r.data.First)
	if err != nil {
		return nil, err
	}
	return []File{newFile(name, content)}, nil
}

func newFile(name string, content []byte) File {
	return File{Path: name, Mode: modeOf(name, content), Content: content, Owner: ownerOf(name)}
}

// finish checks the files as a whole, adds the record of them, and sorts them.
func (r *renderer) finish(files []File) ([]File, error) {
	slices.SortFunc(files, byPath)
	record := project.Project{Schema: project.Schema, Forge: r.data.ForgeVersion, Answers: r.answers}
	seen := make(map[string]string, len(files))
	for _, f := range files {
		// Some file systems hold Orders.go and orders.go to be the same.
		key := strings.ToLower(f.Path)
		if other, ok := seen[key]; ok {
			return nil, fmt.Errorf("template: %s and %s are one file", other, f.Path)
		}
		seen[key] = f.Path
		if f.Path == "go.mod" {
			if err := checkModule(f.Content, r.answers.Module); err != nil {
				return nil, err
			}
		}
		record.Files = append(record.Files, project.NewFile(f.Path, f.Mode, f.Content, f.Owner))
	}
	content, err := record.Marshal()
	if err != nil {
		return nil, err
	}
	files = append(files, File{Path: project.Path, Mode: 0o644, Content: content, Owner: project.Managed})
	slices.SortFunc(files, byPath)
	return files, nil
}
