package plan

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/merge"
)

// SettingFiles are the files with settings that a service has.
var SettingFiles = []string{".env", ".env.example"}

// withGroup is a file with settings in which the group is called as the new source calls it:
// its name goes with the service, be it the user's own. A source without groups has the
// service's name in that place, which is another thing.
func (p *planner) withGroup(text []byte) []byte {
	const noGroup = "SERVICE_NAME"
	_, to := answers.SettingsOf(p.Source)
	if !p.moves() || to == noGroup || settingOf(to).Match(text) {
		return text
	}
	for _, source := range answers.Sources() {
		if _, from := answers.SettingsOf(source); from != noGroup {
			text = settingOf(from).ReplaceAll(text, []byte("${1}"+to+"="))
		}
	}
	return text
}

// settingOf finds where a setting is set, also that of a further consumer, which has its
// name before it.
func settingOf(name string) *regexp.Regexp {
	return regexp.MustCompile(`(?m)^([ \t]*#?[ \t]*(?:export[ \t]+)?(?:[A-Z0-9_]+_)?)` + name + `=`)
}

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
