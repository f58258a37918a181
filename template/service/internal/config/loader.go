package config

import (
	"cmp"
	"errors"
	"fmt"
	"os"
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

// loader has what the sources say, and collects all that is wrong.
type loader struct {
	values   map[string]entry // by NAME or, for a further consumer, CONSUMER_NAME
	unread   []entry          // names that no setting has, or only a consumer's
	scopes   []*scope         // the service, and each consumer that asked for its settings
	problems []Problem
}

// scope is the service, or a further consumer, with its settings.
type scope struct {
	*loader
	consumer string // empty for the service
	prefix   string // what begins the names of the consumer's own settings
	source   *Source
	known    []Setting
	files    files
}

// files are the names of the files that hold the values of settings, by the settings'
// names.
type files map[string]string

// renew gives the settings of target, a pointer to a struct, what their files hold now.
func (f files) renew(target any) error {
	s := &scope{loader: &loader{values: make(map[string]entry)}}
	for _, setting := range Settings(target) {
		if name := f[setting.Name]; name != "" {
			s.known = append(s.known, setting)
			s.merge([]entry{{name: setting.Name + fileSuffix, text: name}})
		}
	}
	s.read()
	if len(s.problems) > 0 {
		return errors.New(s.problems[0].Text)
	}
	return nil
}

// setting returns the setting that is called name: as a variable is, NAME or
// NAME_FILE, perhaps behind the prefix of a consumer; or as in YAML and maps.
func (s *scope) setting(name string) (found Setting, prefix string) {
	for _, s := range s.known {
		if strings.EqualFold(name, s.Name) || s.File && strings.EqualFold(name, s.Name+fileSuffix) || slices.Contains(strings.Fields(s.field.Tag.Get("also")), name) {
			return s, ""
		}
	}
	for _, s := range consumerSettings { // one may be the end of another: the longest counts
		before, isConsumer := strings.CutSuffix(strings.TrimSuffix(strings.ToUpper(name), fileSuffix), "_"+s.Name)
		if isConsumer && before+"_" != sourcePrefix && len(s.Name) > len(found.Name) {
			found, prefix = s, before+"_"
		}
	}
	return found, prefix
}

// merge adds what a source says below the sources before it. An empty value
// counts as none, but in the override it hides the others. An unknown name is an
// error where it can only be the service's; .env may be for other programs too.
func (s *scope) merge(source []entry) {
	earlier := make(map[string]entry)
	for _, e := range source {
		setting, prefix := s.setting(e.name)
		name := prefix + setting.Name
		switch {
		case e.place == fromEnvironment || e.name == sourcePrefix+"IMAGE": // the tests' own
		case setting.Name == "" && (!isDotEnv(e) || strings.HasPrefix(e.name, sourcePrefix)):
			s.addProblem("%s: %s is not a setting; the config command lists those that are", e.place, e.name)
		case setting.Name == "" || prefix != "":
			s.unread = append(s.unread, e)
		}
		if setting.Name == "" {
			continue
		}
		other, again := earlier[name]
		if again && (e.name == other.name || e.text != "" && other.text != "") {
			s.addProblem("%s: %s and %s (%s) give the same setting: keep one", e.place, e.name, other.name, other.place)
		}
		if !again || e.text != "" {
			earlier[name] = e
		}
		if e.text == "" && e.place != fromOverride {
			continue
		}
		_, hidden := s.values[name]
		isOverridden := e.place != fromOverride && s.values[setting.Name].place == fromOverride // for all consumers
		if !hidden && !isOverridden {
			s.values[name] = s.resolve(setting, e)
		}
	}
}

func isDotEnv(e entry) bool { return strings.HasPrefix(e.place, dotEnv+":") }

// find returns what the sources say of a setting, and whether it is the
// consumer's own.
func (s *scope) find(name string) (e entry, isOwn bool) {
	if e, isOwn = s.values[s.prefix+name]; isOwn {
		return e, true
	}
	return s.values[name], false
}

// resolve returns what e stands for: the content of the file that it names, without
// the line break at its end. Line breaks at the end of a value itself are those of a
// Kubernetes secret.
func (s *scope) resolve(setting Setting, e entry) entry {
	e.text = strings.TrimRight(e.text, "\r\n")
	switch {
	case setting.File && isFileName.MatchString(e.name):
		content, err := os.ReadFile(e.text)
		text := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
		switch line := strings.TrimRight(text, "\r\n"); {
		case err != nil:
			s.refuse(setting, e, "must be a file that can be read: %v", errors.Unwrap(err))
		case line == "":
			s.refuse(setting, e, "the file is empty")
		case line != text && !strings.Contains(line, "\n"):
			s.refuse(setting, e, "the file has a second line break at its end: remove it")
		}
		return entry{text: text, name: setting.Name, file: e.text, place: fmt.Sprintf("%s (%s, %s)", e.text, e.name, e.place)}
	case setting.Secret && strings.TrimSpace(e.text) != e.text:
		s.refuse(setting, e, "has a blank at an end: remove it, or put the value in a file and name that in %s%s", setting.Name, fileSuffix)
	case strings.HasSuffix(e.name, ".ms") && strings.Trim(e.text, "0123456789") == "":
		e.text += "ms" // as other clients of the broker mean it
	}
	return e
}

// read gives the known settings their values, and checks each by its tags. One
// that is wrong gets its default. What is not the consumer's own was checked
// with the service's.
func (s *scope) read() {
	s.files = make(files)
	for _, setting := range s.known {
		e, isOwn := s.find(setting.Name)
		if e.file != "" {
			s.files[setting.Name] = e.file
		}
		err := setting.parse(e.text)
		if err == nil {
			err = s.check(setting)
		}
		if err != nil {
			_ = setting.parse("")
		}
		switch {
		case s.consumer != "" && !isOwn:
		case err == nil && e.place == fromEnvironment && inQuotes.MatchString(e.text):
			s.refuse(setting, e, "is in quotes, which --env-file of docker leaves there: remove them")
		case err == nil:
		case e.text == "" && setting.Default == "" && setting.Allowed == "text":
			s.refuse(setting, e, "required: %s", cmp.Or(setting.Help, setting.Allowed))
		case e.text == "" && setting.Default == "":
			s.refuse(setting, e, "required: %s", strings.TrimSuffix(setting.Allowed+" ("+setting.Help+")", " ()"))
		case setting.File:
			s.refuse(setting, e, "must be %s, or in a file that %s names", setting.Allowed, s.prefix+setting.Name+fileSuffix)
		default:
			s.refuse(setting, e, "must be %s", setting.Allowed)
		}
	}
}

// check checks the value of a setting by its tag. On a wrong tag the validator panics.
func (s *scope) check(setting Setting) error {
	rule := setting.field.Tag.Get("validate")
	defer func() {
		if v := recover(); v != nil {
			s.addProblem("own setting %s: wrong validate tag %q: %s", setting.Name, rule, strings.TrimSuffix(fmt.Sprint(v), " on field ''"))
		}
	}()
	return validate.Var(setting.value.Interface(), rule)
}

// refuse adds that a setting has a value that is not allowed.
func (s *scope) refuse(setting Setting, e entry, format string, args ...any) {
	text := cmp.Or(e.name, setting.Name)
	if e.place != "" {
		text = e.place + ": " + text
	}
	if s.consumer != "" {
		text = "consumer " + s.consumer + ": " + text
	}
	switch value := setting.show(e); value {
	case "":
		text += " is not set"
	case redacted:
		text += "=" + redacted
	default:
		text += fmt.Sprintf("=%q", value)
	}
	s.problems = append(s.problems, Problem{s.prefix + setting.Name, text + fmt.Sprintf(": "+format, args...)})
}

// require refuses a value that does not fit to other settings.
func (s *scope) require(ok bool, name, format string, args ...any) {
	if !ok {
		setting, _ := s.setting(name)
		e, _ := s.find(name)
		s.refuse(setting, e, format, args...)
	}
}

// addProblem adds what is wrong with a source.
func (l *loader) addProblem(format string, args ...any) {
	l.problems = append(l.problems, Problem{Text: fmt.Sprintf(format, args...)})
}

// isWrong reports whether one of the settings, the service's or the consumer's own, is
// wrong, or may be, because a source is.
func (s *scope) isWrong(settings []Setting) bool {
	return slices.ContainsFunc(s.problems, func(p Problem) bool {
		is := func(one Setting) bool { return p.Setting == one.Name || p.Setting == s.prefix+one.Name }
		return p.Setting == "" || slices.ContainsFunc(settings, is)
	})
}

// err returns the problems but for the first of them.
func (l *loader) err(first int) error {
	if len(l.problems) == first {
		return nil
	}
	return &Error{slices.Clone(l.problems[first:])}
}
