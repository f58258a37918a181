package render

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/model"
)

// topic is a topic as templates see it: .Topic .Handler .Model .MessageType
// .File, and what shows its messages.
type topic struct {
	answers.Names
	Body    string // of a valid message: JSON on one line, harmless in a shell and in Markdown
	Wrong   string // an invalid one
	Problem string // what the dead letter of that says

	SampleIDs  string // what the ids of its sample messages have in their middle
	Components string // what OpenAPI says of the model; empty for the sample's

	model  *model.Model // nil for the sample's
	schema answers.Schema
	cases  []model.Case
}

// The body and its mistake in dev/samples/orders.json.
const (
	sampleBody    = `{"id": "A-1", "amount": 12.5}`
	sampleWrong   = `{"amount": 0}`
	sampleProblem = "body.amount: must be greater than 0"
)

// newTopics names the topics, and makes the models of those with a schema.
func newTopics(a answers.Answers) ([]topic, error) {
	var topics []topic
	taken := make(map[string]bool)
	for _, name := range a.Topics {
		t := topic{Names: answers.NamesOf(name), Body: sampleBody, Wrong: sampleWrong, Problem: sampleProblem, SampleIDs: sampleIDs(name)}
		topics = append(topics, t)
		taken[t.Model] = true
	}
	for i := range topics {
		t := &topics[i]
		schema, ok := a.Schemas[t.Topic]
		if !ok {
			continue
		}
		m, err := ReadSchema(schema, a.Has(answers.Avro), nil)
		if err != nil {
			return nil, err
		}
		m.Declare(t.Model, taken)
		t.model, t.schema, t.cases = m, schema, m.Cases()
		t.Body, t.Wrong, t.Problem = t.cases[0].Body, t.cases[1].Body, t.cases[1].Problem
		t.Components = m.Components(4)
		if m.Name != "" {
			t.MessageType = m.Name
		}
	}
	return topics, nil
}

// sampleIDs is what the ids of a topic's sample messages have in their middle, so that
// each is a UUID of version 7 that no other topic's sample has.
func sampleIDs(topic string) string {
	sum := sha256.Sum256([]byte(topic))
	digits := hex.EncodeToString(sum[:5])
	return digits[:4] + "-7" + digits[4:7] + "-8" + digits[7:]
}

// ReadSchema makes a model from a schema. The files that it refers to are its own,
// unless they come from beside. What is wrong with that is an *answers.Problem.
func ReadSchema(s answers.Schema, avro bool, beside model.Files) (*model.Model, error) {
	if beside == nil {
		beside = func(path string) (string, error) {
			text, ok := s.Files[path]
			if !ok {
				return "", fs.ErrNotExist
			}
			return text, nil
		}
	}
	m, err := model.ParseWith(s.File, []byte(s.Text), avro, beside)
	if err != nil {
		p := &answers.Problem{Question: answers.Schemas, Reason: err.Error()}
		if e, ok := err.(*model.Error); ok { //nolint:errorlint // it is what Parse returns
			p.Hint = e.Hint
		}
		return nil, p
	}
	return m, nil
}

// fromSchema makes the files that stand for one of the template's where the
// topic's model is made from a schema.
func (t topic) fromSchema(name string, src []byte, module string) (files []File, ok bool, err error) {
	if t.model == nil {
		return nil, false, nil
	}
	switch name {
	case "models/" + sampleTopic + ".go":
		content, err := t.model.Go(t.Topic, t.MessageType, module, t.File)
		if err != nil {
			return nil, true, fmt.Errorf("the model made from %s: %w", t.schema.File, err)
		}
		files = append(files, newFile("models/"+t.File+".go", content))
		if text := t.model.Source(); text != "" {
			files = append(files, newFile("models/"+t.File+".avsc", []byte(text)))
		}
		return files, true, nil
	case "dev/samples/" + sampleTopic + ".json":
		ids := t.SampleIDs
		if !bytes.Contains(src, []byte(sampleIDs(sampleTopic))) {
			ids = "0000-7000-8000" // as in all samples of a template of before
		}
		content := t.model.Samples(t.Topic, t.MessageType, ids)
		return []File{newFile(path.Join(path.Dir(name), t.File+".json"), content)}, true, nil
	}
	return nil, false, nil
}

// caseRows are the topic's cases as rows of a table: a name, a body, and the
// class of its error.
func (t topic) caseRows() string {
	var b strings.Builder
	for _, c := range t.cases {
		class := "message.ClassInvalid"
		if c.Problem == "" {
			class = `""`
		}
		body := strconv.Quote(c.Body)
		if strconv.CanBackquote(c.Body) {
			body = "`" + c.Body + "`"
		}
		fmt.Fprintf(&b, "{%q, %s, %s},\n", c.Name, body, class)
	}
	return b.String()
}
