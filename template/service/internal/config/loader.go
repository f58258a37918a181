package config

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// Error is everything that is wrong with the settings.
type Error struct{ Problems []Problem }

// Problem is one line of an Error.
type Problem struct {
	Setting string // which it is about; empty for a file, or a name that is not a setting
	Text    string
}

// Error lists the problems, one a line.
func (e *Error) Error() string {
	text := "configuration:"
	for _, p := range e.Problems {
		text += "\n  " + p.Text
	}
	return text
}

// given is what a source says of a setting.
type given struct {
	name, text string
	place      string // the source, with the line if it is a file: environment, .env:3
	prefix     string // of the consumer that it is for, if that is no part of the name
	cut        bool   // a comment was cut off the text
	over       string // the place of the next source that has the setting too
}

// The sources that are not files.
const (
	fromOverride    = "override"
	fromFlag        = "--config"
	fromEnvironment = "environment"
	fromMap         = "map"
)

// loader gives settings their values, and collects all that is wrong.
type loader struct {
	consumer  string // whose settings these are; empty for the service's
	known     []Setting
	values    map[string]given // by NAME or, for a further consumer, CONSUMER_NAME
	failed    map[string]bool  // settings that need no further check
	problems  []Problem
	unread    []given          // names of .env and YAML that no setting has, or only a consumer's
	consumers map[string]Kafka // by prefix
}

func newLoader(cfg *Config, own any) *loader {
	l := &loader{known: Settings(cfg), values: make(map[string]given), failed: make(map[string]bool), consumers: make(map[string]Kafka)}
	if t := reflect.TypeOf(own); t != nil && (t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct) {
		l.note("own settings must be a pointer to a struct, not %T", own)
		own = nil
	}
	for _, s := range Settings(own) {
		if other, prefix := l.setting(s.Name); other.Name != "" && prefix == "" {
			l.note("own setting %s: the name is taken by another setting", s.Name)
		}
		l.known = append(l.known, s)
	}
	return l
}

// setting returns the setting that is called name: as a variable is, NAME or
// NAME_FILE, perhaps behind the prefix of a consumer; or as in YAML and maps.
func (l *loader) setting(name string) (s Setting, prefix string) {
	for _, s := range l.known {
		if strings.EqualFold(name, s.Name) || s.File && strings.EqualFold(name, s.Name+fileSuffix) || slices.Contains(strings.Fields(s.field.Tag.Get("kafka")), name) {
			return s, ""
		}
	}
	if before, rest, ofConsumer := strings.Cut(name, "_"+kafkaPrefix); ofConsumer {
		s, _ = l.setting(kafkaPrefix + rest)
		return s, before + "_"
	}
	return Setting{}, ""
}

// merge adds what a source says below the sources before it. An empty value
// counts as none, but in the override it hides the others.
func (l *loader) merge(source []given) {
	earlier := make(map[string]string)
	for _, g := range source {
		if g.name == "KAFKA_IMAGE" { // the tests' own
			continue
		}
		s, prefix := l.setting(g.name)
		prefix = cmp.Or(g.prefix, prefix)
		name := prefix + s.Name
		before, hidden := l.values[name]
		isFile := g.place != fromOverride && g.place != fromEnvironment && g.place != fromFlag
		if ours := strings.HasPrefix(g.name, kafkaPrefix); isFile && s.Name == "" && ours {
			l.unknown(g, "")
		} else if isFile && (s.Name == "" || prefix != "") {
			l.unread = append(l.unread, g)
		}
		switch {
		case s.Name == "" || g.text == "" && g.place != fromOverride, g.place == fromEnvironment && !strings.Contains(g.name, s.Name):
			continue
		case earlier[name] != "":
			l.note("%s: %s and %s give the same setting: keep one", g.place, g.name, earlier[name])
		case hidden:
			before.over = cmp.Or(before.over, g.place)
			l.values[name] = before
		default:
			l.values[name] = l.content(s, g)
		}
		earlier[name] = g.name + " (" + g.place + ")"
	}
}

