package config

import (
	"bytes"
	"errors"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readYAML reads the YAML file that CONFIG_FILE names. Values are taken as they
// are written, so 010 is not 8 and no is not false.
func (l *loader) readYAML(path value) layer {
	content, err := os.ReadFile(path.text)
	if err != nil {
		f, _ := l.setting(configFile)
		l.refuse(f, path, "must be a file that can be read: %v", cause(err))
	}
	return l.named(l.readDocument(path.text, content))
}

func (l *loader) readDocument(path string, content []byte) []entry {
	var doc, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	err := decoder.Decode(&doc)
	if err == nil {
		err = decoder.Decode(&second)
	}
	switch {
	case err == nil:
		l.note("%s:%d: a second YAML document; a settings file has one", path, second.Line)
	case !errors.Is(err, io.EOF):
		l.note("%s", notYAML(path, err))
	case len(doc.Content) > 0: // not only comments
		entries, ok := l.yamlValue(path, doc.Content[0]).([]entry)
		if !ok && doc.Content[0].ShortTag() != "!!null" {
			l.note("%s: settings are names with values, such as kafka_max_workers: 10", path)
		}
		return entries
	}
	return nil
}

var yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// notYAML says where a file is not YAML, and never what stands there.
func notYAML(path string, err error) string {
	if strings.Contains(err.Error(), "anchor") { // its name is quoted, and may be a password that begins with *
		return path + ": " + inQuotes
	}
	place, text := value{file: path}, err.Error()
	if m := yamlError.FindStringSubmatch(text); m != nil {
		place.line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	return place.place() + ": not YAML: " + text
}

const inQuotes = "a value that begins with &, * or ! must be in quotes"

// yamlValue returns a string, a []string or a []entry, or nil for a value that
// it has refused.
func (l *loader) yamlValue(path string, node *yaml.Node) any {
	switch {
	case node.Kind == yaml.AliasNode, node.Anchor != "", node.Style&yaml.TaggedStyle != 0:
		l.note("%s:%d: %s", path, node.Line, inQuotes)
		return nil
	case node.Kind == yaml.SequenceNode:
		return l.yamlList(path, node)
	case node.Kind == yaml.MappingNode:
		return l.yamlEntries(path, node)
	case node.ShortTag() == "!!null":
		return ""
	}
	return node.Value
}

func (l *loader) yamlList(path string, node *yaml.Node) any {
	list := make([]string, len(node.Content))
	for i, element := range node.Content {
		text, ok := l.yamlValue(path, element).(string)
		if !ok {
			l.note("%s:%d: the elements of a list must be single values", path, element.Line)
			return nil
		}
		list[i] = text
	}
	return list
}

func (l *loader) yamlEntries(path string, node *yaml.Node) []entry {
	entries := []entry{}
	for i := 0; i < len(node.Content); i += 2 {
		key, content := node.Content[i], node.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			l.note("%s:%d: a name must be a single value", path, key.Line)
			continue
		}
		entries = append(entries, entry{value{name: key.Value, file: path, line: key.Line}, l.yamlValue(path, content)})
	}
	return entries
}
