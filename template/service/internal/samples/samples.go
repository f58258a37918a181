// Package samples reads sample messages, a file for each topic, and checks what
// became of them.
package samples

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Sample is one message of a file, as it is sent.
type Sample struct {
	Topic  string          `json:"-"`
	Name   string          `json:"name"`
	Key    string          `json:"key"`
	Expect string          `json:"expect"` // what is to become of it: "handled" or "dead letter"
	Reason string          `json:"reason"` // of a dead letter: what its reason must contain
	Value  json.RawMessage `json:"value"`  // without the file's white space

	header map[string]string // the envelope's, where it is not in the value //forge:if avro
}

// Load returns the samples of all .json files in dir, in the order of their names.
func Load(dir fs.FS) (all []Sample, _ error) {
	names, _ := fs.Glob(dir, "*.json") // a valid pattern
	for _, name := range names {
		text, err := fs.ReadFile(dir, name)
		if err == nil {
			all, err = appendFile(all, text)
		}
		if err != nil {
			return nil, fmt.Errorf("samples/%s: %w", name, err)
		}
	}
	return all, nil
}

// appendFile reads one file. An unknown field is an error: it is a misspelt one.
func appendFile(all []Sample, text []byte) ([]Sample, error) {
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
	for _, s := range file.Samples {
		s.Topic = file.Topic
		if s.Expect != NameOf(engine.Handled) && s.Expect != NameOf(engine.DeadLettered) {
			return nil, fmt.Errorf("sample %q expects %q: must be %q or %q", s.Name, s.Expect, NameOf(engine.Handled), NameOf(engine.DeadLettered))
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, s.Value); err != nil {
			return nil, fmt.Errorf("sample %q: value: %w", s.Name, err)
		}
		s.Value = compact.Bytes()
		all = append(all, s)
	}
	return all, nil
}

// NameOf returns a kind of event as samples and `make dev` write it.
func NameOf(kind engine.EventKind) string { return strings.ReplaceAll(kind.String(), "-", " ") }

// Target is where samples are sent to.
type Target struct {
	Broker   string   // host:port
	Registry string   // URL of the Schema Registry, "" when they are sent as they are //forge:if avro
	Awaited  []string // topics whose schemas are about to be registered, and are waited for //forge:if avro
}

// Send sends the samples in their order, as a producer writes them, and returns
// the messages once each was acknowledged.
func (t Target) Send(ctx context.Context, all []Sample) (sent []*message.Message, err error) {
	if all, err = t.encode(ctx, all); err != nil { //forge:if avro
		return nil, err //forge:if avro
	} //forge:if avro
	for _, s := range all {
		m := &message.Message{Topic: s.Topic, Key: []byte(s.Key), Value: s.Value}
		m.Headers = s.headers() //forge:if avro
		sent = append(sent, m)
	}
	return sent, embedded.Send(ctx, t.Broker, sent...)
}

// Check returns an error when something else became of the sample than it
// expects.
func (s Sample) Check(e engine.Event) error {
	switch {
	case NameOf(e.Kind) != s.Expect && e.Err != nil:
		return fmt.Errorf("sample %q of %s: expected %s, got %s: %w", s.Name, s.Topic, s.Expect, NameOf(e.Kind), e.Err)
	case NameOf(e.Kind) != s.Expect:
		return fmt.Errorf("sample %q of %s: expected %s, got %s", s.Name, s.Topic, s.Expect, NameOf(e.Kind))
	case e.Err != nil && !strings.Contains(e.Err.Error(), s.Reason):
		return fmt.Errorf("sample %q of %s: its reason lacks %q: %w", s.Name, s.Topic, s.Reason, e.Err)
	}
	return nil
}
