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
//     topic's names; every other file gets those of the first topic.
//   - A line that ends in //forge:each topic (#forge:each topic where # starts a
//     comment) is repeated for each topic.
//   - A line that ends in //forge:if EXTRA is kept if the extra is wanted.
//     Whole files belong to extras by the table in files.go.
//
// In Go files the names are replaced inside tokens (identifiers, strings,
// comments), so that layout and comments survive, and gofmt has the last word.
package render

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

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
	if err := a.Validate(); err != nil {
		return nil, err
	}
	r := newRenderer(a, forgeVersion)
	err := fs.WalkDir(tmpl, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !r.wanted(name) {
			return err
		}
		src, err := fs.ReadFile(tmpl, name)
		if err != nil {
			return err
		}
		if err := r.add(name, src); err != nil {
			return fmt.Errorf("template: %s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := r.finish(); err != nil {
		return nil, err
	}
	return &Tree{Files: r.files}, nil
}

// renderer holds what stays the same from file to file, and the files so far.
type renderer struct {
	answers answers.Answers
	data    data
	files   []File
}

func newRenderer(a answers.Answers, forgeVersion string) *renderer {
	return &renderer{answers: a, data: newData(a, forgeVersion)}
}

// add renders one file of the template into one or several of the project.
func (r *renderer) add(name string, src []byte) error {
	if strings.HasSuffix(name, tmplSuffix) {
		content, err := execute(name, src, r.data)
		if err != nil {
			return err
		}
		for _, target := range targets(name) {
			r.put(target, content)
		}
		return nil
	}
	if rest, ok := perTopic(name); ok {
		for _, topic := range r.data.Topics {
			content, err := r.edit(name, src, topic)
			if err != nil {
				return err
			}
			r.put(path.Join(path.Dir(name), topic.File+rest), content)
		}
		return nil
	}
	content, err := r.edit(name, src, r.data.First)
	if err != nil {
		return err
	}
	r.put(name, content)
	return nil
}

func (r *renderer) put(name string, content []byte) {
	r.files = append(r.files, File{Path: name, Mode: modeOf(name, content), Content: content, Owner: ownerOf(name)})
}

// finish checks the files as a whole and adds the record of them.
func (r *renderer) finish() error {
	slices.SortFunc(r.files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	record := project.Project{Schema: project.Schema, Forge: r.data.ForgeVersion, Answers: r.answers}
	seen := make(map[string]string, len(r.files))
	for _, f := range r.files {
		// Some file systems hold Orders.go and orders.go to be the same.
		key := strings.ToLower(f.Path)
		if other, ok := seen[key]; ok {
			return fmt.Errorf("template: %s and %s are one file", other, f.Path)
		}
		seen[key] = f.Path
		if f.Path == "go.mod" {
			if err := checkModule(f.Content, r.answers.Module); err != nil {
				return err
			}
		}
		record.Files = append(record.Files, project.NewFile(f.Path, f.Mode, f.Content, f.Owner))
	}
	content, err := record.Marshal()
	if err != nil {
		return err
	}
	r.files = append(r.files, File{Path: project.Path, Mode: 0o644, Content: content, Owner: project.Managed})
	slices.SortFunc(r.files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return nil
}
