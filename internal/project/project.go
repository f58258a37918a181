// Package project reads and writes the record that forge keeps in a project,
// .forge/project.yaml: which forge made it, from which answers, and what it
// wrote. All other commands build on it.
package project

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
	"golang.org/x/mod/semver"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/strictyaml"
)

// Path is where the record is, slash-separated and relative to the project.
const Path = ".forge/project.yaml"

// Schema is the version of the record's form that this forge writes and reads.
const Schema = 1

// Project is the record.
type Project struct {
	Schema  int             `yaml:"schema"`
	Forge   string          `yaml:"forge"` // version of the forge that wrote it
	Answers answers.Answers `yaml:"answers"`
	Files   []File          `yaml:"files"` // sorted by path; without the record itself
}

// File is one file as forge wrote it.
type File struct {
	Path   string `yaml:"path"`   // slash-separated, relative to the project
	Mode   string `yaml:"mode"`   // permissions in octal, as in "0644"
	SHA256 string `yaml:"sha256"` // of the content, in hex
	Owner  Owner  `yaml:"owner"`
}

// Owner tells who changes a file after it was written.
type Owner string

// The owners.
const (
	User    Owner = "user"    // seeded once; a new template never touches it
	Managed Owner = "managed" // later forges may merge their changes into it
)

// NewFile describes a file.
func NewFile(path string, mode fs.FileMode, content []byte, owner Owner) File {
	return File{Path: path, Mode: fmt.Sprintf("%04o", mode.Perm()), SHA256: Sum(content), Owner: owner}
}

// Sum returns the SHA-256 of content in hex, as File.SHA256 has it.
func Sum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// Is reports whether a content is the file's as forge wrote it, be it with the line
// ends of Windows, which git gives to what it checks out there.
func (f File) Is(content []byte) bool {
	return Sum(content) == f.SHA256 || bytes.Contains(content, crlf) && Sum(bytes.ReplaceAll(content, crlf, []byte("\n"))) == f.SHA256
}

var crlf = []byte("\r\n")

// Perm returns the file's permissions.
func (f File) Perm() (fs.FileMode, error) {
	mode, err := strconv.ParseUint(f.Mode, 8, 32)
	if err != nil || len(f.Mode) != 4 || mode > uint64(fs.ModePerm) {
		return 0, fmt.Errorf("mode %q is not an octal number such as 0644", f.Mode)
	}
	return fs.FileMode(mode), nil
}

// heading begins every record.
const heading = "# Written by forge, which reads it again to update the project. Keep it under version control.\n"

// Marshal returns the record's bytes; the same for the same record. Its list of
// files is written out line by line: the encoder would take more memory for it
// than all else that forge does.
func (p Project) Marshal() ([]byte, error) {
	b := bytes.NewBufferString(heading)
	enc := yaml.NewEncoder(b)
	enc.SetIndent(2)
	head := struct {
		Schema  int             `yaml:"schema"`
		Forge   string          `yaml:"forge"`
		Answers answers.Answers `yaml:"answers"`
	}{p.Schema, p.Forge, p.Answers}
	head.Answers.Schemas = maps.Clone(p.Answers.Schemas)
	for topic, schema := range head.Answers.Schemas {
		if filepath.IsAbs(schema.File) { // it is of this machine alone, and may name its user
			schema.File = filepath.Base(schema.File)
			head.Answers.Schemas[topic] = schema
		}
	}
	if err := errors.Join(enc.Encode(head), enc.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", Path, err)
	}
	b.WriteString("files:\n")
	for _, f := range p.Files {
		fmt.Fprintf(b, "  - path: %q\n    mode: %q\n    sha256: %s\n    owner: %s\n", f.Path, f.Mode, f.SHA256, f.Owner)
	}
	return b.Bytes(), nil
}

// SchemaError says that a record has a form that this forge does not read.
type SchemaError struct {
	Schema int
	Forge  string // version of the forge that wrote it, if the record says so
}

