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
	File string `yaml:"file"` // its path, as it was given
	Text string `yaml:"text"` // what is in the file, kept so that the same model can be made again
}

// UnmarshalYAML reads a schema from a record, or a file's path alone, which is
// how an answers file has it.
func (s *Schema) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return n.Decode(&s.File)
	}
	type plain Schema // without this method
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i].Value; n.Kind != yaml.MappingNode || key != "file" && key != "text" {
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
