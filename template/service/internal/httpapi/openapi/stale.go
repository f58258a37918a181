package openapi

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// removeOperations takes out what the file says of paths that no httpapi.Post
// registers any more. It knows their operations by their answer Accepted, that
// the broker has the message; all other operations are written by hand.
func (u *updater) removeOperations(file *yaml.Node, document Object) {
	paths := valueOf(file, "paths")
	for i := 0; i+1 < len(paths.Content); i += 2 {
		path, item := paths.Content[i], paths.Content[i+1]
		answer := valueOf(item, "post", "responses", "202", "$ref").Value
		if document.below("paths").get(path.Value) != nil || answer != "#/components/responses/"+accepted {
			continue
		}
		if len(item.Content) == 2 {
			u.remove(path, paths) // it has nothing else
			continue
		}
		for j := 0; j < len(item.Content); j += 2 {
			if key := item.Content[j]; key.Value == "post" {
				u.remove(key, item)
			}
		}
	}
}

// removeSchemas takes out the schemas to which nothing in the file refers any more,
// where something did before.
func (u *updater) removeSchemas(file *yaml.Node, document Object, before map[string]bool) {
	now := referred(file)
	schemas := valueOf(file, "components", "schemas")
	for i := 0; i+1 < len(schemas.Content); i += 2 {
		key := schemas.Content[i]
		if before[key.Value] && !now[key.Value] && document.below("components", "schemas").get(key.Value) == nil {
			u.remove(key, schemas)
		}
	}
}

// remove takes a key out of a mapping. One that is written on one line stays as it is.
func (u *updater) remove(key, mapping *yaml.Node) {
	if mapping.Style&yaml.FlowStyle == 0 {
		u.edits = append(u.edits, edit{key.Line - 1, u.endOf(key), ""})
	}
}

// referred are the names of the schemas that the file refers to, from elsewhere than
// from schemas that nothing refers to.
func referred(file *yaml.Node) map[string]bool {
	schemas := valueOf(file, "components", "schemas")
	found := make(map[string]bool)
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if name, ok := strings.CutPrefix(n.Value, "#/components/schemas/"); ok && n.Kind == yaml.ScalarNode && !found[name] {
			found[name] = true
			walk(valueOf(schemas, name))
		}
		for _, inner := range n.Content {
			if inner != schemas {
				walk(inner)
			}
		}
	}
	walk(file)
	return found
}

// valueOf returns the value at a path of keys, or an empty node.
func valueOf(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		value := new(yaml.Node)
		for i := 0; n.Kind == yaml.MappingNode && i < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				value = n.Content[i+1]
			}
		}
		n = value
	}
	return n
}
