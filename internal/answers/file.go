package answers

import (
	"maps"
	"slices"

	"github.com/ouroboros-forge/forge/internal/strictyaml"
)

// Parse reads an answers file: YAML with the questions' names as keys. What the
// file does not answer keeps the answer of base; a list in the file replaces
// that of base, an empty one too. An unknown key is an error; the answers
// themselves are not checked.
func Parse(data []byte, base Answers) (Answers, error) {
	a := base
	a.Topics, a.Brokers, a.With = slices.Clone(a.Topics), slices.Clone(a.Brokers), slices.Clone(a.With)
	a.Schemas = maps.Clone(a.Schemas)
	if err := strictyaml.Decode(data, &a); err != nil {
		return base, err
	}
	return a, nil
}
