package schema

import (
	"context"
	"encoding/json"
	"reflect"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// jsonFormat is what the codec has to know of JSON Schema.
type jsonFormat struct{}

func (jsonFormat) kind() sr.SchemaType { return sr.TypeJSON }

func (jsonFormat) extension() string { return ".schema.json" }

func (jsonFormat) model(t reflect.Type, s message.Schema) (string, body, error) {
	root, err := deriveJSON(t, s)
	if err != nil {
		return "", nil, err
	}
	text, err := json.Marshal(root)
	return string(text), jsonBody{}, err
}

// jsonBody writes bodies as the plain JSON codec does.
type jsonBody struct{}

func (jsonBody) encode(dst []byte, v any) ([]byte, error) {
	text, err := jsonv2.Marshal(v, jsonv2.Deterministic(true))
	return append(dst, text...), err
}

func (jsonFormat) parse(text string, _ []string) (written, error) {
	var s struct {
		Title string `json:"title"`
	}
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return nil, err
	}
	return jsonWritten{s.Title}, nil
}

// jsonWritten is a schema that bodies were written with. JSON says of itself
// what is in it, so all that matters of it is its name.
type jsonWritten struct{ title string }

func (w jsonWritten) name() (name, full string) {
	return unqualified(w.title), w.title
}

func (jsonWritten) reader(body) (reader, error) {
	return func(body []byte, out any) error {
		return envelope.JSON{}.Decode(context.Background(), new(message.Message), body, out)
	}, nil
}

func (jsonFormat) compare(writer, reader string) error {
	w, err := parseJSON(writer)
	if err != nil {
		return err
	}
	r, err := parseJSON(reader)
	if err != nil {
		return err
	}
	c := comparison{w, r, make(map[[2]*jsonSchema]bool)}
	return c.compare("", w, r)
}
