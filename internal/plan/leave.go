package plan

import (
	"fmt"
	"path"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/merge"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/rename"
	"github.com/ouroboros-forge/forge/internal/render"
)

// leave leaves a file to the user, with the lines that are different.
func (p *planner) leave(base, next render.File, disk File, reason string) {
	if p.moves() && p.mark(base, next, disk) {
		return
	}
	s := Step{Path: next.Path, Kind: Keep, Reason: reason, Lines: changedLines(base.Content, next.Content)}
	if path.Ext(next.Path) == ".md" { // what the user tells in other words needs no line of forge's
		s.Reason, s.Lines = "is changed by you at the same lines: it stays", p.namesOldBroker(next.Path, disk.Content)
	}
	if p.isOpenAPI(next.Path) {
		s.Reason = "is changed by you at the same lines: it stays"
		s.Lines = []Line{updateOpenAPI}
	}
	if next.Path == "go.mod" { // it is no go.mod any more, or no regular file
		s.Lines = append(s.Lines, Line{'=', "go mod tidy"})
	}
	p.step(s)
}

// namesOldBroker are the lines of a text that name the broker which the service leaves.
func (p *planner) namesOldBroker(name string, text []byte) (lines []Line) {
	old := p.Record.Answers.BrokerName()
	if !p.moves() || old == (answers.Answers{Source: p.Source}).BrokerName() {
		return nil
	}
	for _, at := range rename.Find(name, text, []string{old}) {
		lines = append(lines, Line{'=', fmt.Sprintf("line %d: %s", at.Line, at.Text)})
	}
	return few(lines)
}

// moves reports whether the service gets another source.
func (p *planner) moves() bool { return p.Source != "" && p.Source != p.Record.Answers.Source }

// mark puts the user's lines and those of the new source between markers, where both
// changed the same. A file that stayed as it is would be of the old source, and nothing
// would tell: markers are what `forge status` and `forge doctor` look for. It reports
// false for what is told otherwise, as the user's own texts are.
func (p *planner) mark(base, next render.File, disk File) bool {
	isProse := path.Ext(next.Path) == ".md" && next.Owner == project.User
	if isProse || p.isOpenAPI(next.Path) || !disk.Mode.IsRegular() {
		return false
	}
	if left := merge.Markers(disk.Content); len(left) > 0 {
		p.refuse(Refusal{
			Path: fmt.Sprintf("%s:%d", next.Path, left[0].Start), Reason: "has a conflict of the last change",
			Hint: "put it right, or take that change back with `forge undo`",
		})
		return true
	}
	labels := merge.Labels{Ours: "yours", Base: p.Record.Answers.Source, Theirs: p.Source}
	merged, conflicts := merge.Three(base.Content, disk.Content, next.Content, labels)
	s := Step{Path: next.Path, Kind: Edit, Mode: disk.Mode.Perm(), Content: merged, Reason: "has both versions of what you had changed, between markers"}
	for _, c := range conflicts {
		if c.Start == 0 { // it is no text
			return false
		}
		s.Lines = append(s.Lines, Line{'=', fmt.Sprintf("lines %d to %d", c.Start, c.End)})
	}
	if s.Left() {
		p.step(s)
	}
	return s.Left()
}

// updateOpenAPI is what brings an openapi.yaml up to date that forge leaves.
var updateOpenAPI = Line{'=', "`go test ./web -run OpenAPI -update` puts it right"}

// isOpenAPI reports whether a file is the openapi.yaml that a test holds against the code.
func (p *planner) isOpenAPI(name string) bool {
	return name == openAPI && p.record[name].Path != ""
}
