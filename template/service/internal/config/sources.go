package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// variables returns what a source of variables says, sorted by name. Those of the
// environment are in upper case.
func variables(source string, texts map[string]string) (found []entry) {
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		if source != fromEnvironment || name == strings.ToUpper(name) {
			found = append(found, entry{name: name, text: texts[name], place: source})
		}
	}
	return found
}

var (
	// assignment matches NAME=value: the name; the value in single quotes, in double
	// quotes or without; and a comment behind it.
	assignment = regexp.MustCompile(`^(?:export[ \t]+)?([\w.]+)[ \t]*=[ \t]*(?:'([^']*)'|"((?:[^"\\]|\\["\\$nr])*)"|([^'"].*?)?)([ \t]+#.*)?$`)
	// variable matches what a shell puts a variable or the output of a command for.
	variable = regexp.MustCompile(`(^|[^\\])\$[\w{(]`)
	escapes  = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\$`, "$", `\n`, "\n", `\r`, "\r") // in double quotes
)

// readDotEnv reads .env, if there is one. What a shell would read as something else is
// refused; so is a comment behind a secret, which may be a part of it.
func (s *scope) readDotEnv() (found []entry) {
	content, err := os.ReadFile(dotEnv)
	if err != nil && !os.IsNotExist(err) {
		s.addProblem("%v", err)
	}
	for i, line := range strings.Split(strings.TrimPrefix(string(content), "\ufeff"), "\n") {
		line = strings.Trim(line, " \t\r")
		if line == "" || line[0] == '#' {
			continue
		}
		place := fmt.Sprintf("%s:%d", dotEnv, i+1)
		m := assignment.FindStringSubmatch(line)
		if m == nil { // the line may have a secret in it
			s.addProblem("%s: not NAME=value: the name has a character other than letters, digits, dots and underscores, or a quote is not closed, or a \\ in double quotes begins no escape", place)
			continue
		}
		name, single, double, bare, comment := m[1], m[2], m[3], m[4], m[5]
		setting, _ := s.setting(name)
		if bare != "" && (bare[0] == '#' || comment != "" && setting.Secret) || variable.MatchString(double+bare) {
			s.addProblem("%s: %s: put the value in single quotes: a $, or a # at its beginning or after a blank, is read as something else", place, name)
		}
		value := single + escapes.Replace(double) + strings.ReplaceAll(bare, `\$`, "$") // two of them are empty
		found = append(found, entry{name: name, text: value, place: place})
	}
	return found
}

// readYAML reads the YAML file that flag, or another source of CONFIG_FILE, names.
func (s *scope) readYAML(flag entry) (found []entry) {
	content, err := os.ReadFile(flag.text)
	if err != nil {
		s.addProblem("%s: %s=%q: must be a file that can be read: %v", flag.place, configFile, flag.text, errors.Unwrap(err))
		return nil
	}
	var doc yaml.Node
	documents := yaml.NewDecoder(bytes.NewReader(content))
	if err := documents.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		text := strings.TrimPrefix(err.Error(), "yaml: ")
		if strings.Contains(text, "anchor") { // its name is quoted, and may be a password that begins with *
			text = "a value that begins with * must be in quotes"
		}
		s.addProblem("%s: not YAML: %s", flag.text, text)
	} else if err == nil && !errors.Is(documents.Decode(new(yaml.Node)), io.EOF) {
		s.addProblem("%s: has a second document, behind ---: settings are in one", flag.text)
	}
	for _, root := range doc.Content {
		if root.Kind != yaml.MappingNode && root.ShortTag() != "!!null" {
			s.addProblem("%s:%d: settings are names with values, such as max_workers: 10", flag.text, root.Line)
			break
		}
		for pair := range slices.Chunk(root.Content, 2) {
			e := entry{name: pair[0].Value, place: fmt.Sprintf("%s:%d", flag.text, pair[0].Line)}
			if setting, _ := s.setting(e.name); setting.Secret && pair[0].LineComment+pair[1].LineComment != "" && pair[1].Style == 0 {
				s.addProblem("%s: %s: put the value in quotes: a # after a blank begins a comment", e.place, e.name)
			}
			if e.text, err = textOf(pair[1]); err != nil {
				s.addProblem("%s: %s %v", e.place, e.name, err)
				continue
			}
			found = append(found, e)
		}
	}
	return found
}

// textOf returns a value as it is written, so that 010 is not 8 and no is not
// false; nothing for null; the elements of a list joined by commas.
func textOf(node *yaml.Node) (text string, err error) {
	var list []string
	isList := node.Kind == yaml.SequenceNode
	if isList {
		err = node.Decode(&list)
		text = strings.Join(list, ",")
	} else {
		err = node.Decode(&text)
	}
	switch {
	case err != nil, node.Anchor != "", node.Style&yaml.TaggedStyle != 0:
		return "", errors.New("must be a value or a list: write a name in full, such as max_workers, and in quotes what begins with !, & or *")
	case isList && strings.Count(text, ",") >= max(len(list), 1):
		return "", errors.New("is a list: its elements may have no comma")
	}
	return text, nil
}
