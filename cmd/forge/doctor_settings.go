package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ouroboros-forge/forge/internal/answers"
)

// variable is a line of .env.
type variable struct {
	name, value string
	line        int
}

// readDotEnv reads names and plain values; no file is no variables. What is wrong
// with a value the service itself tells.
func readDotEnv(file string) ([]variable, error) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file, and is not read", filepath.Base(file)) // a pipe would never end
	}
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var found []variable
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimPrefix(strings.TrimSpace(line), "export ")
		name, value, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		value = strings.TrimSpace(value)
		if quote := strings.IndexAny(value, `"'`); quote == 0 {
			value, _, _ = strings.Cut(value[1:], value[:1])
		} else {
			value, _, _ = strings.Cut(value, " #")
		}
		found = append(found, variable{strings.TrimSpace(name), strings.TrimSpace(value), i + 1})
	}
	return found, nil
}

// setting is a value as the service would have it: the environment's, or that of
// .env.
func setting(dotEnv []variable, name string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	for _, v := range dotEnv {
		if v.name == name {
			return v.value
		}
	}
	return ""
}

var aName = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)

// checkNames reports what .env sets and nothing reads.
func (s *site) checkNames(dotEnv []variable) []check {
	known, prefixes, err := s.settings()
	if err != nil {
		return []check{wrong("settings", "take it from version control", "docs/settings.md tells the settings, and cannot be read: %v", err)}
	}
	var checks []check
	lines := make(map[string]int)
	for _, v := range dotEnv {
		if first := lines[v.name]; first > 0 && aName.MatchString(v.name) {
			checks = append(checks, wrong("settings", "take one of them out: the service refuses two", ".env:%d: %s is there already, in line %d", v.line, v.name, first))
		}
		lines[v.name] = v.line
		if isKnown(v.name, known, prefixes) {
			continue
		}
		if !aName.MatchString(v.name) { // it may be a part of a secret
			checks = append(checks, wrong("settings", "a name has capitals, digits and _; put a value of several lines in quotes", ".env:%d: this is no setting", v.line))
			continue
		}
		todo := "take it out, or read it in the Settings of app/app.go"
		if name := nearest(v.name, slices.Sorted(maps.Keys(known))); name != "" {
			todo = "is " + name + " meant? Otherwise take it out, or read it in the Settings of app/app.go"
		}
		checks = append(checks, wrong("settings", todo, ".env:%d: nothing reads %q", v.line, v.name))
	}
	checks = append(checks, s.checkRequired(dotEnv)...)
	switch {
	case len(checks) > 0:
	case !s.hasDotEnv():
		checks = append(checks, fine("settings", "there is no .env, and the environment has what is required"))
	default:
		checks = append(checks, fine("settings", ".env has %s, all known", count(len(dotEnv), "name")))
	}
	return checks
}

func (s *site) hasDotEnv() bool {
	_, err := s.disk.File(".env")
	return err == nil
}

// checkRequired reports the settings without which the service does not start, as far as
// a YAML file does not have them. That of the brokers is checked with these.
func (s *site) checkRequired(dotEnv []variable) (checks []check) {
	if setting(dotEnv, "CONFIG_FILE") != "" {
		return nil
	}
	todo := "set it in .env, unless a YAML file has it"
	if !s.hasDotEnv() {
		todo = "`cp .env.example .env`, and set it there, unless a YAML file has it"
	}
	names := s.ownRequired()
	if len(s.registered()) > 0 {
		_, group := answers.SettingsOf(s.record.Answers.Source)
		names = append(names, group)
	}
	for _, name := range names {
		if setting(dotEnv, name)+setting(dotEnv, name+"_FILE") == "" {
			checks = append(checks, wrong("settings", todo, "%s is required, and set neither in .env nor in the environment", name))
		}
	}
	return checks
}

