package answers

import (
	"slices"
	"strings"
)

// The sources of messages. A service has one.
const (
	Kafka      = "kafka"
	KafkaShare = "kafka-share"
)

// sources are what there is to choose from, the default first.
var sources = []struct {
	name  string
	parts []string // of the template
}{
	{Kafka, []string{"kafka", "group"}},
	{KafkaShare, []string{"kafka", "share"}},
}

// otherParts are those of sources that the template has and that are not offered yet.
var otherParts = []string{"jetstream", "rabbitmq"}

// Sources returns the sources of messages, of which a service has exactly one;
// the first is the default.
func Sources() []string {
	var names []string
	for _, s := range sources {
		names = append(names, s.name)
	}
	return names
}

// sourceParts returns the parts of the template that are a source's.
func sourceParts(source string) []string {
	for _, s := range sources {
		if s.name == source {
			return s.parts
		}
	}
	return nil
}

// CheckSource checks the name of the source.
func CheckSource(source string) error {
	if !slices.Contains(Sources(), source) {
		return &Problem{Question: Source, Value: source, Reason: "is not a source", Hint: "the sources are " + strings.Join(Sources(), ", ")}
	}
	return nil
}
