package config

import (
	"reflect"
	"slices"
	"strings"
)

// entry is one name with its value, of a YAML file or of a map.
type entry struct {
	name  string
	from  string // the source
	value any    // a string, a list of them as []string, or []entry; nil is none of these
}

// consumersKey is the name under which the consumers' own settings are.
const consumersKey = "consumers"

// named makes a layer of the entries of a YAML file or a map.
func (r *reader) named(entries []entry) layer {
	l := make(layer)
	for _, e := range entries {
		if e.name == consumersKey {
			r.setConsumers(l, e)
			continue
		}
		r.set(l, "", e)
	}
	return l
}

func (r *reader) setConsumers(l layer, e entry) {
	consumers, ok := e.value.([]entry)
	if !ok && e.value != "" {
		r.note("%s%s must be names of consumers, each with its settings below it", where(e.from), e.name)
	}
	for _, c := range consumers {
		settings, ok := c.value.([]entry)
		switch {
		case !slices.Contains(r.consumers, c.name):
			r.noConsumer(c.from, consumersKey+"."+c.name, c.name)
		case !ok && c.value != "":
			r.note("%s%s.%s must be settings, each with its value", where(c.from), consumersKey, c.name)
		default:
			for _, s := range settings {
				r.set(l, c.name, s)
			}
		}
	}
}

// set puts one setting into l: the service's, or that of a named consumer.
func (r *reader) set(l layer, consumer string, e entry) {
	variable, ok := r.find(e.name)
	key, written, at := variable, e.name, where(e.from)
	if consumer != "" {
		key, written = prefixOf(consumer)+variable, strings.Join([]string{consumersKey, consumer, e.name}, ".")
	}
	v := value{name: written, from: e.from}
	switch text := e.value.(type) {
	case string:
		v.written = text
	case []string:
		v.written = strings.Join(text, ",")
	}
	_, isList := e.value.([]string)
	_, isNames := e.value.([]entry)
	earlier, again := l[key]
	switch {
	case !ok:
		r.unknown(e.from, written, r.near(e.name))
	case consumer != "" && !strings.HasPrefix(variable, kafkaPrefix):
		r.note("%s%s is not a consumer's setting, but the whole service's", at, written)
	case variable == configFile:
		r.note("%s%s names the file to read: set it in the environment, in %s or by --config", at, written, DotEnv)
	case again:
		r.note("%s%s sets %s again, after %s (%s)", at, written, key, earlier.name, earlier.from)
	case e.value == nil:
		r.note("%s%s must be text, a number, true or false, a duration, or a list of these", at, written)
	case isNames, isList && r.known[variable].value.Kind() != reflect.Slice:
		r.note("%s%s must be one value", at, written)
	case v.written != "":
		v.text = v.written
		if strings.HasSuffix(e.name, millis) && isNumber(v.written) {
			v.text += "ms"
		}
		l[key] = v
	}
}

// isNumber reports whether text is digits only.
func isNumber(text string) bool {
	return strings.Trim(text, "0123456789") == ""
}
