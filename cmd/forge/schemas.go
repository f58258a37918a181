package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/render"
)

// schemaFlag is --schema TOPIC=FILE, any number of times.
type schemaFlag []string

func (f *schemaFlag) String() string     { return strings.Join(*f, " ") }
func (f *schemaFlag) Set(s string) error { *f = append(*f, s); return nil }
func (f *schemaFlag) Type() string       { return "topic=file" }

const schemaHint = "--schema takes a topic and a file, as in --schema orders=order.avsc"

// readSchemas reads the schemas that flags and the answers file name, those of
// the flags first, into a. It returns their topics in that order.
func (f *answerFlags) readSchemas(a *answers.Answers) (topics []string, err error) {
	schemas := make(map[string]answers.Schema)
	for _, flag := range f.schemas {
		topic, file, ok := strings.Cut(flag, "=")
		switch {
		case !ok || topic == "" || file == "":
			return nil, usage(schemaHint, "schema: %q is not TOPIC=FILE", flag)
		case slices.Contains(topics, topic):
			return nil, usage(schemaHint, "schema: the topic %q is given twice", topic)
		}
		topics = append(topics, topic)
		schemas[topic] = answers.Schema{File: file}
	}
	for _, topic := range a.SchemaTopics() {
		if !slices.Contains(topics, topic) {
			topics = append(topics, topic)
			schemas[topic] = a.Schemas[topic]
		}
	}
	var problems []error
	for _, topic := range topics {
		s := schemas[topic]
		if s.Text == "" {
			if s.Text, err = readSchema(s.File); err != nil {
				problems = append(problems, err)
				continue
			}
		}
		if _, err := render.ReadSchema(s, a.Has(answers.Avro)); err != nil {
			problems = append(problems, err)
		}
		schemas[topic] = s
	}
	if len(topics) > 0 {
		a.Schemas = schemas
	}
	return topics, errors.Join(problems...)
}

// readSchema returns what is in a file.
func readSchema(file string) (string, error) {
	problem := func(reason string) error {
		return &answers.Problem{Question: answers.Schemas, Reason: reason, Hint: schemaHint}
	}
	in, err := openFile(file)
	if err != nil {
		return "", problem(err.Error())
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	switch {
	case err != nil:
		return "", problem(err.Error())
	case len(text) > maxFile:
		return "", problem(fmt.Sprintf("%s: is more than %d bytes", file, maxFile))
	case strings.TrimSpace(string(text)) == "":
		return "", problem(file + ": is empty")
	}
	return string(text), nil
}
