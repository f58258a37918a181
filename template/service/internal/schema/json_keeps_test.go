package schema_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// sparse is a model whose values may be empty in each way that there is.
type sparse struct {
	Up     *line             `json:"up"`
	Ups    []*line           `json:"ups"`
	Named  map[string]*line  `json:"named"`
	Gone   *line             `json:"gone,omitempty"`
	Self   *sparse           `json:"self"`
	Kind   *string           `json:"kind" validate:"omitempty,oneof=A B"`
	Grade  *int              `json:"grade" validate:"omitempty,oneof=1 2"`
	Exact  *int              `json:"exact" validate:"omitempty,len=3"`
	Text   *string           `json:"text" validate:"omitempty,min=2"`
	Quoted string            `json:"quoted" validate:"oneof='a b' c"`
	Sure   bool              `json:"sure" validate:"eq=false"`
	Count  int               `json:"count,omitempty" validate:"omitempty,min=1"`
	Part   float64           `json:"part,omitempty" validate:"omitempty,min=1.5"`
	Tags   []string          `json:"tags,omitempty" validate:"dive,omitempty,min=2"`
	List   []string          `json:"list" validate:"eq=0"`
	Labels map[string]string `json:"labels,omitempty" validate:"omitempty,min=1"`
	Rest   int               `json:"rest,omitzero" validate:"omitempty,min=1"`
	Note   string            `json:"note,omitempty" validate:"omitempty,min=3"`
}

// Who reads by the registered schema must be able to read all that the model's
// rules allow.
func TestJSONThatAModelWritesKeepsItsSchema(t *testing.T) {
	c := start(t, settings(t, startRegistry(t).URL(), "SCHEMA_REGISTRY_FORMAT", "json"), topic, sparse{})
	var schema map[string]any
	if err := json.Unmarshal([]byte(c.Schemas()[0].Text), &schema); err != nil {
		t.Fatal(err)
	}
	rules := message.NewRegistry(envelope.JSON{}, envelope.NewRules())
	message.Register(rules, "rules", message.TypedHandlerFunc[sparse](func(context.Context, message.Of[sparse]) error { return nil }))
	one, a, text := 1, "A", "ab"
	full := sparse{
		Up: &line{"x"}, Ups: []*line{{"x"}, nil}, Named: map[string]*line{"k": nil}, Gone: &line{"x"}, Kind: &a, Grade: &one, Text: &text,
		Quoted: "a b", Count: 1, Part: 1.5, Tags: []string{"", "ab"}, Labels: map[string]string{"k": "v"}, Rest: 1, Note: "abc",
	}
	nested := full
	nested.Self = &sparse{Quoted: "c"}
	for _, body := range []sparse{{Quoted: "c"}, full, nested} {
		value := encode(t, c, message.NewHeader("sparse", "tests"), body).Value[5:]
		m, h := &message.Message{Topic: "rules"}, message.NewHeader("sparse", "tests")
		if err := errors.Join((envelope.JSON{}).Encode(t.Context(), m, h, json.RawMessage(value)), rules.Handle(t.Context(), m)); err != nil {
			t.Fatalf("the test is wrong: %v", err)
		}
		var document any
		if err := json.Unmarshal(value, &document); err != nil {
			t.Fatal(err)
		}
		if problem := breaks(schema, schema, document); problem != "" {
			t.Errorf("%s\n%s\n%s", problem, value, c.Schemas()[0].Text)
		}
	}
}

// A rule that holds for all that is written is in the schema.
func TestJSONRulesThatAlwaysHoldAreKept(t *testing.T) {
	c := newCodec(t, settings(t, nowhere, "SCHEMA_REGISTRY_FORMAT", "json"))
	bind(t, c, topic, sparse{})
	text := c.Schemas()[0].Text
	for _, want := range []string{
		`"rest":{"type":"integer","minimum":1}`, `"note":{"type":"string","minLength":3}`, `"kind":{"type":["null","string"],"enum":["A","B",null]}`,
		`"quoted":{"type":"string","enum":["a b","c"]}`, `"count":{"type":"integer"}`, `"labels":{"type":"object","minProperties":1,`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %s: %s", want, text)
		}
	}
}

// breaks says what in a document breaks a schema of those that models have.
func breaks(root, schema map[string]any, v any) string {
	if ref, ok := schema["$ref"].(string); ok {
		schema = root
		if name, ok := strings.CutPrefix(ref, "#/definitions/"); ok {
			schema = root["definitions"].(map[string]any)[name].(map[string]any)
		}
	}
	if several, ok := schema["anyOf"].([]any); ok {
		if !slices.ContainsFunc(several, func(one any) bool { return breaks(root, one.(map[string]any), v) == "" }) {
			return fmt.Sprintf("%v is none of %v", v, several)
		}
		return ""
	}
	if types := listed(schema["type"]); len(types) > 0 && !slices.ContainsFunc(types, func(name any) bool { return isOf(v, name) }) {
		return fmt.Sprintf("%v is not %v", v, types)
	}
	if values, ok := schema["enum"].([]any); ok && !slices.Contains(values, v) {
		return fmt.Sprintf("%v is not in %v", v, values)
	}
	switch v := v.(type) {
	case float64:
		return under(schema, "minimum", v)
	case string:
		return under(schema, "minLength", float64(utf8.RuneCountInString(v)))
	case []any:
		for _, one := range v {
			if problem := breaks(root, schema["items"].(map[string]any), one); problem != "" {
				return "in a list: " + problem
			}
		}
		return under(schema, "minItems", float64(len(v)))
	case map[string]any:
		if problem := breaksFields(root, schema, v); problem != "" {
			return problem
		}
		return under(schema, "minProperties", float64(len(v)))
	}
	return ""
}

func breaksFields(root, schema map[string]any, v map[string]any) string {
	for _, name := range listed(schema["required"]) {
		if _, ok := v[name.(string)]; !ok {
			return fmt.Sprintf("%v is missing", name)
		}
	}
	for name, one := range v {
		properties, _ := schema["properties"].(map[string]any)
		of, ok := properties[name].(map[string]any)
		if !ok {
			of, ok = schema["additionalProperties"].(map[string]any)
		}
		if !ok {
			return name + " is not expected"
		}
		if problem := breaks(root, of, one); problem != "" {
			return name + ": " + problem
		}
	}
	return ""
}

func listed(v any) []any {
	if one, ok := v.(string); ok {
		return []any{one}
	}
	all, _ := v.([]any)
	return all
}

func isOf(v, name any) bool {
	switch v.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case float64:
		return name == "integer" || name == "number"
	case string:
		return name == "string"
	case []any:
		return name == "array"
	}
	return name == "object"
}

func under(schema map[string]any, rule string, n float64) string {
	if least, ok := schema[rule].(float64); ok && n < least {
		return fmt.Sprintf("%v is under the %s of %v", n, rule, least)
	}
	return ""
}
