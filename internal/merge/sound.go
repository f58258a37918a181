package merge

import (
	"regexp"

	"go.yaml.in/yaml/v3"
)

// outline is a description of an API as YAML reads it.
type outline map[string]any

// outlineOf reports false for what is no YAML, or has a key twice.
func outlineOf(text []byte) (outline, bool) {
	var all map[string]any // and so are the mappings in it
	err := yaml.Unmarshal(text, &all)
	return all, err == nil
}

func (o outline) components() map[string]any {
	c, _ := o["components"].(map[string]any)
	return c
}

func (o outline) schemas() map[string]any {
	s, _ := o.components()["schemas"].(map[string]any)
	return s
}

var schemaRef = regexp.MustCompile(`#/components/schemas/([A-Za-z0-9._-]+)`)

// isSound reports whether what two descriptions were merged to is one: each key is there
// once, none stands where neither side has it, and no reference leads to a schema that has
// gone. Of what ours has wrong itself nothing is asked.
func isSound(ours, theirs, merged []byte) bool {
	is, ok := outlineOf(ours)
	next, alsoOK := outlineOf(theirs)
	if !ok || !alsoOK {
		return true
	}
	now, ok := outlineOf(merged)
	if !ok || hasStranger(now, is, next) || hasStranger(now.components(), is.components(), next.components()) {
		return false
	}
	for _, ref := range schemaRef.FindAllStringSubmatch(string(merged), -1) {
		name := ref[1]
		_, was := is.schemas()[name]
		if _, there := now.schemas()[name]; was && !there {
			return false
		}
	}
	return true
}

// hasStranger reports whether a mapping has a key that is in none of the others.
func hasStranger(m map[string]any, others ...map[string]any) bool {
keys:
	for key := range m {
		for _, other := range others {
			if _, ok := other[key]; ok {
				continue keys
			}
		}
		return true
	}
	return false
}
