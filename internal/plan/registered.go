package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ouroboros-forge/forge/internal/wire"
)

// tellRegistered lists where the user's files still register a topic that goes: the
// service would go on consuming it. What is left of a file anyhow names it already.
func (p *planner) tellRegistered() {
	for _, topic := range p.Gone {
		for _, name := range p.users() {
			if strings.HasSuffix(name, "_test.go") || p.isListed(name) {
				continue
			}
			var lines []Line
			for _, line := range wire.CallsWith(p.contentOf(name), p.module+"/internal/message", topic) {
				lines = append(lines, Line{'=', fmt.Sprintf("line %d", line)})
			}
			if len(lines) > 0 {
				p.step(Step{Path: name, Kind: Keep, Reason: "still registers " + topic + ", which the service goes on consuming", Lines: lines})
			}
		}
	}
}

// isListed reports whether lines of a file are left to the user.
func (p *planner) isListed(name string) bool {
	return slices.ContainsFunc(p.plan.Steps, func(s Step) bool { return s.Path == name && len(s.Lines) > 0 })
}
