package landing

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ouroboros-forge/forge/internal/project"
)

// journal says what a change does; the contents are in files beside it.
type journal struct {
	Schema int         `json:"schema"`
	Title  string      `json:"title"`
	IsUndo bool        `json:"undo,omitempty"`
	Ops    []journalOp `json:"ops"`

	Dirs dirModes `json:"dirs,omitempty"` // the directories of its files as they were
	Back dirModes `json:"back,omitempty"` // of an undo: as they are to be
}

// dirModes are directories that are there, with their permissions.
type dirModes map[string]uint32

const (
	journalName   = "journal.json"
	journalSchema = 1
)

type journalOp struct {
	Path   string `json:"path"`
	Before state  `json:"before"`
	After  state  `json:"after"`
}

// state of a file; the zero value is that of one that is not there.
type state struct {
	SHA256 string `json:"sha256,omitempty"`
	Mode   uint32 `json:"mode,omitempty"`
}

func (s state) exists() bool { return s.SHA256 != "" }

func stateOf(b *Blob) state {
	if b == nil {
		return state{}
	}
	return state{SHA256: project.Sum(b.Content), Mode: uint32(b.Mode.Perm())}
}

func (j journal) marshal() ([]byte, error) { return json.MarshalIndent(j, "", " ") }

// isGit reports whether a path is in a directory of git's, whose hooks are run.
func isGit(name string) bool {
	return slices.ContainsFunc(strings.Split(name, "/"), func(elem string) bool { return strings.EqualFold(elem, ".git") })
}

// errNoJournal says that a directory has no journal: it is the rest of one that
// is being removed.
var errNoJournal = errors.New("no journal")

// JournalError says that what was kept of a change cannot be read.
type JournalError struct {
	Dir string // where it is, in the project
	Err error
}

// Error names the journal.
func (e *JournalError) Error() string { return fmt.Sprintf("%s/%s: %v", e.Dir, journalName, e.Err) }

// Unwrap returns why.
func (e *JournalError) Unwrap() error { return e.Err }

func (l *lander) read(dir string) (journal, error) {
	var j journal
	name := dir + "/" + journalName
	switch sum, err := l.sum(name); {
	case err != nil:
		return j, err
	case sum == "":
		return j, errNoJournal
	case sum == noFile:
		return j, &JournalError{dir, errors.New("it is no regular file")}
	}
	text, err := l.root.ReadFile(filepath.FromSlash(name))
	if err != nil {
		return j, err
	}
	if err := json.Unmarshal(text, &j); err != nil {
		return j, &JournalError{dir, err}
	}
	if j.Schema != journalSchema {
		return j, fmt.Errorf("%s/%s: schema %d, this forge reads %d: use the forge that wrote it", dir, journalName, j.Schema, journalSchema)
	}
	for _, op := range j.Ops {
		if local := filepath.FromSlash(op.Path); !filepath.IsLocal(local) || op.Path == "." || path.Clean(op.Path) != op.Path || isGit(op.Path) {
			return j, &JournalError{dir, fmt.Errorf("%q is no file of the project", op.Path)}
		}
	}
	return j, nil
}
