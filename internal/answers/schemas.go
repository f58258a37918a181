package answers

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Schema is what a topic's model is made from.
type Schema struct {
	File  string            `yaml:"file"`            // its path, as it was given; - is stdin
	Text  string            `yaml:"text"`            // what is in the file, kept so that the same model can be made again
	Files map[string]string `yaml:"files,omitempty"` // the files that it refers to, by their paths from it
}

// Equal reports whether two are the same, and from files of the same names.
func (s Schema) Equal(other Schema) bool {
	return s.File == other.File && s.IsSame(other)
}

// IsSame reports whether two give the same model.
func (s Schema) IsSame(other Schema) bool {
	return s.Text == other.Text && maps.Equal(s.Files, other.Files)
}

// UnmarshalYAML reads a schema from a record, or a file's path alone, which is
// how an answers file has it.
func (s *Schema) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return n.Decode(&s.File)
	}
	type plain Schema // without this method
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i].Value; n.Kind != yaml.MappingNode || key != "file" && key != "text" && key != "files" {
			return fmt.Errorf("line %d: a schema is the path of a file", n.Line)
		}
	}
	return n.Decode((*plain)(s))
}

// SchemaTopics returns the topics that have a schema, sorted.
func (a Answers) SchemaTopics() []string { return slices.Sorted(maps.Keys(a.Schemas)) }

// CheckSchemas checks that each schema is for one of the topics. What is in it
// is for package model to judge.
func CheckSchemas(topics []string, schemas map[string]Schema) error {
	var problems []error
	for _, topic := range slices.Sorted(maps.Keys(schemas)) {
		if !slices.Contains(topics, topic) {
			problems = append(problems, &Problem{
				Question: Schemas, Value: topic, Reason: "is not one of the topics, which are " + strings.Join(topics, ", "),
				Hint: "add the topic, or leave its schema out",
			})
		}
	}
	return errors.Join(problems...)
}
