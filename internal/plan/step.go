package plan

import (
	"io/fs"
	"slices"
)

// Kind is what happens to a file.
type Kind string

// The kinds.
const (
	Write   Kind = "write"   // it was not there
	Replace Kind = "replace" // it was as forge wrote it
	Edit    Kind = "edit"    // the user's edits are kept in it
	Delete  Kind = "delete"  // it was as forge wrote it
	Keep    Kind = "keep"    // it stays as it is, for a reason
)

// Step is what happens to one file.
type Step struct {
	Path    string
	From    string // of Write: the path that the file had, if it has moved
	Kind    Kind
	Mode    fs.FileMode
	Content []byte // after the step
	Reason  string // what there is to say of it, to follow the path
	Lines   []Line // what is left to the user to do in it
	Stays   bool   // it was to go, and does not
}

// Left reports whether a step leaves something to the user: lines, or a file that was
// to go and stays.
func (s Step) Left() bool { return len(s.Lines) > 0 || s.Stays }

// TooMuch is the step of a go.sum that may have lines too many: what needs them, only go
// can tell, and the workflow asks it.
func TooMuch() Step {
	return Step{Path: goSum, Kind: Keep, Reason: "may have lines that nothing needs any more", Lines: []Line{{'=', "`go mod tidy` takes them out"}}}
}

// Line is a line to put in (+), to take out (-) or to look at (=).
type Line struct {
	Op   byte
	Text string
}

// Refusal is why nothing at all can be done.
type Refusal struct {
	Path   string
	Reason string // to follow the path
	Hint   string
	Lines  []Line // to put in or take out by hand
}

// joined makes one step of those of the same file: it changes, and something in it is
// left to the user.
func joined(steps []Step) []Step {
	var all []Step
	for _, s := range steps {
		n := len(all) - 1
		if n < 0 || all[n].Path != s.Path {
			all = append(all, s)
			continue
		}
		first, second := all[n], s
		if first.Kind == Keep {
			first, second = second, first
		}
		if first.Reason != "" && second.Reason != "" {
			first.Reason += "; it "
		}
		first.Reason += second.Reason
		first.Lines = slices.Concat(first.Lines, second.Lines)
		first.Stays = first.Stays || second.Stays
		all[n] = first
	}
	return all
}