// Error tells the forms, and who reads that one.
func (e *SchemaError) Error() string {
	return fmt.Sprintf("%s: schema %d, this forge reads schema %d: use %s, or a newer one", Path, e.Schema, Schema, e.Needed())
}

// Needed is the forge that reads the record.
func (e *SchemaError) Needed() string {
	if !semver.IsValid(e.Forge) { // a forge built from a checkout has no version that could be installed
		return "the forge that wrote it"
	}
	return "forge " + e.Forge
}

// Parse reads a record. It refuses one of another schema, with fields that it
// does not know, or with a file that no forge could have written. Whether the
// answers are good ones is for who renders them.
func Parse(data []byte) (Project, error) {
	var head struct {
		Schema int            `yaml:"schema"`
		Rest   map[string]any `yaml:",inline"`
	}
	if err := strictyaml.Decode(data, &head); err != nil {
		return Project{}, fmt.Errorf("%s: %w", Path, err)
	}
	switch {
	case head.Schema == 0:
		return Project{}, fmt.Errorf("%s: no schema: this is not a record of forge's", Path)
	case head.Schema != Schema:
		forge, _ := head.Rest["forge"].(string)
		return Project{}, &SchemaError{Schema: head.Schema, Forge: forge}
	}
	var p Project
	if err := strictyaml.Decode(data, &p); err != nil {
		return Project{}, fmt.Errorf("%s: %w", Path, err)
	}
	if err := p.check(); err != nil {
		return Project{}, fmt.Errorf("%s: %w", Path, err)
	}
	return p, nil
}

func (p Project) check() error {
	if len(p.Files) == 0 { // no file would be known to be forge's, and so none would be behind
		return errors.New("no list of files: what forge wrote cannot be told")
	}
	seen := make(map[string]bool, len(p.Files))
	for _, f := range p.Files {
		switch {
		case !filepath.IsLocal(filepath.FromSlash(f.Path)) || f.Path == ".":
			return fmt.Errorf("file %q is not inside the project", f.Path)
		case path.Clean(f.Path) != f.Path || strings.ContainsFunc(f.Path, unicode.IsControl) || strings.Contains(f.Path, `\`):
			return fmt.Errorf("file %q is no path of forge's: it has no empty part, no backslash and no control character", f.Path)
		case isKept(f.Path):
			return fmt.Errorf("file %q is not one of the service: what is in .git and in .forge no template writes", f.Path)
		case seen[f.Path]:
			return fmt.Errorf("file %q is named twice", f.Path)
		case f.Owner != User && f.Owner != Managed:
			return fmt.Errorf("file %q has the owner %q, not %q or %q", f.Path, f.Owner, User, Managed)
		}
		if sum, err := hex.DecodeString(f.SHA256); err != nil || len(sum) != sha256.Size {
			return fmt.Errorf("file %q has the sha256 %q, not 64 hexadecimal digits", f.Path, f.SHA256)
		}
		if _, err := f.Perm(); err != nil {
			return fmt.Errorf("file %q: %w", f.Path, err)
		}
		seen[f.Path] = true
	}
	return nil
}

// isKept reports whether a file is in a directory of git's or of forge's, which run what
// is there, or trust it.
func isKept(name string) bool {
	return slices.ContainsFunc(strings.Split(name, "/"), func(elem string) bool {
		return strings.EqualFold(elem, ".git") || strings.EqualFold(elem, ".forge")
	})
}

// Head reads of a record what comes before its files, which may be damaged.
func Head(data []byte) (Project, error) {
	var head struct {
		Schema  int             `yaml:"schema"`
		Forge   string          `yaml:"forge"`
		Answers answers.Answers `yaml:"answers"`
	}
	text, _, _ := strings.Cut(string(data), "\nfiles:")
	if err := strictyaml.Decode([]byte(text+"\n"), &head); err != nil {
		return Project{}, fmt.Errorf("%s: %w", Path, err)
	}
	if head.Schema != Schema {
		return Project{}, &SchemaError{Schema: head.Schema, Forge: head.Forge}
	}
	return Project{Schema: head.Schema, Forge: head.Forge, Answers: head.Answers}, nil
}
