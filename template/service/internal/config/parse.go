package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// Error is everything that is wrong with the settings.
type Error struct {
	Problems []string // one line each
	settings []string // which each is about, empty for none
}

// Error lists the problems, one a line.
func (e *Error) Error() string {
	return "configuration:\n  " + strings.Join(e.Problems, "\n  ")
}

// problems collects what is wrong, so that all of it is told at once.
type problems struct {
	lines  []problem
	failed map[string]bool // settings that need no further check
	values layer           // what is checked, for the names and places that people know

	// For the settings of one consumer:
	consumer string
	own      layer     // those that it has for itself
	said     []problem // what is wrong with all of them, and needs no second word
}

// problem is one line of an Error, and the setting that it is about, if any.
type problem struct{ text, setting string }

func (p *problems) err() error {
	if len(p.lines) == 0 {
		return nil
	}
	err := new(Error)
	for _, line := range p.lines {
		err.Problems, err.settings = append(err.Problems, line.text), append(err.settings, line.setting)
	}
	return err
}

// note notes what is wrong with a source.
func (p *problems) note(format string, args ...any) {
	p.lines = append(p.lines, problem{text: fmt.Sprintf(format, args...)})
}

// add notes that a setting has a value that is not allowed, under the name and
// at the place where it was given. The value of a secret, or of a whole
// certificate, is not shown, but the name of the file that it is in.
func (p *problems) add(s Setting, text, format string, args ...any) {
	p.fail(s.Name)
	v, given := p.values[s.Name]
	if !given {
		v = value{name: s.Name, written: text, from: fromDefault}
	}
	shown := fmt.Sprintf("=%q", userInfo.ReplaceAllString(v.written, "${1}${2}"+redacted+"@"))
	switch {
	case text == "":
		shown = " is not set"
	case (s.Secret || s.File) && !v.file:
		shown = "=" + redacted
	}
	line := problem{where(v.from) + v.name + shown + ": " + fmt.Sprintf(format, args...), s.Name}
	if p.consumer != "" {
		if slices.Contains(p.said, line) {
			return
		}
		if !p.own.gives(s.Name) {
			line.text = "consumer " + p.consumer + ": " + line.text
		}
	}
	p.lines = append(p.lines, line)
}

// userInfo is what comes before the host in a URL, or in a list of hosts: it may
// have a password.
var userInfo = regexp.MustCompile(`(://)\S*@|(^|,)[^,/\s]*:[^,/\s][^,\s]*@`)

// fail takes a setting out of the checks that are to come.
func (p *problems) fail(name string) {
	if p.failed == nil {
		p.failed = make(map[string]bool)
	}
	p.failed[name] = true
}

// allowed says what the value of a setting must be, in the unit that belongs to
// the name under which it was given.
func (p *problems) allowed(f field) string {
	if f.value.Type() != reflect.TypeFor[time.Duration]() || !strings.HasSuffix(p.values[f.Name].name, millis) {
		return f.Allowed
	}
	least, _ := time.ParseDuration(f.tag.Get("min"))
	most, _ := time.ParseDuration(f.tag.Get("max"))
	return fmt.Sprintf("a whole number of milliseconds from %d to %d", least.Milliseconds(), most.Milliseconds())
}

// parse makes a Config from settings, in which no text is empty.
func (p *problems) parse(settings layer) Config {
	var cfg Config
	p.values = maps.Clone(settings)
	table := slices.Collect(fields(&cfg))
	variables := make(map[string]string)
	for _, f := range table {
		if f.File {
			p.readFile(f.Setting)
		}
		if v, ok := p.values[f.Name]; ok {
			variables[f.Name] = v.text
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
			p.note("%v", err)
			continue
		}
		p.add(table[i].Setting, variables[table[i].Name], "must be %s", p.allowed(table[i]))
	}
	return cfg
}

// readFile gives a setting the content of the file that NAME_FILE names,
// without the line break that editors put at its end.
func (p *problems) readFile(s Setting) {
	v, ok := p.values[s.Name+fileSuffix]
	if !ok {
		return
	}
	named := Setting{Name: s.Name + fileSuffix}
	if _, both := p.values[s.Name]; both {
		p.add(named, v.text, "%s is set too; set one of the two", s.Name)
		p.fail(s.Name)
		return
	}
	content, err := os.ReadFile(v.text)
	switch {
	case err != nil && !strings.ContainsAny(v.text, `/\`) || strings.Contains(v.text, "-----BEGIN"):
		named.Secret = true
		p.add(named, v.text, "must be the name of a file that can be read, not what is in it; without a slash it is not shown")
		p.fail(s.Name)
		return
	case err != nil:
		p.add(named, v.text, "must be a file that can be read: %v", cause(err))
		p.fail(s.Name)
		return
	}
	v.text, v.file = strings.TrimRight(string(content), "\r\n"), true
	if v.text == "" {
		p.add(named, v.written, "the file is empty")
		p.fail(s.Name)
		return
	}
	p.values[s.Name] = v
}

// cause takes the path, which is told anyway, off an error.
func cause(err error) error {
	if wrapped := errors.Unwrap(err); wrapped != nil {
		return wrapped
	}
	return err
}
