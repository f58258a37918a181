package strictyaml_test

import (
	"testing"

	"github.com/ouroboros-forge/forge/internal/strictyaml"
)

type settings struct {
	Name string   `yaml:"name"`
	Size int      `yaml:"size"`
	List []string `yaml:"list"`
}

func TestDecode(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"name: a\nsize: 1\nlist: [b, 1.0]", ""},
		{"", ""},
		{"# nothing\n", ""},
		{"nme: a", `line 1: unknown key "nme"`},
		{"name: a\nsize: b", "line 2: `b` is not a number"},
		{"size: 1\nlist: b\nname: []", "line 2: `b` is not a list; line 3: a list is not a single value"},
		{"a", "line 1: `a` is not a mapping of keys to values"},
		{"name: {a: b}", "line 1: a mapping is not a single value"},
		{"name: a\nname: b", `line 2: mapping key "name" already defined at line 1`},
		{"name: a\n---\nname: b", "more than one YAML document"},
		{"name: [", "line 1: did not find expected node content"},
	} {
		got := ""
		if err := strictyaml.Decode([]byte(tt.text), &settings{Size: 2}); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
}

// TestKeepsWhatIsNotThere proves that defaults survive.
func TestKeepsWhatIsNotThere(t *testing.T) {
	s := settings{Name: "a", Size: 2, List: []string{"b"}}
	if err := strictyaml.Decode([]byte("list: []\n"), &s); err != nil || s.Name != "a" || s.Size != 2 || len(s.List) != 0 {
		t.Errorf("got %+v, %v", s, err)
	}
}