// content returns what g stands for: the content of the file that it names;
// without line breaks at its end, as in files and secrets of Kubernetes; without
// blanks between the elements of a list.
func (l *loader) content(s Setting, g given) given {
	g.text = strings.TrimRight(g.text, "\r\n")
	if s.File && isFileName.MatchString(g.name) {
		return l.fileContent(s, g)
	}
	if s.value.Kind() == reflect.Slice {
		g.text = strings.Trim(commas.ReplaceAllString(g.text, ","), ", ")
	}
	if s.Secret && g.cut {
		l.refuse(s, g, "a # after a blank begins a comment: put the value in single quotes, or the comment on a line of its own")
	} else if s.Secret && strings.TrimSpace(g.text) != g.text {
		l.refuse(s, g, "has a blank at an end: remove it, or put the value in a file and name that in %s%s", s.Name, fileSuffix)
	}
	return g
}

// isFileName matches the names of settings that name a file.
var isFileName = regexp.MustCompile(`(?i)_file$|\.location$`)

var commas = regexp.MustCompile(`\s*,[\s,]*`)

func (l *loader) fileContent(s Setting, g given) given {
	content, err := os.ReadFile(g.text)
	text := strings.TrimRight(string(content), "\r\n")
	switch {
	case err != nil && (!strings.ContainsAny(g.text, `/\`) || strings.Contains(g.text, "-----BEGIN")): // perhaps the secret itself
		g.text = redacted
		l.refuse(s, g, "must be the name of a file that can be read, not what is in it; without a slash it is not shown")
	case err != nil:
		l.refuse(s, g, "must be a file that can be read: %v", errors.Unwrap(err))
	case text == "":
		l.refuse(s, g, "the file is empty")
	}
	return given{text: text, name: s.Name, place: fmt.Sprintf("%s (%s, %s)", g.text, g.name, g.place)}
}

// read gives the known settings their values, and checks each by its tags.
func (l *loader) read() {
	for _, s := range l.known {
		g := l.values[s.Name]
		err := s.parse(g.text)
		if err != nil {
			_ = s.parse("") // what depends on it is checked with the default
		} else if rule := s.field.Tag.Get("validate"); rule != "" {
			err = validate.Var(s.value.Interface(), rule)
		}
		switch {
		case err == nil || l.failed[s.Name]:
		case g.text == "" && s.Default == "":
			l.refuse(s, g, "it is required, and must be %s", strings.TrimSuffix(s.Allowed+" ("+s.Help+")", " ()"))
		default:
			l.refuse(s, g, "must be %s", s.Allowed)
		}
	}
}

// note adds what is wrong with a source.
func (l *loader) note(format string, args ...any) {
	l.problems = append(l.problems, Problem{Text: fmt.Sprintf(format, args...)})
}

// refuse adds that a setting has a value that is not allowed. A secret or a
// certificate is not shown, but the name of its file is.
func (l *loader) refuse(s Setting, g given, format string, args ...any) {
	l.failed[s.Name] = true
	text := " is not set"
	if g.text = cmp.Or(g.text, s.Default); g.text != "" {
		text = fmt.Sprintf("=%q", redact(g.text))
	}
	if s.File && g.text != "" && !isFileName.MatchString(g.name) {
		text = "=" + redacted
	}
	text = cmp.Or(g.name, s.Name) + text + ": " + fmt.Sprintf(format, args...)
	if g.place != "" {
		text = g.place + ": " + text
	}
	if l.consumer != "" {
		text = "consumer " + l.consumer + ": " + text
	}
	l.problems = append(l.problems, Problem{s.Name, text})
}

// userInfo is what comes before the host in a URL, or in a list of hosts: it may
// have a password.
var userInfo = regexp.MustCompile(`(://)\S*@|(^|,)[^,/\s]*:[^,/\s][^,\s]*@`)

// redact hides the user and password of each URL in text.
func redact(text string) string { return userInfo.ReplaceAllString(text, "${1}${2}"+redacted+"@") }

// err returns the problems since the last call.
func (l *loader) err() error {
	problems := l.problems
	l.problems = nil
	if len(problems) == 0 {
		return nil
	}
	return &Error{problems}
}
