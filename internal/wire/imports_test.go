package wire

import (
	"slices"
	"testing"
)

// What a file imports is found also behind what does not parse, as after a merge with
// conflicts, and where the word is in a text.
func TestImportsAreFoundAlsoInWhatDoesNotParse(t *testing.T) {
	for src, want := range map[string][]string{
		"package a\nimport (\n\t\"b\"\n\tc \"d/c\"\n)\nimport \"e\"\n":                                                 {"b", "d/c", "e"},
		"package a\nimport \"b\"\nvar text = `\nimport \"c\"\n`\n":                                                     {"b"},
		"package a\nimport \"b\"\nfunc f() {":                                                                          {"b"},
		"package a\nimport \"b\"\n<<<<<<< yours\nimport \"c\"\n=======\nimport \"d\"\n>>>>>>> forge\n":                 {"b", "c", "d"},
		"package a\nimport (\n\t\"b\"\n<<<<<<< yours\n\t\"c\"\n=======\n\t\"d\"\n>>>>>>> forge\n)\nvar text = \"e\"\n": {"b", "c", "d", "e"},
		"package a\n<<<<<<< yours\nimport \"c\"\n=======\nimport \"d\"\n>>>>>>> forge\nfunc f() {}\n":                  {"c", "d"},
		"package a\n": nil,
	} {
		if got := Imports([]byte(src)); !slices.Equal(got, want) {
			t.Errorf("%s\nimports %q, want %q", src, got, want)
		}
	}
}
