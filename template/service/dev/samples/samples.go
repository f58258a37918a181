// Package samples holds sample messages with the fate each must meet, sends
// them to a broker, and checks from outside the service that they met it. What
// it believes is what the broker stores: committed offsets and dead letters.
package samples

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
)

//go:embed *.json
var files embed.FS

// Fate is what becomes of a message.
type Fate string

// The fates a sample may expect.
const (
	Handled    Fate = "handled"
	DeadLetter Fate = "dead letter"
)

// Sample is one message of a file, as it is sent.
type Sample struct {
	Topic  string          `json:"-"`
	Name   string          `json:"name"`
	Key    string          `json:"key"`
	Expect Fate            `json:"expect"`
	Reason string          `json:"reason"` // of a dead letter: what its reason must contain
	Value  json.RawMessage `json:"value"`  // without the file's white space

	header map[string]string // the envelope's, where it is not in the value //forge:if avro
}

// Load returns the samples of every file, in the order of file names.
func Load() ([]Sample, error) {
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		return nil, err
	}
	var all []Sample
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		of, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("dev/samples/%s: %w", name, err)
		}
		all = append(all, of...)
	}
	return all, nil
}

// parse reads one file. An unknown field is an error: it is a misspelt one.
func parse(text []byte) ([]Sample, error) {
	var file struct {
		Topic   string   `json:"topic"`
		Samples []Sample `json:"samples"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, err
	}
	if file.Topic == "" {
		return nil, errors.New("no topic")
	}
	for i := range file.Samples {
		s := &file.Samples[i]
		s.Topic = file.Topic
		if s.Expect != Handled && s.Expect != DeadLetter {
			return nil, fmt.Errorf("sample %q expects %q: must be %q or %q", s.Name, s.Expect, Handled, DeadLetter)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, s.Value); err != nil {
			return nil, fmt.Errorf("sample %q: value: %w", s.Name, err)
		}
		s.Value = compact.Bytes()
	}
	return file.Samples, nil
}

// Topics returns the samples' topics, each once, sorted.
func Topics(all []Sample) []string {
	topics := map[string]bool{}
	for _, s := range all {
		topics[s.Topic] = true
	}
	return slices.Sorted(maps.Keys(topics))
}