// ownRequired are the required settings of the user's own Settings in app/. Of a nested
// struct they are known where it is written out there.
func (s *site) ownRequired() (names []string) {
	for _, name := range s.disk.GoFiles() {
		source, err := s.disk.File(name)
		if path.Dir(name) != "app" || err != nil {
			continue
		}
		file, _ := parser.ParseFile(token.NewFileSet(), name, source.Content, parser.SkipObjectResolution) // as above
		if file == nil {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.Name == "Settings" {
				names = append(names, required(spec.Type, "")...)
			}
			return true
		})
	}
	return names
}

// required are the names that fields of a struct must have.
func required(typ ast.Expr, prefix string) (names []string) {
	fields, ok := typ.(*ast.StructType)
	if !ok {
		return nil
	}
	for _, field := range fields.Fields.List {
		var tag reflect.StructTag
		if field.Tag != nil {
			text, _ := strconv.Unquote(field.Tag.Value) // a tag that is no string has no key
			tag = reflect.StructTag(text)
		}
		names = append(names, required(field.Type, prefix+tag.Get("envPrefix"))...)
		name, options, _ := strings.Cut(tag.Get("env"), ",")
		_, hasDefault := tag.Lookup("envDefault")
		rules := strings.Split(options+","+tag.Get("validate"), ",")
		if name != "" && !hasDefault && slices.Contains(rules, "required") {
			names = append(names, prefix+name)
		}
	}
	return names
}

// isKnown reports whether a service reads the name: as it stands, for a further
// consumer (AUDIT_MAX_WORKERS), or below the prefix of a nested struct. KAFKA is no
// consumer's name.
func isKnown(name string, known map[string]bool, prefixes []string) bool {
	if known[name] {
		return true
	}
	for at, r := range name {
		if r == '_' && known[name[at+1:]] && name[:at] != "KAFKA" {
			return true
		}
	}
	for i, prefix := range prefixes {
		rest, ok := strings.CutPrefix(name, prefix)
		others := slices.Delete(slices.Clone(prefixes), i, i+1)
		if ok && isKnown(rest, known, others) {
			return true
		}
	}
	return false
}

// listed is a row of a table in docs/settings.md; what has a † may be in a file.
var listed = regexp.MustCompile("(?m)^\\| `([A-Z][A-Z0-9_]*)`( †)?")

// settings are the names that docs/settings.md lists, and those of tags in the
// user's own code.
func (s *site) settings() (known map[string]bool, prefixes []string, err error) {
	doc, err := s.disk.File("docs/settings.md")
	if err != nil {
		return nil, nil, err
	}
	known = make(map[string]bool)
	for _, row := range listed.FindAllSubmatch(doc.Content, -1) {
		name := string(row[1])
		known[name] = true
		if len(row[2]) > 0 {
			known[name+"_FILE"] = true
		}
	}
	for _, name := range s.disk.GoFiles() {
		source, err := s.disk.File(name)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		file, _ := parser.ParseFile(token.NewFileSet(), name, source.Content, parser.SkipObjectResolution) // what does not parse, the compiler tells
		if file == nil {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if field, ok := n.(*ast.Field); ok && field.Tag != nil {
				prefixes = append(prefixes, addTags(field, known)...)
			}
			return true
		})
	}
	return known, prefixes, nil
}

// addTags adds the names that a field is read from, and returns its prefix.
func addTags(field *ast.Field, known map[string]bool) (prefixes []string) {
	text, _ := strconv.Unquote(field.Tag.Value) // a tag that is no string has no key
	tag := reflect.StructTag(text)
	if name, _, _ := strings.Cut(tag.Get("env"), ","); name != "" {
		known[name] = true
		secret, _ := field.Type.(*ast.SelectorExpr)
		if tag.Get("file") == "true" || secret != nil && secret.Sel.Name == "Secret" {
			known[name+"_FILE"] = true
		}
	}
	if prefix := tag.Get("envPrefix"); prefix != "" {
		prefixes = append(prefixes, prefix)
	}
	return prefixes
}
