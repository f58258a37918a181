package plan

import (
	"fmt"
	"strings"

	"github.com/ouroboros-forge/forge/internal/merge"
)

// SettingFiles are the files with settings that a service has.
var SettingFiles = []string{".env", ".env.example"}

// Setting is a line of a file with settings.
type Setting struct {
	Line int
	Name string
}

// Unread returns the settings of a file that the user has given a value, and that forge
// wrote once and writes no more: they stay, and no part of the service reads them.
func Unread(base, next, content []byte) []Setting {
	var found []Setting
	known := make(map[string]bool)
	for line := range strings.Lines(string(base)) {
		known[merge.EnvKey(line)] = true
		known[strings.TrimSpace(line)] = true
	}
	for line := range strings.Lines(string(next)) {
		delete(known, merge.EnvKey(line))
	}
	n := 0
	for line := range strings.Lines(string(content)) {
		n++
		name, text := merge.EnvKey(line), strings.TrimSpace(line)
		if name != "" && text[0] != '#' && known[name] && !known[text] {
			found = append(found, Setting{n, name})
		}
	}
	return found
}

// tellSettings lists the settings that stay and that nothing of forge's reads any more,
// without their values, which may be secrets.
func (p *planner) tellSettings() {
	for _, name := range SettingFiles {
		s := Step{Path: name, Kind: Keep, Reason: "has settings of yours that nothing of forge's reads any more"}
		for _, u := range Unread(p.base[name].Content, p.next[name].Content, p.contentOf(name)) {
			s.Lines = append(s.Lines, Line{'=', fmt.Sprintf("line %d: %s", u.Line, u.Name)})
		}
		if len(s.Lines) > 0 {
			p.step(s)
		}
	}
}
