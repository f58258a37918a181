// Package strictyaml decodes YAML that forge or its user wrote by hand, and
// says in a person's words what is wrong with it.
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Decode reads the one document in data into v, a pointer to a struct. Unknown
// and repeated keys are errors, and so is a second document. Nothing at all is
// none: v keeps what it has, as it does for every key that is not there.
func Decode(data []byte, v any) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(v); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		return plain(err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return errors.New("more than one YAML document")
	}
	return nil
}

var (
	unknownField = regexp.MustCompile("field (.+) not found in type .+")
	wrongType    = regexp.MustCompile("cannot unmarshal (!!.+) into (.+)")
)

// plain says what the decoder said without the names of Go's types.
func plain(err error) error {
	var types *yaml.TypeError
	if !errors.As(err, &types) {
		return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	lines := make([]string, len(types.Errors))
	for i, line := range types.Errors {
		line = unknownField.ReplaceAllString(line, `unknown key "$1"`)
		lines[i] = wrongType.ReplaceAllStringFunc(line, func(s string) string {
			m := wrongType.FindStringSubmatch(s)
			return fmt.Sprintf("%s is not %s", found(m[1]), kindOf(m[2]))
		})
	}
	return errors.New(strings.Join(lines, "; "))
}

// found is what the decoder calls by a tag of YAML's: the value, or what there is instead.
func found(tagged string) string {
	tag, value, hasValue := strings.Cut(tagged, " ")
	switch {
	case hasValue:
		return value
	case tag == "!!seq":
		return "a list"
	case tag == "!!map":
		return "a mapping"
	}
	return "this"
}

func kindOf(goType string) string {
	switch {
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case goType == "string":
		return "a single value"
	case strings.HasPrefix(goType, "int"):
		return "a number"
	}
	return "a mapping of keys to values"
}
