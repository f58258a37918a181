package openapi

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// Object is an object of the document, its members in order.
type Object []member

type member struct {
	key   string
	value any // string, bool, int64, float64, Object, []any, []Object
}

// with returns the object with another value of key, or with one more.
func (o Object) with(key string, value any) Object {
	for i := range o {
		if o[i].key == key {
			o[i].value = value
			return o
		}
	}
	return append(o, member{key, value})
}

// get returns the value of key, or nil.
func (o Object) get(key string) any {
	for _, m := range o {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

// below returns the object at a path of keys, or nil.
func (o Object) below(keys ...string) Object {
	for _, key := range keys {
		o, _ = o.get(key).(Object)
	}
	return o
}

// write writes the members as YAML: objects and lists of objects over several lines,
// all other values on one.
func (o Object) write(b *strings.Builder, indent int) {
	for _, m := range o {
		b.WriteString(strings.Repeat(" ", indent) + yamlKey(m.key) + ":")
		switch value := m.value.(type) {
		case Object:
			if len(value) > 0 {
				b.WriteString("\n")
				value.write(b, indent+2)
				continue
			}
		case []Object:
			b.WriteString("\n")
			for _, item := range value {
				var lines strings.Builder
				item.write(&lines, indent+4)
				b.WriteString(strings.Repeat(" ", indent+2) + "- " + lines.String()[indent+4:])
			}
			continue
		}
		b.WriteString(" " + flow(m.value) + "\n")
	}
}

var plain = regexp.MustCompile(`^[A-Za-z$_][A-Za-z0-9_-]*$`)

// yamlKey quotes what YAML would take for something else than a text.
func yamlKey(key string) string {
	switch strings.ToLower(key) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		return quote(key)
	}
	if plain.MatchString(key) {
		return key
	}
	return quote(key)
}

// quote quotes a text for YAML, which reads what JSON says.
func quote(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		return `""` // no string is refused
	}
	return strings.NewReplacer("'", `\u0027`, "`", `\u0060`, "$", `\u0024`, "\u007f", `\u007f`).Replace(string(quoted))
}

// flow is a value on one line.
func flow(value any) string {
	var items []string
	switch value := value.(type) {
	case string:
		return yamlKey(value)
	case bool:
		return strconv.FormatBool(value)
	case int64:
		return strconv.FormatInt(value, 10)
	case float64:
		return strconv.FormatFloat(value, 'g', -1, 64)
	case []any:
		for _, item := range value {
			items = append(items, flow(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case []Object:
		for _, item := range value {
			items = append(items, flow(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case Object:
		for _, m := range value {
			items = append(items, yamlKey(m.key)+": "+flow(m.value))
		}
		return "{" + strings.Join(items, ", ") + "}"
	}
	return "null"
}
