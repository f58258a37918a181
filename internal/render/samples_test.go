package render_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/template"
)

var headerIDs = regexp.MustCompile(`"(messageId|correlationId)": "([^"]*)"`)

var uuid7 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// TestSampleIDsAreOfOneTopic proves that no id of a sample message is one of another
// topic's too, that a message's id is no other message's, and that each is a UUID.
// Handlers take two messages with the same id for the same one.
func TestSampleIDsAreOfOneTopic(t *testing.T) {
	a := answers.Defaults("shop")
	a.Topics = []string{"orders", "payments", "Payments.v2", "returns", "refunds"}
	a.Schemas = map[string]answers.Schema{
		"returns": {File: "m.json", Text: `{"id": "r-1", "cents": 100}`},
		"refunds": {File: "m.json", Text: `{"id": "r-1", "cents": 100}`},
	}
	tree, err := render.Render(template.FS, a, "v1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	topicOf := make(map[string]string)
	for _, topic := range a.Topics {
		text := string(file(t, tree, fmt.Sprintf("dev/samples/%s.json", answers.NamesOf(topic).File)).Content)
		found := headerIDs.FindAllStringSubmatch(text, -1)
		if len(found) < 4 {
			t.Errorf("the samples of %s have %d ids", topic, len(found))
		}
		messages := make(map[string]bool)
		for _, m := range found {
			kind, id := m[1], m[2]
			if of := topicOf[id]; of != "" && of != topic {
				t.Errorf("%s has the %s %s, and so has %s", topic, kind, id, of)
			}
			if !uuid7.MatchString(id) {
				t.Errorf("%s: %s is no UUID of version 7", topic, id)
			}
			if kind == "messageId" && messages[id] {
				t.Errorf("%s: two messages have the id %s", topic, id)
			}
			topicOf[id], messages[id] = topic, kind == "messageId"
		}
	}
}
