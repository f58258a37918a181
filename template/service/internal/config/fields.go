package config

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Setting describes one setting.
type Setting struct {
	Name    string
	Default string // empty when there is none
	Allowed string // what a value must be, in words
	Help    string // what it is for, in one line
	Secret  bool   // never shown
	File    bool   // may be given as NAME_FILE, the name of a file that holds the value
}

// fileSuffix turns a setting's name into the one that names a file.
const fileSuffix = "_FILE"

// Settings lists the service's settings in the order of the documentation, and
// after them those of own, a pointer to a struct of the service's own code, or
// nil.
func Settings(own any) []Setting {
	var all []Setting
	for _, f := range append(fieldsOf(new(Config)), fieldsOf(own)...) {
		all = append(all, f.Setting)
	}
	return all
}

// field is a setting with its place in a struct.
type field struct {
	Setting
	value  reflect.Value
	tag    reflect.StructTag
	path   string // Kafka.Brokers, by which validator's errors are matched
	prefix string // from envPrefix, part of Name
}

// fieldsOf returns each setting of a pointer to a struct, nested structs included.
func fieldsOf(target any) []field {
	if target == nil {
		return nil
	}
	return appendFields(nil, reflect.ValueOf(target).Elem(), "", "")
}

func appendFields(all []field, section reflect.Value, path, prefix string) []field {
	for f, value := range section.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("env"), ",")
		switch {
		case !f.IsExported():
		case name != "" && name != "-":
			secret := f.Type == reflect.TypeFor[Secret]()
			all = append(all, field{value: value, tag: f.Tag, path: path + f.Name, prefix: prefix, Setting: Setting{
				Name:    prefix + name,
				Default: f.Tag.Get("envDefault"),
				Allowed: allowed(f.Type, f.Tag),
				Help:    f.Tag.Get("help"),
				Secret:  secret,
				File:    secret || f.Tag.Get("file") == "true",
			}})
		case value.Kind() == reflect.Struct:
			all = appendFields(all, value, path+f.Name+".", prefix+f.Tag.Get("envPrefix"))
		}
	}
	return all
}

// text returns the field's value as it would be written in .env, redacted.
func (f field) text() string {
	switch v := f.value.Interface().(type) {
	case []string:
		return redact(strings.Join(v, ","))
	case string:
		if f.File && v != "" {
			return redacted // a certificate is no secret, but no help in a log either
		}
		return redact(v)
	default:
		if f.value.Kind() == reflect.Struct { // url.URL has its String on the pointer
			v = f.value.Addr().Interface()
		}
		return redact(fmt.Sprint(v))
	}
}

// missing is what an error says of a setting that is required and not set.
func (f field) missing() string {
	text := "it must be " + f.Allowed
	if f.Allowed == "text" {
		text = "it is required"
	}
	if f.Help != "" {
		text += " (" + f.Help + ")"
	}
	return text
}

// allowed says in words what a field's type and tags ask of its value.
func allowed(t reflect.Type, tag reflect.StructTag) string {
	if words := tag.Get("allowed"); words != "" {
		return words
	}
	var least, most string
	var others []string
	for rule := range strings.SplitSeq(tag.Get("validate"), ",") {
		switch name, parameter, _ := strings.Cut(rule, "="); name {
		case "oneof":
			words := strings.Fields(parameter)
			last := len(words) - 1
			return strings.TrimPrefix(strings.Join(words[:last], ", ")+" or "+words[last], " or ")
		case "min", "gte":
			least = parameter
		case "max", "lte":
			most = parameter
		case "", "required", "omitempty", "dive":
		default:
			others = append(others, rule)
		}
	}
	what, such := "text", ""
	switch kind := t.Kind(); {
	case t == reflect.TypeFor[time.Duration]():
		what, such = "a duration", ", such as 500ms or 5s"
	case kind == reflect.Bool:
		what = "true or false"
	case kind >= reflect.Int && kind <= reflect.Uint64:
		what = "a whole number"
	case kind == reflect.Float32 || kind == reflect.Float64:
		what = "a number"
	case least+most != "":
		what = "text with a length"
	}
	switch {
	case least != "" && most != "":
		what += " from " + least + " to " + most
	case least+most != "":
		what += map[bool]string{true: " of at least ", false: " of at most "}[least != ""] + cmp.Or(least, most)
	}
	if len(others) > 0 {
		such += " that passes " + strings.Join(others, ", ")
	}
	return what + such
}
