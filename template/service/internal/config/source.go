package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// value is what one source says of a setting.
type value struct {
	text    string // as a variable would have it
	written string // as it stands in the source
	name    string // the setting's name in the source
	from    string // the source: environment, .env, config.yaml:12
	file    bool   // text is what the file holds that written names
	over    string // the source whose value it hides, if any: the next one
}

// The sources that have no lines.
const (
	fromDefault     = "default"
	fromEnvironment = "environment"
	fromFlag        = "--config"
	fromMap         = "map"
)

// configFile is the one setting that is read before the others.
const configFile = "CONFIG_FILE"

// source says where the value came from.
func (v value) source() string {
	source := v.from
	if v.file {
		source = fmt.Sprintf("%s (%s, %s)", v.written, v.name, v.from)
	}
	if v.over != "" {
		source += ", over " + v.over
	}
	return source
}

// where is what stands before a problem with something from a source: the
// place to look at, for sources that are files.
func where(from string) string {
	switch from {
	case fromDefault, fromEnvironment, fromFlag, fromMap:
		return ""
	}
	return from + ": "
}

// layer is what sources say, by the names that settings have in the
// environment: NAME, NAME_FILE or, for a consumer's own, CONSUMER_NAME.
type layer map[string]value

// over lays l over another layer. What l gives, be it as NAME or as NAME_FILE,
// replaces both of the other.
func (l layer) over(other layer) layer {
	merged := make(layer)
	maps.Copy(merged, other)
	for name := range l {
		name = strings.TrimSuffix(name, fileSuffix)
		delete(merged, name)
		delete(merged, name+fileSuffix)
	}
	for name, v := range l {
		plain := strings.TrimSuffix(name, fileSuffix)
		v.over = cmp.Or(v.over, other[plain].from, other[plain+fileSuffix].from)
		merged[name] = v
	}
	return merged
}

// gives reports whether l gives a setting, as NAME or as NAME_FILE.
func (l layer) gives(name string) bool {
	_, direct := l[name]
	_, byFile := l[name+fileSuffix]
	return direct || byFile
}

// reader makes a Config of what the sources say, and notes what is wrong with
// them.
type reader struct {
	problems
	known     map[string]field // the settings, by NAME and NAME_FILE
	consumers []string
}

func newReader(consumers []string) *reader {
	r := &reader{known: make(map[string]field)}
	for f := range fields(new(Config)) {
		r.known[f.Name] = f
		if f.File {
			r.known[f.Name+fileSuffix] = f
		}
	}
	for i, name := range consumers {
		switch {
		case !consumerName.MatchString(name):
			r.note("consumer %q: a name is made of lower-case letters, digits and dashes, and begins with a letter", name)
		case slices.Contains(consumers[:i], name):
			r.note("consumer %q is named twice", name)
		default:
			r.consumers = append(r.consumers, name)
		}
	}
	return r
}

// variables returns those variables of the environment or of .env that are
// settings. An empty one counts as none. Names that nobody knows are a problem
// in .env where they look like settings, which makes them typing errors, but not
// in the environment, which other programs share.
func (r *reader) variables(from string, variables map[string]string) layer {
	l := make(layer)
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		text := variables[name]
		switch {
		case !r.isVariable(name):
			r.stranger(from, name)
		case text != "":
			l[name] = value{text: text, written: text, name: name, from: from}
		}
	}
	return l
}

func (r *reader) isVariable(name string) bool {
	if _, rest, ok := r.cutConsumer(name); ok {
		name = rest
	}
	_, ok := r.known[name]
	return ok
}

// cutConsumer takes a name such as AUDIT_KAFKA_MAX_WORKERS apart, when the
// service has that consumer.
func (r *reader) cutConsumer(name string) (consumer, rest string, ok bool) {
	for _, c := range r.consumers {
		if rest, ok := strings.CutPrefix(name, prefixOf(c)); ok && strings.HasPrefix(rest, kafkaPrefix) {
			return c, rest, true
		}
	}
	return "", "", false
}

// notSettings are names in .env that belong to other programs of the project.
var notSettings = []string{"KAFKA_IMAGE"}

// stranger notes a variable that is no setting but looks like one. In the
// environment it must look very much like one: like a consumer's.
func (r *reader) stranger(from, name string) {
	before, rest, ofConsumer := strings.Cut(name, "_"+kafkaPrefix)
	consumer, own, isOurs := r.cutConsumer(name)
	_, isSetting := r.known[kafkaPrefix+rest]
	inFile := from == DotEnv
	switch {
	case slices.Contains(notSettings, name):
	case isOurs:
		if near := nearest(own, r.names(kafkaPrefix)); inFile || near != "" {
			r.unknown(from, name, orNothing(prefixOf(consumer), near))
		}
	case strings.HasPrefix(name, kafkaPrefix):
		if inFile {
			r.unknown(from, name, nearest(name, r.names("")))
		}
	case ofConsumer && isSetting:
		if near := nearest(consumerOf(before), r.consumers); inFile || near != "" {
			r.noConsumer(from, name, consumerOf(before))
		}
	case inFile:
		if near := nearest(name, r.names("")); near != "" && edits(name, near) <= slip {
			r.unknown(from, name, near)
		}
	}
}

// slip is how many edits away from a setting a name in .env is taken for a typing
// error, where it could be a variable of the handlers too.
const slip = 2

// names returns the names that settings have in the environment and that begin
// with prefix, sorted.
func (r *reader) names(prefix string) []string {
	var names []string
	for name := range r.known {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// unknown notes a name that is no setting, with the nearest that is.
func (r *reader) unknown(from, name, near string) {
	if near != "" {
		near = "; did you mean " + near + "?"
	}
	r.note("%s%s is no setting%s", where(from), name, near)
}

// orNothing returns prefix and name, or nothing without a name.
func orNothing(prefix, name string) string {
	if name == "" {
		return ""
	}
	return prefix + name
}
