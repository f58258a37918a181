package config

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Setting describes one setting.
type Setting struct {
	Name    string
	Default string // empty when there is none
	Allowed string // what a value must be, in words
	Help    string // what it is for, in one line
	Secret  bool   // never shown
	File    bool   // may be given as NAME_FILE, the name of a file that holds the value

	value  reflect.Value
	field  reflect.StructField
	prefix string // from envPrefix, part of Name
}

// fileSuffix turns a setting's name into the one that names a file.
const fileSuffix = "_FILE"

// Settings lists the settings of target, a pointer to a struct with the tags of
// this package, such as new(Config); none of nil.
func Settings(target any) []Setting {
	if target == nil {
		return nil
	}
	return appendSettings(nil, reflect.ValueOf(target).Elem(), "")
}

func appendSettings(all []Setting, section reflect.Value, prefix string) []Setting {
	for f, value := range section.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("env"), ",")
		switch {
		case !f.IsExported() || name == "-":
		case name != "":
			secret := f.Type == reflect.TypeFor[Secret]()
			all = append(all, Setting{
				Name: prefix + name, Default: f.Tag.Get("envDefault"), Allowed: allowed(f), Help: f.Tag.Get("help"),
				Secret: secret, File: secret || f.Tag.Get("file") == "true", value: value, field: f, prefix: prefix,
			})
		case value.Kind() == reflect.Struct:
			all = appendSettings(all, value, prefix+f.Tag.Get("envPrefix"))
		}
	}
	return all
}

// kinds are what a value of a type must be, in words; others are text.
var kinds = map[string]string{
	"time.Duration": "a duration such as 500ms or 5s", "bool": "true or false",
	"int": "a whole number", "int64": "a whole number", "uint16": "a whole number", "float64": "a number",
}

// allowed says in words what a field's type and tags ask of its value.
func allowed(f reflect.StructField) string {
	rule := strings.NewReplacer("required", "", "omitempty", "", "dive", "", "min=", "from ", ",max=", " to ").Replace(f.Tag.Get("validate"))
	rule = strings.Trim(rule, ",")
	if words, ok := strings.CutPrefix(rule, "oneof="); ok {
		return "one of " + strings.ReplaceAll(words, " ", ", ")
	}
	what := cmp.Or(kinds[f.Type.String()], "text") + ", " + rule
	return cmp.Or(f.Tag.Get("allowed"), rules[rule].words, strings.TrimSuffix(what, ", "))
}

// parse gives the setting's field the value of text, or the default without one.
// env takes a struct: here one of this field alone, so that an error is about it.
func (s Setting) parse(text string) error {
	environment := make(map[string]string)
	if text != "" {
		environment[s.Name] = text
	}
	one := reflect.New(reflect.StructOf([]reflect.StructField{{Name: "Value", Type: s.field.Type, Tag: s.field.Tag}}))
	one.Elem().Field(0).Set(s.value)
	err := env.ParseWithOptions(one.Interface(), env.Options{Environment: environment, Prefix: s.prefix})
	if err == nil {
		s.value.Set(one.Elem().Field(0))
	}
	return err
}

// String returns the value of the setting's field as it would be written in
// .env, redacted.
func (s Setting) String() string {
	text := fmt.Sprint(s.value)
	if s.value.Kind() == reflect.Struct { // url.URL has its String on the pointer
		text = fmt.Sprint(s.value.Addr())
	} else if list, ok := s.value.Interface().([]string); ok {
		text = strings.Join(list, ",")
	}
	if s.File && text != "" {
		return redacted // a certificate is no secret, but no help in a log either
	}
	return redact(text)
}

// Secret is a string that no log, error or format verb shows. Convert it to a
// string where it is used.
type Secret string

const redacted = "[redacted]"

// Format writes a stand-in, or nothing for an empty secret, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) {
	text, _ := s.MarshalText()
	_, _ = f.Write(text)
}

// MarshalText returns a stand-in, or nothing for an empty secret. JSON, YAML and
// slog ask for it.
func (s Secret) MarshalText() ([]byte, error) {
	if s == "" {
		return nil, nil
	}
	return []byte(redacted), nil
}
