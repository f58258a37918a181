package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/joho/godotenv"
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

// misread matches what godotenv reads as something else than it looks: a $ of a
// variable, a # without a value before it, a quote at the end of a quoted value, a
// \ in double quotes that begins no escape.
var misread = regexp.MustCompile(`^([^'].*[^\\]|[^'\\]|)\$[A-Za-z0-9_{(]|^#|\\""|^"([^"\\]|\\["\\$nr])*\\[^"\\$nr]`)

// readDotEnv reads .env, if there is one, each line for itself. What godotenv
// would change in a value is refused; so is a comment behind a secret, which may be
// a part of it.
func (s *scope) readDotEnv() (found []entry) {
	content, err := os.ReadFile(dotEnv)
	if err != nil && !os.IsNotExist(err) {
		s.addProblem("%v", err)
	}
	for i, line := range strings.Split(strings.TrimPrefix(string(content), "\ufeff"), "\n") {
		place := fmt.Sprintf("%s:%d", dotEnv, i+1)
		_, written, isPair := strings.Cut(line, "=")
		written = strings.TrimSpace(written)
		pairs, err := godotenv.Unmarshal(line)
		if err != nil || len(pairs) > 1 || len(pairs) == 1 && !isPair { // err has the line in it, and that perhaps a secret
			s.addProblem("%s: not NAME=value: the name has a character other than letters, digits, dots and underscores, or a quote is not closed", place)
			continue
		}
		for name, value := range pairs {
			isCut := strings.Trim(written, `"'`) == written && value != written && strings.Contains(written, "#")
			if setting, _ := s.setting(name); misread.MatchString(written) || isCut && setting.Secret {
				s.addProblem("%s: %s: put the value in single quotes: a $, a \\, a quote at its end, or a # at its beginning or after a blank is read as something else", place, name)
			}
			found = append(found, entry{name: name, text: value, place: place})
		}
	}
	return found
}

// readYAML reads the YAML file that flag, or another source of CONFIG_FILE, names.
func (l *loader) readYAML(flag entry) (found []entry) {
	content, err := os.ReadFile(flag.text)
	if err != nil {
		l.addProblem("%s: %s=%q: must be a file that can be read: %v", flag.place, configFile, flag.text, errors.Unwrap(err))
		return nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(content, &doc); err != nil {
		text := strings.TrimPrefix(err.Error(), "yaml: ")
		if strings.Contains(text, "anchor") { // its name is quoted, and may be a password that begins with *
			text = "a value that begins with * must be in quotes"
		}
		l.addProblem("%s: not YAML: %s", flag.text, text)
	}
	for _, root := range doc.Content {
		if root.Kind != yaml.MappingNode && root.ShortTag() != "!!null" {
			l.addProblem("%s:%d: settings are names with values, such as kafka_max_workers: 10", flag.text, root.Line)
			break
		}
		for pair := range slices.Chunk(root.Content, 2) {
			e := entry{name: pair[0].Value, place: fmt.Sprintf("%s:%d", flag.text, pair[0].Line)}
			if e.text, err = textOf(pair[1]); err != nil {
				l.addProblem("%s: %s must be a value or a list: write a name in full, such as kafka_max_workers, and in quotes what begins with &, * or !", e.place, e.name)
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
	if node.Anchor != "" || node.Style&yaml.TaggedStyle != 0 {
		return "", errors.ErrUnsupported
	}
	if node.Kind == yaml.SequenceNode {
		var list []string
		err = node.Decode(&list)
		return strings.Join(list, ","), err
	}
	err = node.Decode(&text)
	return text, err
}
