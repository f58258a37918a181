package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Error is everything that is wrong with the settings.
type Error struct {
	Problems []string // one line each
}

// Error lists the problems, one a line.
func (e *Error) Error() string {
	return "configuration:\n  " + strings.Join(e.Problems, "\n  ")
}

// problems collects what is wrong, so that all of it is told at once.
type problems struct {
	lines  []string
	failed map[string]bool // settings that need no further check
}

func (p *problems) err() error {
	if len(p.lines) == 0 {
		return nil
	}
	return &Error{Problems: p.lines}
}

// add notes that a setting has a value that is not allowed. The value of a
// secret, or of a whole certificate, is not shown.
func (p *problems) add(s Setting, value, format string, args ...any) {
	if p.failed == nil {
		p.failed = make(map[string]bool)
	}
	p.failed[s.Name] = true
	shown := fmt.Sprintf("=%q", value)
	switch {
	case value == "":
		shown = " is not set"
	case s.Secret || s.File:
		shown = "=" + redacted
	}
	p.lines = append(p.lines, s.Name+shown+": "+fmt.Sprintf(format, args...))
}

// parse makes a Config from variables, in which an empty value counts as none.
func (p *problems) parse(variables map[string]string) Config {
	var cfg Config
	table := slices.Collect(fields(&cfg))
	for _, f := range table {
		if f.File {
			p.readFile(f.Setting, variables)
		}
	}
	err := env.ParseWithOptions(&cfg, env.Options{Environment: variables})
	var all env.AggregateError
	if err != nil && !errors.As(err, &all) {
		all.Errors = []error{err}
	}
	for _, err := range all.Errors {
		i := -1
		if wrong, ok := errors.AsType[env.ParseError](err); ok {
			i = slices.IndexFunc(table, func(f field) bool { return f.path == wrong.Name })
		}
		if i < 0 {
			p.lines = append(p.lines, err.Error())
			continue
		}
		p.add(table[i].Setting, variables[table[i].Name], "must be %s", table[i].Allowed)
	}
	return cfg
}

// readFile gives a setting the content of the file that NAME_FILE names,
// without the line break that editors put at its end.
func (p *problems) readFile(s Setting, variables map[string]string) {
	path := variables[s.Name+fileSuffix]
	if path == "" {
		return
	}
	named := Setting{Name: s.Name + fileSuffix}
	if variables[s.Name] != "" {
		p.add(named, path, "%s is set too; set one of the two", s.Name)
		p.failed[s.Name] = true
		return
	}
	content, err := os.ReadFile(path)
	if err != nil {
		var cause interface{ Unwrap() error }
		if errors.As(err, &cause) {
			err = cause.Unwrap()
		}
		p.add(named, path, "must be a file that can be read: %v", err)
		p.failed[s.Name] = true
		return
	}
	value := strings.TrimRight(string(content), "\r\n")
	if value == "" {
		p.add(named, path, "the file is empty")
		p.failed[s.Name] = true
	}
	variables[s.Name] = value
}

// notSettings are names in .env that belong to other programs of the project.
var notSettings = []string{"KAFKA_IMAGE"}

// unknown notes each KAFKA_* name that is no setting, with the nearest that is.
func (p *problems) unknown(file map[string]string) {
	known := slices.Clone(notSettings)
	for _, s := range Settings() {
		known = append(known, s.Name)
		if s.File {
			known = append(known, s.Name+fileSuffix)
		}
	}
	var lines []string
	for name := range file {
		if !strings.HasPrefix(name, "KAFKA_") || slices.Contains(known, name) {
			continue
		}
		line := fmt.Sprintf("%s in %s is no setting", name, File)
		if near := nearest(name, known); near != "" {
			line += "; did you mean " + near + "?"
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	p.lines = append(p.lines, lines...)
}

// nearest returns the known name with the fewest edits to name, or nothing
// when more than a third of name would have to change.
func nearest(name string, known []string) string {
	best, distance := "", len(name)/3+1
	for _, k := range known {
		if d := edits(name, k); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// edits returns how many characters must be put in, left out or changed to
// make b from a.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := diagonal
			if a[i] != b[j] {
				changed++
			}
			diagonal = row[j+1]
			row[j+1] = min(changed, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
