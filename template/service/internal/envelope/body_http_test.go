package envelope_test

import (
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

type bill struct {
	ID    string  `json:"id" validate:"required"`
	Total float64 `json:"total" validate:"gt=0"`
	Lines []struct {
		Count int `json:"count" validate:"min=1"`
	} `json:"lines" validate:"dive"`
}

type strictBill struct {
	message.ForbidExtra
	ID string `json:"id"`
}

func TestBodyReadsWhatARegistryTakes(t *testing.T) {
	b, err := envelope.NewBody[bill](nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.Read([]byte(" {\"id\": \"i-1\", \"total\": 5, \"lines\": [{\"count\": 2}], \"extra\": null}\r\n"))
	if err != nil || got.ID != "i-1" || got.Total != 5 || len(got.Lines) != 1 || got.Lines[0].Count != 2 {
		t.Errorf("read %+v, %v", got, err)
	}
}

func TestBodyNamesEveryFieldAtFault(t *testing.T) {
	b, err := envelope.NewBody[bill](nil)
	if err != nil {
		t.Fatal(err)
	}
	for data, want := range map[string]string{
		`{}`:                                    "id: is required; total: must be greater than 0",
		`{"id": "i", "total": "5"}`:             "total: must be a number, got string",
		`{"id": "i", "total": 5, "lines": [1]}`: "lines[0]: must be an object, got number",
		`{"id": "i", "total": 5, "lines": [{"count": 1}, {"count": 0}]}`: "lines[1].count: must be at least 1",
		`[]`:   "must be an object, got array",
		`null`: "must not be null",
	} {
		_, err := b.Read([]byte(data))
		if message.ClassOf(err) != message.ClassInvalid || !isPermanent(err) {
			t.Errorf("%s: %v of class %q", data, err, message.ClassOf(err))
		}
		var found []string
		for _, f := range message.Fields(err) {
			found = append(found, f.Error())
		}
		if got := strings.Join(found, "; "); got != want {
			t.Errorf("%s: fields %q, want %q", data, got, want)
		}
	}
}

func TestBodyIsAsStrictAsAnEnvelope(t *testing.T) {
	b, err := envelope.NewBody[strictBill](nil)
	if err != nil {
		t.Fatal(err)
	}
	for data, want := range map[string]string{
		"":                         "body: not JSON: it ends too early",
		" \n":                      "body: not JSON: it ends too early",
		`{"id": "a"`:               "ends too early",
		`{"id": "a"} {}`:           "after top-level value at byte 12",
		`{"id": "a", "id": "b"}`:   "body.id: is given twice",
		`{"id": "a", "ID": "b"}`:   "body.ID: unknown field",
		"{\"id\": \"\xff\"}":       "not JSON",
		`{"id": "a", "total": 12}`: "body.total: unknown field",
	} {
		if _, err := b.Read([]byte(data)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", data, err, want)
		}
	}
}

func TestBodyRefusesModelsThatRegisterRefuses(t *testing.T) {
	type wrong struct {
		ID string `json:"id" validate:"requird"`
	}
	if _, err := envelope.NewBody[wrong](nil); err == nil || !strings.Contains(err.Error(), "requird") {
		t.Errorf("a misspelt rule: %v", err)
	}
	if _, err := envelope.NewBody[*bill](nil); err == nil {
		t.Error("a pointer is taken")
	}
}
