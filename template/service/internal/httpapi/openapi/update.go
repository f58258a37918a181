package openapi

import (
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Update returns the YAML file text changed so that it says what the document
// says. Only the lines that differ are changed: order, comments, blank lines and
// whatever the file says besides stay. In the schemas of models only what
// explains them stays: a field or a rule that the model lost is removed. So are
// operations that the service had and has not any more, with the schemas to which
// nothing refers then.
func Update(text []byte, document Object) ([]byte, error) {
	var file, updated yaml.Node
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	if len(file.Content) == 0 {
		return []byte(render(0, document)), nil
	}
	u := newUpdater(text)
	u.removeOperations(file.Content[0], document)
	u.update(file.Content[0], document, outside)
	text = u.apply()
	if err := yaml.Unmarshal(text, &updated); err != nil {
		return nil, err
	}
	u = newUpdater(text)
	u.removeSchemas(updated.Content[0], document, referred(file.Content[0]))
	return u.apply(), nil
}

// updater collects the edits of a file's lines.
type updater struct {
	lines []string
	edits []edit
}

func newUpdater(text []byte) *updater {
	return &updater{lines: strings.SplitAfter(string(text), "\n")}
}

// edit replaces the lines from first up to end, counted from 0.
type edit struct {
	first, end int
	text       string
}

// place is where a mapping stands: it tells whether its keys are keywords, or the
// names of models or of fields, which can be called as a keyword is.
type place int

const (
	outside place = iota
	ofModels
	ofSchema
	ofFields
)

// below is where the value of a key stands.
func (p place) below(key string) place {
	switch {
	case p == outside && key == "schemas":
		return ofModels
	case p == ofSchema && key == "properties":
		return ofFields
	case p != outside:
		return ofSchema
	}
	return outside
}

// keeps reports whether a key stays that the document does not have.
func (p place) keeps(key string) bool {
	return p == outside || p == ofModels || p == ofSchema && slices.Contains(notes, key)
}

// explains reports whether a key only says to people what they may say otherwise.
func (p place) explains(key string) bool { return p == outside && key == "summary" }

// update makes a mapping say what want says.
func (u *updater) update(mapping *yaml.Node, want Object, at place) {
	indent, end := mapping.Column-1, 0
	there := map[string]bool{}
	for i := 0; i < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		end = u.endOf(key)
		there[key.Value] = true
		wanted := want.get(key.Value)
		below, isObject := wanted.(Object)
		switch {
		case wanted == nil && at.keeps(key.Value), at.explains(key.Value):
		case wanted == nil:
			u.edits = append(u.edits, edit{key.Line - 1, end, ""})
		case isObject && value.Kind == yaml.MappingNode && value.Style&yaml.FlowStyle == 0 && len(value.Content) > 0:
			u.update(value, below, at.below(key.Value))
		case !says(value, wanted):
			u.edits = append(u.edits, edit{key.Line - 1, end, render(indent, Object{{key.Value, wanted}})})
		}
	}
	for _, m := range want {
		if !there[m.key] && !at.explains(m.key) {
			u.edits = append(u.edits, edit{end, end, render(indent, Object{m})})
		}
	}
}

// notes are the keywords of a schema that only explain.
var notes = []string{"title", "description", "example", "examples", "deprecated", "externalDocs", "$comment"}

// says reports whether a node has the wanted value.
func says(node *yaml.Node, wanted any) bool {
	var has, want any
	return node.Decode(&has) == nil && yaml.Unmarshal([]byte(flow(wanted)), &want) == nil && reflect.DeepEqual(has, want)
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

func render(indent int, o Object) string {
	var b strings.Builder
	o.write(&b, indent)
	return b.String()
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
		lines = slices.Replace(lines, e.first, e.end, e.text)
	}
	return []byte(strings.Join(lines, ""))
}
