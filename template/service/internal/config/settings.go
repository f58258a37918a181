package config

import (
	"fmt"
	"iter"
	"reflect"
	"strings"
	"time"
)

// Setting describes one setting.
type Setting struct {
	Name    string
	Default string // empty when there is none
	Allowed string // what a value must be, in words
	Doc     string // what it is for, in one line
	Secret  bool   // never shown
	File    bool   // may be given as NAME_FILE, the name of a file that holds the value
}

// fileSuffix turns a setting's name into the one that names a file.
const fileSuffix = "_FILE"

// Settings lists every setting there is, in the order of the documentation.
func Settings() []Setting {
	var all []Setting
	for f := range fields(new(Config)) {
		all = append(all, f.Setting)
	}
	return all
}

// field is a setting with its place in a Config.
type field struct {
	Setting
	value reflect.Value
	tag   reflect.StructTag
	path  string // section and field name, by which env's errors are matched
}

// text returns the field's value as it would be written in .env, or a stand-in
// for a secret.
func (f field) text() string {
	switch v := f.value.Interface().(type) {
	case []string:
		return strings.Join(v, ",")
	case string:
		if f.File && v != "" {
			return redacted // a certificate is no secret, but no help in a log either
		}
		return v
	default:
		return fmt.Sprint(v)
	}
}

// fields yields each setting of c: the sections Kafka, Ops and Log in turn.
func fields(c *Config) iter.Seq[field] {
	return func(yield func(field) bool) { walk(reflect.ValueOf(c).Elem(), yield) }
}

func walk(section reflect.Value, yield func(field) bool) bool {
	t := section.Type()
	for i := range t.NumField() {
		value, tag := section.Field(i), t.Field(i).Tag
		if !t.Field(i).IsExported() {
			continue
		}
		if value.Kind() == reflect.Struct {
			if !walk(value, yield) {
				return false
			}
			continue
		}
		f := field{value: value, tag: tag, path: t.Field(i).Name, Setting: Setting{
			Name:    tag.Get("env"),
			Default: tag.Get("envDefault"),
			Allowed: allowed(value, tag),
			Doc:     tag.Get("doc"),
			Secret:  value.Type() == reflect.TypeFor[Secret](),
			File:    tag.Get("file") == "true",
		}}
		if !yield(f) {
			return false
		}
	}
	return true
}

// allowed says in words what a setting's tags and type ask of its value.
func allowed(value reflect.Value, tag reflect.StructTag) string {
	switch value.Interface().(type) {
	case time.Duration:
		return fmt.Sprintf("a duration from %s to %s, such as 500ms or 5s", tag.Get("min"), tag.Get("max"))
	case int, int64:
		return fmt.Sprintf("a whole number from %s to %s", tag.Get("min"), tag.Get("max"))
	case bool:
		if tag.Get("oneof") == "" {
			return "true or false"
		}
	}
	if words := strings.Fields(tag.Get("oneof")); len(words) > 0 {
		last := len(words) - 1
		if last == 0 {
			return words[0]
		}
		return strings.Join(words[:last], ", ") + " or " + words[last]
	}
	if c, ok := checks[tag.Get("check")]; ok {
		return c.allowed
	}
	return "any text"
}
