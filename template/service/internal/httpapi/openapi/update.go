package openapi

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Update returns the YAML file text changed so that it says what the document
// says. Only the lines that differ are changed: order, comments, blank lines and
// whatever the file says besides stay. In the schemas of models only what
// explains them stays: a field or a rule that the model lost is removed.
func Update(text []byte, document Object) ([]byte, error) {
	var file yaml.Node
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	if len(file.Content) == 0 {
		return render(0, "", document)
	}
	u := updater{lines: strings.SplitAfter(string(text), "\n")}
	if err := u.update(file.Content[0], "", document, false); err != nil {
		return nil, err
	}
	return u.apply(), nil
}

// updater collects the edits of a file's lines.
type updater struct {
	lines []string
	edits []edit
}

// edit replaces the lines from first up to end, counted from 0.
type edit struct {
	first, end int
	text       []byte
}

// update makes a mapping say what want says. Name is the key that it is under.
func (u *updater) update(mapping *yaml.Node, name string, want Object, inModel bool) error {
	indent, end := mapping.Column-1, 0
	there := map[string]bool{}
	for i := 0; i < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		end = u.endOf(key)
		there[key.Value] = true
		wanted, ok := want[key.Value]
		below, isObject := wanted.(Object)
		explains := !inModel || name != "properties" && slices.Contains(notes, key.Value)
		switch {
		case !ok && explains:
		case !ok:
			u.edits = append(u.edits, edit{key.Line - 1, end, nil})
		case isObject && value.Kind == yaml.MappingNode && value.Style&yaml.FlowStyle == 0 && len(value.Content) > 0:
			if err := u.update(value, key.Value, below, inModel || name == "schemas"); err != nil {
				return err
			}
		case !says(value, wanted):
			text, err := render(indent, key.Value, wanted)
			if err != nil {
				return err
			}
			u.edits = append(u.edits, edit{key.Line - 1, end, text})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if !there[key] {
			text, err := render(indent, key, want[key])
			if err != nil {
				return err
			}
			u.edits = append(u.edits, edit{end, end, text})
		}
	}
	return nil
}

// notes are the keywords of a schema that only explain.
var notes = []string{"title", "description", "example", "examples", "deprecated", "externalDocs", "$comment"}

// says reports whether a node has the wanted value.
func says(node *yaml.Node, wanted any) bool {
	var has, want any
	text, err := yaml.Marshal(wanted)
	return err == nil && node.Decode(&has) == nil && yaml.Unmarshal(text, &want) == nil && reflect.DeepEqual(has, want)
}

// endOf returns the line after the last one of a key's value: what follows is
// indented less, or is another key, after blank lines and comments that belong to
// it. A sequence may be indented as its key is.
func (u *updater) endOf(key *yaml.Node) int {
	end := key.Line
	for i := end; i < len(u.lines); i++ {
		line := strings.TrimRight(u.lines[i], "\r\n")
		content := strings.TrimLeft(line, " ")
		indent := len(line) - len(content)
		switch {
		case content == "" || strings.HasPrefix(content, "#"):
			continue
		case indent < key.Column-1, indent == key.Column-1 && !strings.HasPrefix(content, "- "):
			return end
		}
		end = i + 1
	}
	return end
}

// render returns a key with its value as lines, or the value alone without a key.
func render(indent int, key string, value any) ([]byte, error) {
	if key != "" {
		value = Object{key: value}
	}
	var text bytes.Buffer
	e := yaml.NewEncoder(&text)
	e.SetIndent(2)
	if err := e.Encode(value); err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	space := strings.Repeat(" ", indent)
	var out []byte
	for line := range strings.Lines(text.String()) {
		out = append(out, space+line...)
	}
	return out, nil
}

// apply makes the edits, the last one first, so that the lines before it keep
// their numbers.
func (u *updater) apply() []byte {
	slices.SortStableFunc(u.edits, func(a, b edit) int { return a.first - b.first })
	for i := len(u.lines) - 1; i >= 0 && u.lines[i] != "" && !strings.HasSuffix(u.lines[i], "\n"); i-- {
		u.lines[i] += "\n" // of a file that does not end with one
	}
	lines := slices.Clone(u.lines)
	for _, e := range slices.Backward(u.edits) {
		lines = slices.Replace(lines, e.first, e.end, string(e.text))
	}
	return []byte(strings.Join(lines, ""))
}
