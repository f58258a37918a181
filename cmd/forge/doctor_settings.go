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
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
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
	for _, v := range dotEnv {
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
	if len(checks) == 0 {
		checks = append(checks, fine("settings", ".env has %s, all known", count(len(dotEnv), "name")))
	}
	return checks
}

// isKnown reports whether a service reads the name: as it stands, for a further
// consumer, or below the prefix of a nested struct.
func isKnown(name string, known map[string]bool, prefixes []string) bool {
	if known[name] {
		return true
	}
	if at := strings.Index(name, "_KAFKA_"); at > 0 && isKnown(name[at+1:], known, nil) {
		return true
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
