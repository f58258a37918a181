package config

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	var text strings.Builder
	text.WriteString("configuration:")
	for _, p := range e.Problems {
		text.WriteString("\n  " + p.Text)
	}
	return text.String()
}

// loader gives settings their values, and collects all that is wrong.
type loader struct {
	consumer string // whose settings these are; empty for the service's
	known    []Setting
	values   map[string]given // by NAME or, for a further consumer, CONSUMER_NAME
	problems []Problem
	unread   []given // names of .env and YAML that no setting has, or only a consumer's
}

// newLoader returns a loader for the settings of the service and of its own code.
func newLoader(service, own any) *loader {
	l := &loader{known: Settings(service), values: make(map[string]given)}
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
	if before, rest, ofConsumer := strings.Cut(strings.ToUpper(name), "_"+kafkaPrefix); ofConsumer {
		s, _ = l.setting(kafkaPrefix + rest)
		return s, before + "_"
	}
	return Setting{}, ""
}

// merge adds what a source says below the sources before it. An empty value
// counts as none, but in the override it hides the others.
func (l *loader) merge(source []given) {
	earlier := make(map[string]given)
	for _, g := range source {
		s, prefix := l.setting(g.name)
		name := prefix + s.Name
		isShared := g.place == fromOverride || g.place == fromEnvironment || g.place == fromFlag // with other programs
		isDotEnv := strings.HasPrefix(g.place, dotEnv)
		switch {
		case isShared || g.name == "KAFKA_IMAGE": // the tests' own
		case name == "" && (!isDotEnv || strings.HasPrefix(g.name, kafkaPrefix)):
			l.note("%s: %s is not a setting", g.place, g.name)
		case s.Name == "" || prefix != "":
			l.unread = append(l.unread, g)
		}
		if s.Name == "" || g.text == "" && g.place != fromOverride {
			continue
		}
		if other, again := earlier[name]; again {
			l.note("%s: %s and %s (%s) give the same setting: keep one", g.place, g.name, other.name, other.place)
		}
		earlier[name] = g
		if _, hidden := l.values[name]; !hidden {
			l.values[name] = l.content(s, g)
		}
	}
}

// content returns what g stands for: the content of the file that it names;
// without line breaks at its end, as in files and secrets of Kubernetes; without
// blanks between the elements of a list.
func (l *loader) content(s Setting, g given) given {
	g.text = strings.TrimRight(g.text, "\r\n")
	switch {
	case s.File && isFileName.MatchString(g.name):
		content, err := os.ReadFile(g.text)
		text := strings.TrimRight(string(content), "\r\n")
		if err != nil {
			l.refuse(s, g, "must be a file that can be read: %v", errors.Unwrap(err))
		} else if text == "" {
			l.refuse(s, g, "the file is empty")
		}
		return given{text: text, name: s.Name, place: fmt.Sprintf("%s (%s, %s)", g.text, g.name, g.place)}
	case s.Secret && g.cut:
		l.refuse(s, g, "a # after a blank begins a comment: put the value in single quotes, or the comment on a line of its own")
	case s.Secret && strings.TrimSpace(g.text) != g.text:
		l.refuse(s, g, "has a blank at an end: remove it, or put the value in a file and name that in %s%s", s.Name, fileSuffix)
	case s.value.Kind() == reflect.Slice:
		g.text = strings.Trim(commas.ReplaceAllString(g.text, ","), ", ")
	case strings.HasSuffix(g.name, ".ms") && strings.Trim(g.text, "0123456789") == "":
		g.text += "ms" // as Kafka's clients mean it
	}
	return g
}

var (
	isFileName = regexp.MustCompile(`(?i)_file$|\.location$`) // of a setting that names a file
	commas     = regexp.MustCompile(`\s*,[\s,]*`)
)

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
		case err == nil:
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
// certificate is not shown, but the whole path of its file is.
func (l *loader) refuse(s Setting, g given, format string, args ...any) {
	var text strings.Builder
	if l.consumer != "" {
		text.WriteString("consumer " + l.consumer + ": ")
	}
	if g.place != "" {
		text.WriteString(g.place + ": ")
	}
	text.WriteString(cmp.Or(g.name, s.Name))
	switch value := cmp.Or(g.text, s.Default); {
	case value == "":
		text.WriteString(" is not set")
	case s.File && (!isFileName.MatchString(g.name) || !filepath.IsAbs(value)): // perhaps the secret itself
		text.WriteString("=" + redacted)
	default:
		fmt.Fprintf(&text, "=%q", redact(value))
	}
	fmt.Fprintf(&text, ": "+format, args...)
	l.problems = append(l.problems, Problem{s.Name, text.String()})
}

// relate refuses a value that does not fit to other settings.
func (l *loader) relate(ok bool, name, format string, args ...any) {
	if !ok {
		s, _ := l.setting(name)
		l.refuse(s, l.values[name], format, args...)
	}
}

// err returns the problems since the last call.
func (l *loader) err() error {
	problems := l.problems
	l.problems = nil
	if len(problems) == 0 {
		return nil
	}
	return &Error{problems}
}
