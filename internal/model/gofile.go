package model

import (
	"fmt"
	"go/format"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Go returns the file that declares the model of a topic, after Declare. The
// module is the one that the model is in, and file its name without .go.
func (m *Model) Go(topic, messageType, module, file string) ([]byte, error) {
	var b strings.Builder
	b.WriteString("package models\n")
	m.imports(&b, module)
	for i, rec := range m.records() {
		if i == 0 {
			m.bodyDoc(&b, rec, topic)
		} else {
			comment(&b, "", rec.explained(fmt.Sprintf("%s is a part of %s.", rec.Name, m.Body.Name))...)
		}
		m.declare(&b, rec, i == 0)
		if i == 0 {
			m.methods(&b, topic, messageType)
			m.schemaMethods(&b, file)
		}
	}
	for _, t := range m.enums() {
		t.Enum.write(&b)
	}
	return format.Source([]byte(b.String()))
}

func (m *Model) imports(b *strings.Builder, module string) {
	needs := make(map[string]bool)
	for _, rec := range m.records() {
		for _, f := range rec.Fields {
			for t := f.Type; t != nil; t = t.Elem {
				needs["time"] = needs["time"] || t.Kind == Time
				needs["message"] = needs["message"] || t.Kind == Decimal
			}
		}
	}
	if key := m.key(); key != nil && key.Type.Kind == Int {
		needs["strconv"] = true
	}
	var std []string
	for _, path := range []string{"strconv", "time"} {
		if needs[path] {
			std = append(std, strconv.Quote(path))
		}
	}
	if m.embeds() {
		std = slices.Insert(std, 0, `_ "embed" // for the schema`)
	}
	own := ""
	if needs["message"] || m.forbidsExtra() || m.avro && len(m.says()) > 0 {
		own = "\n" + strconv.Quote(module+"/internal/message") + "\n"
	}
	switch {
	case len(std) == 0 && own == "":
	case len(std) == 0 || len(std) == 1 && own == "":
		b.WriteString("\nimport " + strings.TrimSpace(strings.Join(std, "")+own) + "\n")
	default:
		b.WriteString("\nimport (\n" + strings.Join(std, "\n") + "\n" + own + ")\n")
	}
}

// embeds reports whether the schema itself is a file beside the model's.
func (m *Model) embeds() bool { return m.avro && m.source != "" }

// noteExtra notes of structs that have no other fields, where not all of a body are
// so: a model refuses such fields everywhere, or nowhere. In Avro there are none.
func (m *Model) noteExtra() {
	if m.avro || m.forbidsExtra() {
		return
	}
	for _, rec := range m.records() {
		if rec.Closed {
			rec.unchecked = append(rec.unchecked, "Not checked: that it has no other fields.")
		}
	}
}

// forbidsExtra reports whether a field that nothing describes is a mistake, at
// every depth. In Avro there is none.
func (m *Model) forbidsExtra() bool {
	return !m.avro && !slices.ContainsFunc(m.records(), func(rec *Record) bool { return !rec.Closed })
}

func (m *Model) bodyDoc(b *strings.Builder, rec *Record, topic string) {
	about := fmt.Sprintf("%s is the body of the messages on the topic %s. The validate tags are checked before a handler sees it; "+
		"a method Validate() error would take their place.", rec.Name, topic)
	if m.guessed {
		about += " They are a guess, made from one message."
	}
	if m.pointers() {
		about += " A number that must be there is a pointer, which tells 0 from missing."
	}
	comment(b, "", rec.explained(about)...)
}

// explained are the paragraphs of a struct's comment.
func (rec *Record) explained(about string) []string {
	return append(append([]string{about, rec.Doc}, rec.unchecked...), deprecated(rec.isDeprecated, rec.Doc))
}

// deprecated is the paragraph that tools look for, unless the words say it.
func deprecated(is bool, doc string) string {
	if !is || strings.HasPrefix(doc, deprecatedWord) || strings.Contains(doc, "\n"+deprecatedWord) {
		return ""
	}
	return deprecatedWord + " the schema says so."
}

const deprecatedWord = "Deprecated:"

// pointers reports whether a reader may wonder about a pointer.
func (m *Model) pointers() bool {
	for _, rec := range m.records() {
		for _, f := range rec.Fields {
			if (f.Type.Kind == Int || f.Type.Kind == Float) && m.tellsMissing(f) {
				return true
			}
		}
	}
	return false
}

func (m *Model) declare(b *strings.Builder, rec *Record, isBody bool) {
	if len(rec.Fields) == 0 && (!isBody || !m.forbidsExtra()) {
		fmt.Fprintf(b, "type %s struct{}\n", rec.Name)
		return
	}
	fmt.Fprintf(b, "type %s struct {\n", rec.Name)
	if isBody && m.forbidsExtra() {
		b.WriteString("\tmessage.ForbidExtra\n\n")
	}
	for _, f := range rec.Fields {
		comment(b, "\t", f.Doc, strings.Join(f.Type.notes(), "\n"), deprecated(f.isDeprecated, f.Doc))
		star := ""
		if m.isPointer(f) {
			star = "*"
		}
		fmt.Fprintf(b, "\t%s %s%s %s\n", f.Go, star, f.Type.goType(), goTag(m.tag(f)))
	}
	b.WriteString("}\n")
}

// write declares a type whose values are constants.
func (e *Enum) write(b *strings.Builder) {
	comment(b, "", e.Name+" is one of the constants below.", e.Doc)
	fmt.Fprintf(b, "type %s string\n\n// The values of %s.\nconst (\n", e.Name, e.Name)
	for _, value := range e.Values {
		fmt.Fprintf(b, "%s %s = %s\n", value.Go, e.Name, strconv.Quote(value.Text))
	}
	b.WriteString(")\n")
}

// notes are what a field's comment says of rules that no tag can say.
func (t *Type) notes() []string {
	var all []string
	for ; t != nil; t = t.Elem {
		all = append(all, t.unchecked...)
	}
	return all
}

// tag is a field's tag.
func (m *Model) tag(f *Field) string {
	name := f.JSON
	if !f.Required {
		name += ",omitempty"
	}
	parts := []string{"json:" + strconv.Quote(name)}
	if m.avro {
		if avro := m.avroTag(f); avro != "" {
			parts = append(parts, "avro:"+strconv.Quote(avro))
		}
	}
	if rules := m.rules(f); len(rules) > 0 {
		parts = append(parts, "validate:"+strconv.Quote(strings.Join(rules, ",")))
	}
	return strings.Join(parts, " ")
}

// avroTag is what the codec must know of a field. A model made from an Avro
// schema has the schema's own names and types.
func (m *Model) avroTag(f *Field) string {
	t := f.Type.innermost()
	name := ""
	if m.source != "" {
		name = f.JSON
	}
	logical := t.logical
	if logical == "" && t.Kind == Text && t.format == "uuid" {
		logical = "uuid"
	}
	switch {
	case logical == "" || strings.HasPrefix(logical, "local-"):
		return name
	default:
		return name + "," + logical
	}
}

// goTag writes a tag as a string of Go, in back quotes if that can be.
func goTag(tag string) string {
	if strconv.CanBackquote(tag) {
		return "`" + tag + "`"
	}
	return strconv.Quote(tag)
}

func (m *Model) methods(b *strings.Builder, topic, messageType string) {
	name := m.Body.Name
	comment(b, "", "MessageType is what the header's messageType must say. The topic can have other types too, each with a model and a handler of its own.")
	fmt.Fprintf(b, "func (%s) MessageType() string { return %q }\n", name, messageType)
	comment(b, "", fmt.Sprintf("Topic is where %s %s is published.", m.article(), name))
	fmt.Fprintf(b, "func (%s) Topic() string { return %q }\n", name, topic)
	comment(b, "", "Key is the id of what the message is about. Messages with the same key stay in their order; an empty one is none.")
	key := m.key()
	switch {
	case key == nil:
		fmt.Fprintf(b, "func (%s) Key() string { return \"\" }\n", name)
	case m.isPointer(key):
		fmt.Fprintf(b, "func (m %s) Key() string {\n\tif m.%s == nil {\n\t\treturn \"\"\n\t}\n\treturn %s\n}\n", name, key.Go, keyText(key, "*m."+key.Go))
	default:
		fmt.Fprintf(b, "func (m %s) Key() string { return %s }\n", name, keyText(key, "m."+key.Go))
	}
}

// keyText is how Go writes the value of a key as a text.
func keyText(key *Field, value string) string {
	switch {
	case key.Type.Kind == Text:
		return value
	case key.Type.Uint:
		return "strconv.FormatUint(" + value + ", 10)"
	case key.Type.Bits == 32:
		value = "int64(" + value + ")"
	}
	return "strconv.FormatInt(" + value + ", 10)"
}

// schemaMethods are what a codec asks a model for.
func (m *Model) schemaMethods(b *strings.Builder, file string) {
	if !m.avro {
		return
	}
	name := m.Body.Name
	says := m.says()
	if len(says) > 0 {
		comment(b, "", fmt.Sprintf("Schema is what %s is called in the registry.", m.article()+" "+name))
		fmt.Fprintf(b, "func (%s) Schema() message.Schema {\n\treturn message.Schema{%s}\n}\n", name, strings.Join(says, ", "))
	}
	if !m.embeds() {
		return
	}
	private := strings.ToLower(name[:1]) + name[1:] + "Schema"
	fmt.Fprintf(b, "\n//go:embed %s.avsc\nvar %s string\n", file, private)
	comment(b, "", "AvroSchema is the schema itself, since not all that it says can be told from the struct.")
	fmt.Fprintf(b, "func (%s) AvroSchema() string { return %s }\n", name, private)
}

// says are the fields of what a model says of its schema.
func (m *Model) says() []string {
	var says []string
	for _, part := range [][2]string{{"Namespace", m.Namespace}, {"Name", m.Name}, {"Version", m.Version}} {
		if part[1] != "" && part != [2]string{"Version", "1"} {
			says = append(says, part[0]+": "+strconv.Quote(part[1]))
		}
	}
	return says
}

// article is the one that goes before the model's name.
func (m *Model) article() string {
	if strings.ContainsRune("AEIOU", rune(m.Body.Name[0])) {
		return "an"
	}
	return "a"
}

// key is the field that says what a message is about, or nil: the id, or else the
// first of others' ids that must be there. Any other text could be one that many
// share, or that changes.
func (m *Model) key() *Field {
	var first *Field
	for _, f := range m.Body.Fields {
		switch {
		case f.Type.Kind != Text && f.Type.Kind != Int || f.Type.Enum != nil:
		case f.Go == "ID" || f.Go == "KeyField":
			return f
		case first == nil && f.Required && strings.HasSuffix(f.Go, "ID"):
			first = f
		}
	}
	return first
}

// comment writes paragraphs as a comment of Go. What comes from a schema can
// have any form there, so that only its words are kept.
func comment(b *strings.Builder, indent string, paragraphs ...string) {
	begun := false
	for _, p := range paragraphs {
		for text := range strings.SplitSeq(p, "\n") {
			words := strings.Fields(strings.Map(printable, text))
			if len(words) == 0 {
				continue
			}
			if begun && (indent == "" || words[0] == deprecatedWord) { // which tools look for at a paragraph's start
				b.WriteString(indent + "//\n")
			} else if indent == "" {
				b.WriteString("\n")
			}
			begun = true
			writeWrapped(b, indent+"//", words)
		}
	}
}

// writeWrapped writes words on lines that begin with a prefix.
func writeWrapped(b *strings.Builder, prefix string, words []string) {
	const width = 77
	line := prefix
	for i, w := range words {
		if i == 0 {
			w = harmless(w)
		}
		if line != prefix && len([]rune(line))+1+len([]rune(w)) > width {
			b.WriteString(line + "\n")
			line = prefix
		}
		line += " " + w
	}
	b.WriteString(line + "\n")
}

// printable keeps what a person can see.
func printable(r rune) rune {
	if unicode.IsSpace(r) || !unicode.IsPrint(r) {
		return ' '
	}
	return r
}

// harmless changes the first word of a comment if a program would take it for
// something.
func harmless(w string) string {
	lower := strings.ToLower(w)
	for _, meant := range []string{"nolint", "+build", "go:", "lint:", "forge:", "#", "-", "*", "["} {
		if strings.HasPrefix(lower, meant) {
			return "“" + w + "”"
		}
	}
	return w
}
