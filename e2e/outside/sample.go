// Package outside looks at a service as another program would: it sends messages
// to its broker, and reads what it committed and its dead letters. It shares no
// code with the service, so that it cannot share its mistakes.
package outside

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// What a Sample can expect.
const (
	Handled    = "handled"
	DeadLetter = "dead letter"
)

// Sample is a message with what is to become of it.
type Sample struct {
	Topic  string          `json:"-"`
	Name   string          `json:"name"`
	Key    string          `json:"key"`
	Expect string          `json:"expect"` // Handled or DeadLetter
	Reason string          `json:"reason"` // of a dead letter: what its reason must contain
	Value  json.RawMessage `json:"value"`
}

// LoadSamples returns the sample messages of a project.
func LoadSamples(project string) ([]Sample, error) {
	files, err := filepath.Glob(filepath.Join(project, "dev", "samples", "*.json"))
	if err != nil || len(files) == 0 {
		return nil, errors.Join(err, fmt.Errorf("%s has no samples", project))
	}
	var all []Sample
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var of struct {
			Topic   string
			Samples []Sample
		}
		if err := json.Unmarshal(text, &of); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, s := range of.Samples {
			s.Topic = of.Topic
			all = append(all, s)
		}
	}
	return all, nil
}

// Topics returns the topics of samples, each once, sorted.
func Topics(all []Sample) []string {
	var topics []string
	for _, s := range all {
		topics = append(topics, s.Topic)
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}
