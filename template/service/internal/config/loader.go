package config

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// value is what a source says of a setting.
type value struct {
	text string // as the environment would have it
	name string // the setting's name as the source spells it
	file string // the source: environment, .env, config.yaml
	line int    // in that file; 0 for sources that have no lines
	path string // the file that NAME_FILE names and text was read from
	over string // the next source that has the setting too, if any
	cut  bool   // a comment was cut off the text
	own  bool   // of the consumer under check, not of the whole service
}

// The sources that have no lines.
const (
	fromOverride    = "override"
	fromEnvironment = "environment"
	fromMap         = "map"
	fromDefault     = "default"
)

// configFile is the one setting that is read before the others.
const configFile = "CONFIG_FILE"

// place says where the value stands.
func (v value) place() string {
	if v.line > 0 {
		return fmt.Sprintf("%s:%d", v.file, v.line)
	}
	return v.file
}

// at is the name with its place, as errors begin.
func (v value) at() string {
	if place := v.place(); place != "" && place != fromMap {
		return place + ": " + v.name
	}
	return v.name
}

// origin says where the value came from, for Explain.
func (v value) origin() string {
	origin := cmp.Or(v.place(), fromDefault)
	if v.path != "" {
		origin = fmt.Sprintf("%s (%s, %s)", v.path, v.name, v.place())
	}
	if v.over != "" {
		origin += ", over " + v.over
	}
	return origin
}

// layer is what one source says, by the names that settings have in the
// environment: NAME, NAME_FILE or, for a further consumer, CONSUMER_NAME.
type layer map[string]value

func variables(source string, texts map[string]string) layer {
	l := make(layer)
	for name, text := range texts {
		l[name] = value{text: text, name: name, file: source}
	}
	return l
}

// loader fills the fields of settings from layers.
type loader struct {
	problems

	own       any
	known     []field         // of Config and of the service's own code
	layers    []layer         // the first that has a setting wins
	asked     map[string]bool // the variables that were looked up
	origins   map[string]string
	consumers map[string]Kafka
}

func newLoader(cfg *Config, own any) *loader {
	l := &loader{own: own, problems: problems{failed: make(map[string]bool)}, asked: make(map[string]bool), origins: make(map[string]string), consumers: make(map[string]Kafka), known: fieldsOf(cfg)}
	for _, f := range fieldsOf(own) {
		if other, clash := l.setting(f.Name); clash {
			l.note("own setting %s (%s): %s is a setting already; choose another name", f.Name, f.path, other.Name)
		}
		l.known = append(l.known, f)
	}
	return l
}

// setting returns the setting of which name is the NAME or the NAME_FILE.
func (l *loader) setting(name string) (field, bool) {
	i := slices.IndexFunc(l.known, func(f field) bool { return f.Name == name || f.File && f.Name+fileSuffix == name })
	if i < 0 {
		return field{}, false
	}
	return l.known[i], true
}

// read fills fields: those of the service, or those of a consumer, whose own
// values go over the service's, but not over an override.
func (l *loader) read(consumer string, fields []field) {
	l.consumer, l.fields, l.given, l.failed = consumer, fields, make(map[string]value), make(map[string]bool)
	for _, f := range fields {
		v := l.lookUp(f.Name, f)
		if consumer != "" {
			own := l.lookUp(prefixOf(consumer)+f.Name, f)
			if own.file != "" && (v.file != fromOverride || own.file == fromOverride) {
				v, v.own = own, true
			}
		}
		l.given[f.Name] = l.content(f, v)
		l.parse(f)
		if consumer == "" || v.own {
			l.origins[prefixOf(consumer)+f.Name] = l.given[f.Name].origin()
		}
	}
}

// lookUp returns the value of the first layer that has the variable name, or
// name_FILE; one without a source when none has. An empty value counts as none,
// but in the first layer it hides the others.
func (l *loader) lookUp(name string, f field) (found value) {
	l.asked[name] = true
	l.asked[name+fileSuffix] = l.asked[name+fileSuffix] || f.File
	for i, layer := range l.layers {
		v, ok := layer[name]
		if byFile := layer[name+fileSuffix]; f.File && byFile.text != "" {
			if v.text != "" && !l.failed[f.Name] {
				l.refuse(f, byFile, "%s is set too; set one of the two", v.name)
			}
			v, ok = byFile, true
			v.path = v.text
		}
		switch {
		case v.text == "" && (i > 0 || !ok):
		case found.file != "":
			found.over = v.place()
			return found
		case v.text == "":
			return value{}
		default:
			found = v
		}
	}
	return found
}

// content returns v with the text that it stands for: without line breaks at its
// end, and what is in the file that NAME_FILE names.
func (l *loader) content(f field, v value) value {
	if v.path != "" {
		text, err := os.ReadFile(v.path)
		v.text = string(text)
		switch {
		case l.failed[f.Name]:
		case err != nil && (!strings.ContainsAny(v.path, `/\`) || strings.Contains(v.path, "-----BEGIN")):
			v.path = "" // perhaps the secret itself
			l.refuse(f, v, "must be the name of a file that can be read, not what is in it; without a slash it is not shown")
		case err != nil:
			l.refuse(f, v, "must be a file that can be read: %v", cause(err))
		case strings.Trim(v.text, "\r\n") == "":
			l.refuse(f, v, "the file is empty")
		}
	}
	v.text = strings.TrimRight(v.text, "\r\n")
	if f.Secret && v.path == "" && !l.failed[f.Name] {
		switch {
		case v.cut:
			l.refuse(f, v, "a # after a blank begins a comment: put the value in single quotes, or the comment on a line of its own")
		case strings.TrimSpace(v.text) != v.text:
			l.refuse(f, v, "has a blank at an end: remove it, or put the value in a file and name that with %s%s", f.Name, fileSuffix)
		}
	}
	return v
}

// parse gives a field its value, or its default. env takes a struct: here it is
// one with this field alone, so that an error is about this field.
func (l *loader) parse(f field) {
	v := l.given[f.Name]
	environment := make(map[string]string)
	if v.text != "" && !l.failed[f.Name] {
		environment[f.Name] = v.text
	}
	one := reflect.New(reflect.StructOf([]reflect.StructField{{Name: "Value", Type: f.value.Type(), Tag: f.tag}}))
	single := one.Elem().Field(0)
	single.Set(f.value)
	err := env.ParseWithOptions(one.Interface(), env.Options{Environment: environment, Prefix: f.prefix})
	if wrong, ok := errors.AsType[env.ParseError](err); ok && len(environment) > 0 {
		l.refuse(f, v, "must be %s%s", f.Allowed, reason(f, wrong.Err))
		l.parse(f) // what depends on it is checked with the default
		return
	}
	if err != nil && !l.failed[f.Name] {
		l.refuse(f, v, "%s", f.missing())
	}
	f.value.Set(single)
	if list, ok := single.Interface().([]string); ok {
		f.value.Set(reflect.ValueOf(trim(list)))
	}
}

// reason is what a parser other than Go's own says of a value.
func reason(f field, err error) string {
	if f.Secret || !strings.HasPrefix(f.Allowed, "text") {
		return ""
	}
	return ": " + redact(err.Error())
}

// trim takes blanks and empty elements, such as after a last comma, out of a list.
func trim(list []string) []string {
	var trimmed []string
	for _, s := range list {
		if s = strings.TrimSpace(s); s != "" {
			trimmed = append(trimmed, s)
		}
	}
	return trimmed
}

// cause takes the path, which is shown anyway, off an error.
func cause(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}
