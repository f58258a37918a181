package render

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"text/template"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/model"
)

// data is what a file that is a text/template can say.
type data struct {
	answers.Answers        // .Name .Module .Group .Brokers, .Has "docker"
	Slug            string // the name as Docker takes it: small letters, digits, dashes
	Topics          []topic
	First           topic // the first of Topics
	ForgeVersion    string
}

func newData(a answers.Answers, forgeVersion string) (data, error) {
	d := data{Answers: a, Slug: slug(a.Name), ForgeVersion: forgeVersion}
	var err error
	if d.Topics, err = newTopics(a); err != nil {
		return d, err
	}
	d.First = d.Topics[0]
	return d, nil
}

// funcs bring a value into a kind of file so that it reads back equal there.
var funcs = template.FuncMap{
	"envQuote":     answers.EnvQuote,
	"yamlQuote":    yamlQuote,
	"yamlKey":      model.YAMLKey,
	"composeQuote": func(s string) string { return yamlQuote(strings.ReplaceAll(s, "$", "$$")) },
	"goQuote":      strconv.Quote,
	"mdCode":       mdCode,
	"mdCell":       func(s string) string { return strings.ReplaceAll(mdCode(s), "|", `\|`) },
	"mermaid":      mermaid,
	"join":         strings.Join,
	"indent":       func(n int, s string) string { return strings.ReplaceAll(s, "\n", "\n"+strings.Repeat(" ", n)) },
}

// ServiceName is the slug as Kubernetes takes it for a Service: a letter comes first.
func (d data) ServiceName() string {
	if d.Slug[0] >= 'a' {
		return d.Slug
	}
	return strings.TrimRight(("s-" + d.Slug)[:min(len(d.Slug)+2, 63)], "-")
}

func execute(name string, src []byte, d data) ([]byte, error) {
	t, err := template.New(name).Funcs(funcs).Parse(string(src))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, d); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// slug makes a name that Docker takes for an image or a project.
func slug(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r > 'z' || !isLetterOrDigit(byte(r)) })
	return strings.Join(words, "-")
}

// yamlQuote writes a value of printable characters as a scalar in double quotes.
func yamlQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// mdCode writes a code span of Markdown.
func mdCode(s string) string {
	longest, run := 0, 0
	for _, r := range s {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	fence, pad := strings.Repeat("`", longest+1), ""
	if strings.Trim(s, " `") != s { // Markdown takes one space off, and reads a longer fence
		pad = " "
	}
	return fence + pad + s + pad + fence
}

// mermaid writes text for a label in double quotes of a mermaid picture.
func mermaid(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < 128 && isLetterOrDigit(byte(r)) || strings.ContainsRune(" ._-/:", r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}
