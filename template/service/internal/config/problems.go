package config

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
)

// Error is everything that is wrong with the settings.
type Error struct{ Problems []Problem }

// Problem is one line of an Error.
type Problem struct {
	Setting string // which it is about; empty for a name that is no setting, or a whole file
	Text    string
}

// Error lists the problems, one a line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("configuration:")
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.Text)
	}
	return b.String()
}

// problems collects what is wrong, so that all of it is reported at once.
type problems struct {
	lines    []Problem
	fields   []field          // under check
	failed   map[string]bool  // those that need no further check, by setting
	given    map[string]value // the values under check, by setting
	consumer string           // whose they are, if they are not the service's
}

// err returns the problems since the last call.
func (p *problems) err() error {
	lines := p.lines
	p.lines = nil
	if len(lines) == 0 {
		return nil
	}
	return &Error{lines}
}

// note adds what is wrong with a source.
func (p *problems) note(format string, args ...any) {
	p.lines = append(p.lines, Problem{Text: fmt.Sprintf(format, args...)})
}

// refuse adds that a setting has a value that is not allowed, with its place and
// the name that it has there. A secret is not shown, nor is a whole certificate,
// but the name of the file that it is in.
func (p *problems) refuse(f field, v value, format string, args ...any) {
	p.failed[f.Name] = true
	line := cmp.Or(v.at(), f.Name)
	switch text := cmp.Or(v.path, v.text, f.text()); {
	case text == "" || v.text == "" && v.path == "" && f.Default == "":
		line += " is not set"
	case f.File && v.path == "":
		line += "=" + redacted
	default:
		line += fmt.Sprintf("=%q", redact(text))
	}
	if p.consumer != "" && !v.own {
		line = "consumer " + p.consumer + ": " + line
	}
	p.lines = append(p.lines, Problem{f.Name, line + ": " + fmt.Sprintf(format, args...)})
}

// userInfo is what comes before the host in a URL, or in a list of hosts: it may
// have a password.
var userInfo = regexp.MustCompile(`(://)[^\s/?#]*@|(^|,)[^,/\s]*:[^,/\s][^,\s]*@`)

// redact hides the user and password of each URL in text.
func redact(text string) string { return userInfo.ReplaceAllString(text, "${1}${2}"+redacted+"@") }
