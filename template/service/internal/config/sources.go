package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A line of .env is NAME=value, perhaps after export. In single quotes each
// character stands for itself; in double quotes \n is a line break, and \" \\ \$
// are the character behind the backslash; both may have several lines. Any other
// value ends at a blank with a # behind it.
var (
	dotEnvLine = regexp.MustCompile(`^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.]*)[ \t]*=` +
		`(?:[ \t]*(?:'([^']*)'|"((?:[^"\\]|\\.)*)")[ \t]*(?:[ \t]#.*)?|([ \t]*[^\s'"].*|[ \t]*))(?:\n|$)`)
	dotEnvEmpty   = regexp.MustCompile(`^[ \t]*(?:#.*)?(?:\n|$)`)
	dotEnvAny     = regexp.MustCompile(`^.*\n?`)
	dotEnvComment = regexp.MustCompile(`[ \t]+#.*`)
	dotEnvEscapes = strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\t`, "\t", `\"`, `"`, `\$`, "$", `\\`, `\`)
	dotEnvExpands = regexp.MustCompile(`(?:^|[^\\])\$[A-Za-z0-9_{(]`) // by a shell
)

// readDotEnv reads .env, if there is one. What other readers of such a file would
// change is refused, and never changed.
func (l *loader) readDotEnv() (found []given) {
	content, err := os.ReadFile(DotEnv)
	if err != nil && !os.IsNotExist(err) {
		l.note("%v", err)
	}
	text := strings.ReplaceAll(strings.TrimPrefix(string(content), "\ufeff"), "\r\n", "\n")
	for line := 1; text != ""; {
		place, read := fmt.Sprintf("%s:%d", DotEnv, line), dotEnvEmpty.FindString(text)
		if m := dotEnvLine.FindStringSubmatch(text); m != nil {
			bare := dotEnvComment.ReplaceAllString(m[4], "")
			value := m[2] + dotEnvEscapes.Replace(m[3]) + strings.ReplaceAll(strings.TrimSpace(bare), `\$`, "$")
			found = append(found, given{name: m[1], text: value, place: place, cut: bare != m[4]})
			if dotEnvExpands.MatchString(m[3] + bare) {
				l.note("%s: %s: other programs take a $ and what follows for a variable: put the value in single quotes", place, m[1])
			}
			read = m[0]
		} else if read == "" {
			l.note("%s: not NAME=value: the name has a character other than letters, digits, dots and underscores, or a quote is not closed", place)
			read = dotEnvAny.FindString(text)
		}
		line += strings.Count(read, "\n")
		text = text[len(read):]
	}
	return found
}

// readYAML reads the YAML file that flag, or another source of CONFIG_FILE, names.
func (l *loader) readYAML(flag given) []given {
	content, err := os.ReadFile(flag.text)
	if err != nil {
		l.refuse(Setting{Name: configFile}, flag, "must be a file that can be read: %v", errors.Unwrap(err))
		return nil
	}
	var doc, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	if err = decoder.Decode(&doc); err == nil && !errors.Is(decoder.Decode(&second), io.EOF) {
		err = errors.New("a second document")
	}
	if errors.Is(err, io.EOF) {
		return nil // nothing but comments
	} else if err != nil {
		text := strings.TrimPrefix(err.Error(), "yaml: ")
		if strings.Contains(text, "anchor") { // its name is quoted, and may be a password that begins with *
			text = "a value that begins with * must be in quotes"
		}
		l.note("%s: not YAML: %s", flag.text, text)
		return nil
	}
	return l.named(flag.text, "", doc.Content[0])
}

// named returns the settings of a YAML file or a map: the service's, or with a
// prefix those of a consumer.
func (l *loader) named(source, prefix string, node *yaml.Node) (found []given) {
	if node.Kind != yaml.MappingNode && node.ShortTag() != "!!null" {
		l.note("%s:%d: settings are names with values, such as kafka_max_workers: 10", source, node.Line)
		return nil
	}
	for i := 0; i < len(node.Content); i += 2 {
		g, content := given{name: node.Content[i].Value, place: source, prefix: prefix}, node.Content[i+1]
		if source != fromMap {
			g.place = fmt.Sprintf("%s:%d", source, node.Content[i].Line)
		}
		s, ofConsumer := l.setting(g.name)
		var ok bool
		g.text, ok = textOf(content, s.value)
		switch {
		case g.name == "consumers" && prefix == "" && (content.Kind == yaml.MappingNode || ok && g.text == ""):
			for i := 0; i < len(content.Content); i += 2 {
				found = append(found, l.named(source, prefixOf(content.Content[i].Value), content.Content[i+1])...)
			}
		case g.name == "consumers" && prefix == "":
			l.note("%s: consumers must be names, each with settings below it", g.place)
		case s.Name == "" || ofConsumer != "":
			l.unknown(g, "")
		case prefix != "" && !strings.HasPrefix(s.Name, kafkaPrefix):
			l.note("%s: %s is a setting of the whole service, not of a consumer", g.place, g.name)
		case s.Name == configFile:
			l.note("%s: %s names the file to read: set it in the environment, in %s or by --config", g.place, g.name, DotEnv)
		case !ok:
			l.note("%s: %s must be one value, or a list where the setting is one; in quotes if it begins with &, * or !", g.place, g.name)
		default:
			if strings.HasSuffix(g.name, ".ms") && g.text != "" && strings.Trim(g.text, "0123456789") == "" {
				g.text += "ms" // as Kafka's clients mean it
			}
			found = append(found, g)
		}
	}
	return found
}

// textOf returns a value as it is written, so that 010 is not 8 and no is not
// false; nothing for null; for a slice, the elements of a list joined by commas.
func textOf(node *yaml.Node, field reflect.Value) (text string, ok bool) {
	switch {
	case node.Anchor != "" || node.Style&yaml.TaggedStyle != 0:
		return "", false
	case node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null":
		return "", true
	case node.Kind == yaml.ScalarNode:
		return node.Value, true
	case node.Kind != yaml.SequenceNode || field.Kind() != reflect.Slice:
		return "", false
	}
	texts := make([]string, len(node.Content))
	for i, element := range node.Content {
		if texts[i], ok = textOf(element, reflect.Value{}); !ok {
			return "", false
		}
	}
	return strings.Join(texts, ","), true
}

// nodeOf returns a value of Go as YAML would have it. It asks no method of a
// text: that of a Secret would hide it.
func nodeOf(v reflect.Value) *yaml.Node {
	node := &yaml.Node{Kind: yaml.ScalarNode}
	switch kind := v.Kind(); {
	case kind == reflect.Interface:
		return nodeOf(v.Elem())
	case kind == reflect.Invalid: // nil
		node.Tag = "!!null"
	case kind == reflect.String:
		node.Tag, node.Value = "!!str", v.String()
	case kind == reflect.Float64: // a number of JSON
		node.Value = strconv.FormatFloat(v.Float(), 'f', -1, 64)
	case kind == reflect.Map:
		node.Kind = yaml.MappingNode
		for _, key := range slices.SortedFunc(slices.Values(v.MapKeys()), func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) }) {
			node.Content = append(node.Content, nodeOf(key), nodeOf(v.MapIndex(key)))
		}
	case kind == reflect.Slice:
		node.Kind = yaml.SequenceNode
		for _, element := range v.Seq2() {
			node.Content = append(node.Content, nodeOf(element))
		}
	case kind <= reflect.Float32:
		node.Tag, node.Value = "!!str", fmt.Sprint(v)
	default:
		node.Kind = 0 // no setting's
	}
	return node
}
