package config

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
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

// concerns reports whether settings whose names begin with prefix are wrong, or
// may be because a source is.
func (p Problem) concerns(prefix string) bool {
	return p.Setting == "" || p.Setting == configFile || strings.HasPrefix(p.Setting, prefix)
}

// loader gives settings their values, and collects all that is wrong.
type loader struct {
	consumer string // whose settings these are; empty for the service's
	prefix   string // what begins the names of the consumer's own settings
	kafka    *Kafka
	known    []Setting
	over     map[string]given // the override, by NAME or CONSUMER_NAME
	values   map[string]given // what the other sources say
	unread   []given          // names that no setting has, or only a consumer's
	problems []Problem
}

// newLoader returns a loader for the settings of the service and of its own code.
func newLoader(service, own any) *loader {
	l := &loader{known: Settings(service), over: make(map[string]given), values: make(map[string]given)}
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
// counts as none, but in the override it hides the others. A strange name is an
// error where it can only be the service's; .env may be for other programs too.
func (l *loader) merge(source []given) {
	earlier := make(map[string]given)
	for _, g := range source {
		s, prefix := l.setting(g.name)
		name := prefix + s.Name
		switch {
		case g.place == fromEnvironment || g.name == "KAFKA_IMAGE": // the tests' own
		case s.Name == "" && (!isDotEnv(g) || strings.HasPrefix(g.name, kafkaPrefix)):
			l.note("%s: %s is not a setting; the config command lists those that are", g.place, g.name)
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
		values := l.values
		if g.place == fromOverride {
			values = l.over
		}
		if _, hidden := values[name]; !hidden {
			values[name] = l.content(s, g)
		}
	}
}

func isDotEnv(g given) bool { return strings.HasPrefix(g.place, dotEnv+":") }

// find returns what the sources say of a setting, and whether it is the
// consumer's own. The override of a setting goes over a consumer's own value.
func (l *loader) find(name string) (g given, own bool) {
	for _, values := range []map[string]given{l.over, l.values} {
		if g, own = values[l.prefix+name]; own {
			return g, true
		}
		if g, ok := values[name]; ok {
			return g, false
		}
	}
	return given{}, false
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
	case strings.HasSuffix(g.name, ".ms"): // as Kafka's clients mean it
		if n, err := strconv.Atoi(g.text); err == nil {
			g.text = (time.Duration(n) * time.Millisecond).String()
		}
	}
	return g
}

var (
	isFileName = regexp.MustCompile(`(?i)_file$|\.location$`) // of a setting that names a file
	commas     = regexp.MustCompile(`\s*,[\s,]*`)
)

// read gives the known settings their values, and checks each by its tags. One
// that is wrong gets its default. What is not the consumer's own was checked
// with the service's.
func (l *loader) read() {
	for _, s := range l.known {
		g, own := l.find(s.Name)
		err := s.parse(g.text)
		if rule := s.field.Tag.Get("validate"); err == nil && rule != "" {
			err = validate.Var(s.value.Interface(), rule)
		}
		if err == nil {
			continue
		}
		_ = s.parse("")
		switch {
		case l.consumer != "" && !own:
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

// refuse adds that a setting has a value that is not allowed.
func (l *loader) refuse(s Setting, g given, format string, args ...any) {
	var text strings.Builder
	if l.consumer != "" {
		text.WriteString("consumer " + l.consumer + ": ")
	}
	if g.place != "" {
		text.WriteString(g.place + ": ")
	}
	text.WriteString(cmp.Or(g.name, s.Name))
	switch value := s.show(g); value {
	case "":
		text.WriteString(" is not set")
	case redacted:
		text.WriteString("=" + redacted)
	default:
		fmt.Fprintf(&text, "=%q", value)
	}
	fmt.Fprintf(&text, ": "+format, args...)
	l.problems = append(l.problems, Problem{s.Name, text.String()})
}

// relate refuses a value that does not fit to other settings.
func (l *loader) relate(ok bool, name, format string, args ...any) {
	if !ok {
		s, _ := l.setting(name)
		g, _ := l.find(name)
		l.refuse(s, g, format, args...)
	}
}

// isWrong reports whether settings whose names begin with prefix are wrong.
func (l *loader) isWrong(prefix string) bool {
	return slices.ContainsFunc(l.problems, func(p Problem) bool { return p.concerns(prefix) })
}

func (l *loader) err() error {
	if len(l.problems) == 0 {
		return nil
	}
	return &Error{l.problems}
}
