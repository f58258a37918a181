package openapi

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const openAPIFile = `# A comment at the top.
openapi: 3.1.0
info:
  title: "shop" # in quotes

paths:
  # parcels come first
  "/parcels":
    post:
      summary: kept
      responses:
        "202":
          $ref: "#/components/responses/Accepted"

components:
  schemas:
    # what is wrong
    problem:
      type: object
    Parcel:
      description: a parcel
      type: object
      required: [id, gone]
      properties:
        id:
          type: string # the id
          minLength: 1
        gone:
          type: string
`

func parcels(properties Object) Object {
	responses := Object{"202": ref("responses", "Accepted")}
	return Object{
		"paths":      Object{"/parcels": Object{"post": Object{"responses": responses}}},
		"components": Object{"schemas": Object{"Parcel": Object{"type": "object", "required": []any{"id"}, "properties": properties}}},
	}
}

// Only the lines of what differs change; all others stay as they are, comments
// and blank lines included.
func TestUpdateChangesOnlyTheLinesThatDiffer(t *testing.T) {
	document := parcels(Object{"id": Object{"type": "string", "minLength": 2}, "note": Object{"type": "string"}})
	document["paths"].(Object)["/refunds"] = Object{"post": Object{"responses": Object{"202": ref("responses", "Accepted")}}}
	got, err := Update([]byte(openAPIFile), document)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer(
		"      required: [id, gone]\n", "      required:\n        - id\n",
		"          minLength: 1\n        gone:\n          type: string\n", "          minLength: 2\n        note:\n          type: string\n",
		"/Accepted\"\n\ncomponents", "/Accepted\"\n  /refunds:\n    post:\n      responses:\n        \"202\":\n          $ref: '#/components/responses/Accepted'\n\ncomponents",
	).Replace(openAPIFile)
	if string(got) != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	again, err := Update(got, document)
	if err != nil || string(again) != string(got) {
		t.Errorf("a second update changes it again: %v\n%s", err, again)
	}
}

// A file that says everything already is not touched, whatever else it says.
func TestUpdateLeavesAFileAloneThatSaysEverything(t *testing.T) {
	document := parcels(Object{"id": Object{"type": "string", "minLength": 1}, "gone": Object{"type": "string"}})
	document["components"].(Object)["schemas"].(Object)["Parcel"].(Object)["required"] = []any{"id", "gone"}
	got, err := Update([]byte(openAPIFile), document)
	if err != nil || string(got) != openAPIFile {
		t.Errorf("%v\n%s", err, got)
	}
}

// A file without anything, and one without a line break at its end, are made to
// say what they must.
func TestUpdateWritesWhatIsMissing(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "paths: {}", "paths: {}\n"} {
		got, err := Update([]byte(text), parcels(Object{}))
		var file struct{ Paths map[string]any }
		if err != nil || yaml.Unmarshal(got, &file) != nil || file.Paths["/parcels"] == nil {
			t.Errorf("%q: %v\n%s", text, err, got)
		}
	}
}
