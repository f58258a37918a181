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

func parcels(required []any, properties Object) Object {
	responses := Object{{"202", ref("responses", "Accepted")}}
	return Object{
		{"paths", Object{{"/parcels", Object{{"post", Object{{"responses", responses}}}}}}},
		{"components", Object{{"schemas", Object{{"Parcel", Object{{"type", "object"}, {"required", required}, {"properties", properties}}}}}}},
	}
}

// Only the lines of what differs change; all others stay as they are, comments
// and blank lines included.
func TestUpdateChangesOnlyTheLinesThatDiffer(t *testing.T) {
	document := parcels([]any{"id"}, Object{{"id", Object{{"type", "string"}, {"minLength", 2.0}}}, {"note", Object{{"type", "string"}}}})
	post := Object{{"summary", "Publishes"}, {"responses", Object{{"202", ref("responses", "Accepted")}}}}
	document = document.with("paths", document.below("paths").with("/refunds", Object{{"post", post}}))
	got, err := Update([]byte(openAPIFile), document)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer(
		"      required: [id, gone]\n", "      required: [id]\n",
		"          minLength: 1\n        gone:\n          type: string\n", "          minLength: 2\n        note:\n          type: string\n",
		"/Accepted\"\n\ncomponents", "/Accepted\"\n  \"/refunds\":\n    post:\n      summary: Publishes\n      responses:\n        \"202\":\n          $ref: \"#/components/responses/Accepted\"\n\ncomponents",
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
	document := parcels([]any{"id", "gone"}, Object{{"id", Object{{"type", "string"}, {"minLength", 1.0}}}, {"gone", Object{{"type", "string"}}}})
	got, err := Update([]byte(openAPIFile), document)
	if err != nil || string(got) != openAPIFile {
		t.Errorf("%v\n%s", err, got)
	}
}

// A file without anything, and one without a line break at its end, are made to
// say what they must.
func TestUpdateWritesWhatIsMissing(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "paths: {}", "paths: {}\n"} {
		got, err := Update([]byte(text), parcels(nil, Object{}))
		var file struct{ Paths map[string]any }
		if err != nil || yaml.Unmarshal(got, &file) != nil || file.Paths["/parcels"] == nil {
			t.Errorf("%q: %v\n%s", text, err, got)
		}
	}
}

// Fields may be called as keywords are: what explains them stays, and a field that
// is gone goes.
func TestUpdateTellsFieldsFromKeywords(t *testing.T) {
	text := Object{{"type", "string"}}
	fields := Object{{"properties", Object{{"type", "object"}, {"properties", Object{{"title", text}}}}}, {"schemas", text}, {"description", text}, {"items", text}}
	const file = `components:
  schemas:
    Parcel:
      type: object
      required:
        - id
      properties:
        description:
          type: string
          description: what a person says of it
        example:
          type: string
        items:
          type: string
          title: what is in it
        properties:
          type: object
          description: what is known of it
          properties:
            title:
              type: string
              examples: [a]
        schemas:
          type: string
          description: in which forms
`
	got, err := Update([]byte(file), parcels([]any{"id"}, fields)[1:])
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(file, "        example:\n          type: string\n", "", 1); string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

const openAPIOfGone = `paths:
  "/parcels":
    post:
      responses:
        "202":
          $ref: "#/components/responses/Accepted"
  # gone
  "/refunds":
    post:
      requestBody:
        $ref: "#/components/schemas/Refund"
      responses:
        "202":
          $ref: "#/components/responses/Accepted"
  /both:
    get:
      summary: by hand
      responses: {"200": {$ref: "#/components/schemas/Shared"}}
    post:
      requestBody:
        $ref: "#/components/schemas/Both"
      responses:
        "202":
          $ref: "#/components/responses/Accepted"
  /hand:
    post:
      responses:
        "204":
          description: by hand

components:
  schemas:
    unused:
      type: object
    Refund:
      type: object
      properties:
        part:
          $ref: "#/components/schemas/RefundPart"
        shared:
          $ref: "#/components/schemas/Shared"
    RefundPart:
      type: object
      properties:
        again:
          $ref: "#/components/schemas/Refund"
    Both:
      type: object
    Shared:
      type: object
    Parcel:
      type: object
      properties: {}
`

// What is not served any more goes, with the schemas that only it had; what is written
// by hand stays.
func TestUpdateRemovesWhatIsGone(t *testing.T) {
	document := parcels(nil, Object{})
	document = document.with("components", Object{{"schemas", Object{{"Parcel", Object{{"type", "object"}, {"properties", Object{}}}}}}})
	got, err := Update([]byte(openAPIOfGone), document)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(openAPIOfGone, "\n")
	var want []string
	for i, line := range lines {
		n := i + 1
		if n >= 8 && n <= 14 || n >= 19 && n <= 24 || n >= 35 && n <= 48 {
			continue
		}
		want = append(want, line)
	}
	if string(got) != strings.Join(want, "") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, ""))
	}
}
