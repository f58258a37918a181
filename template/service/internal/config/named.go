package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// entry is a name with its value, of a YAML file or of a map.
type entry struct {
	value       // without a text
	content any // a string, a []string or a []entry; nil is one that was refused
}

// consumersKey is the name under which the consumers' own settings are.
const consumersKey = "consumers"

// named makes a layer of the entries of a YAML file or of a map.
func (l *loader) named(entries []entry) layer {
	found := make(layer)
	for _, e := range entries {
		if e.name != consumersKey {
			l.set(found, "", e)
			continue
		}
		for _, consumer := range l.below(e) {
			for _, own := range l.below(consumer) {
				l.set(found, consumer.name, own)
			}
		}
	}
	return found
}

// below returns the entries that an entry has for its value.
func (l *loader) below(e entry) []entry {
	entries, ok := e.content.([]entry)
	if !ok && e.content != nil && e.content != "" {
		l.note("%s must have names with values below it", e.at())
	}
	return entries
}

// set puts a setting into found: the service's, or that of a consumer.
func (l *loader) set(found layer, consumer string, e entry) {
	name, v := variableOf(e.name), e.value
	f, known := l.setting(name)
	if consumer != "" {
		name, v.name = prefixOf(consumer)+name, strings.Join([]string{consumersKey, consumer, e.name}, ".")
	}
	switch content := e.content.(type) {
	case string:
		v.text = content
	case []string:
		v.text = strings.Join(content, ",")
	}
	_, isEntries := e.content.([]entry)
	_, isList := e.content.([]string)
	earlier, again := found[name]
	switch {
	case !known:
		l.unknown(v, strings.ToLower(e.name), l.names())
	case consumer != "" && !strings.HasPrefix(f.Name, kafkaPrefix):
		l.note("%s is not a consumer's setting, but the whole service's", v.at())
	case name == configFile:
		l.note("%s names the file to read: set it in the environment, in %s or by --config", v.at(), DotEnv)
	case again:
		l.note("%s sets %s again, after %s", v.at(), name, earlier.at())
	case isEntries, isList && f.value.Kind() != reflect.Slice:
		l.note("%s must be one value", v.at())
	default:
		if strings.HasSuffix(e.name, ".ms") && v.text != "" && strings.Trim(v.text, "0123456789") == "" {
			v.text += "ms" // as Kafka's clients mean it
		}
		found[name] = v
	}
}

// entriesOf returns a map's entries, sorted by name.
func (l *loader) entriesOf(m reflect.Value) []entry {
	entries := []entry{}
	for key, content := range m.Seq2() {
		e := entry{value: value{name: fmt.Sprint(key), file: fromMap}}
		e.content = l.mapValue(e, content.Interface())
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return entries
}

// mapValue returns what yamlValue does, for a value of Go.
func (l *loader) mapValue(e entry, content any) any {
	v := reflect.ValueOf(content)
	switch v.Kind() {
	case reflect.Invalid: // nil is none, as null is in YAML
		return ""
	case reflect.String: // a Secret too, which fmt would redact
		return v.String()
	case reflect.Float32, reflect.Float64: // a number of JSON
		return strconv.FormatFloat(v.Float(), 'f', -1, 64)
	case reflect.Map:
		return l.entriesOf(v)
	case reflect.Slice, reflect.Array:
		list := []string{}
		for _, element := range v.Seq2() {
			text, _ := l.mapValue(e, element.Interface()).(string)
			list = append(list, text)
		}
		return list
	case reflect.Struct, reflect.Pointer, reflect.Func, reflect.Chan, reflect.Complex64, reflect.Complex128:
		l.note("%s must be text, a number, true or false, a duration, or a list of these", e.at())
		return nil
	}
	return fmt.Sprint(content)
}
