package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yamlFile reads the settings of the YAML file that v names.
func (r *reader) yamlFile(v value) layer {
	content, err := os.ReadFile(v.text)
	if err != nil {
		r.values = layer{configFile: v}
		r.add(r.known[configFile].Setting, v.text, "must be a file that can be read: %v", cause(err))
		return nil
	}
	return r.named(r.document(v.text, content))
}

// document returns the entries of a YAML file. It takes the plain part of the
// language that everybody reads alike: names with values, each once. Values
// are taken as they are written, so 010 is no 8 and no is no false.
func (r *reader) document(path string, content []byte) []entry {
	var doc, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	err := decoder.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil // nothing but comments
	}
	if err == nil {
		err = decoder.Decode(&second)
	}
	switch {
	case errors.Is(err, io.EOF):
		return r.entries(path, doc.Content[0])
	case err == nil:
		r.note("%s:%d: a second YAML document; a settings file has one", path, second.Line)
	default:
		r.note("%s", notYAML(path, err))
	}
	return nil
}

var yamlLine = regexp.MustCompile(`^yaml: line (\d+): `)

// notYAML tells where a file is not YAML, and never what stands there.
func notYAML(path string, err error) string {
	if strings.Contains(err.Error(), "anchor") { // the parser quotes it, and it may be a password that begins with *
		return path + ": " + noAnchors
	}
	at, text := "", strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		at, text = ":"+m[1], err.Error()[len(m[0]):]
	}
	return fmt.Sprintf("%s%s: not YAML: %s", path, at, text)
}

const noAnchors = "anchors and aliases are not read: write the value out, in quotes if it begins with & or *"

// entries returns the entries of a YAML mapping.
func (r *reader) entries(path string, node *yaml.Node) []entry {
	if node.Kind != yaml.MappingNode {
		if !isNull(node) {
			r.note("%s:%d: settings are names with values, such as kafka_max_workers: 10", path, node.Line)
		}
		return nil
	}
	var entries []entry
	lines := make(map[string]int)
	for i := 0; i < len(node.Content); i += 2 {
		key, content := node.Content[i], node.Content[i+1]
		name, ok := r.scalar(path, key)
		if !ok {
			continue
		}
		if line, again := lines[name]; again {
			r.note("%s:%d: %s stands in line %d already", path, key.Line, name, line)
			continue
		}
		lines[name] = key.Line
		if v, ok := r.yamlValue(path, content); ok {
			entries = append(entries, entry{name: name, from: fmt.Sprintf("%s:%d", path, key.Line), value: v})
		}
	}
	return entries
}

// yamlValue returns what an entry has for a value of YAML.
func (r *reader) yamlValue(path string, node *yaml.Node) (any, bool) {
	if node.Kind != yaml.MappingNode && node.Kind != yaml.SequenceNode {
		return r.scalar(path, node)
	}
	if !r.isPlain(path, node) {
		return nil, false
	}
	if node.Kind == yaml.MappingNode {
		return r.entries(path, node), true
	}
	var list []string
	for _, element := range node.Content {
		text, ok := r.scalar(path, element)
		if !ok {
			return nil, false
		}
		list = append(list, text)
	}
	return list, true
}

// scalar returns a single value as it is written, nothing for null.
func (r *reader) scalar(path string, node *yaml.Node) (string, bool) {
	switch {
	case !r.isPlain(path, node):
		return "", false
	case node.Kind != yaml.ScalarNode:
		r.note("%s:%d: must be a single value", path, node.Line)
		return "", false
	case isNull(node):
		return "", true
	}
	return node.Value, true
}

// isPlain refuses what makes a value something else than what is written.
func (r *reader) isPlain(path string, node *yaml.Node) bool {
	switch {
	case node.Kind == yaml.AliasNode || node.Anchor != "":
		r.note("%s:%d: %s", path, node.Line, noAnchors)
	case node.Style&yaml.TaggedStyle != 0:
		r.note("%s:%d: tags are not read: write the value alone, in quotes if it begins with !", path, node.Line)
	default:
		return true
	}
	return false
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null" }
