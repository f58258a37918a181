package render

import (
	"bytes"
	"fmt"
	"go/format"
	"go/scanner"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ouroboros-forge/forge/internal/answers"
)

// edit renders a file that is no text/template, with the names of one topic.
func (r *renderer) edit(name string, src []byte, topic topic) ([]byte, error) {
	isGo := path.Ext(name) == ".go"
	only := isInternal(name)
	if !utf8.Valid(src) {
		return src, nil
	}
	if !bytes.Contains(src, []byte("forge:")) && (only || !mentionsSample(string(src))) { // most files: no need to take them apart
		if !bytes.Contains(src, []byte(templatePath)) {
			return src, nil
		}
		out := bytes.ReplaceAll(src, []byte(templatePath), []byte(r.answers.Module))
		if !isGo {
			return out, nil
		}
		return tidy(src, out)
	}
	scan := scanText
	if isGo {
		scan = scanGo
	}
	doc, err := scan(src)
	if err != nil {
		return nil, err
	}
	out, err := r.render(doc, only, topic)
	if err != nil || !isGo {
		return out, err
	}
	return tidy(src, out)
}

// tidy gofmts what became of src. Mostly only import paths did change, and to
// sort them again is enough, at a fiftieth of the price.
func tidy(src, out []byte) ([]byte, error) {
	if bytes.Equal(src, out) {
		return out, nil
	}
	was, is := afterImports(src), afterImports(out)
	if was < 0 || is < 0 || !sortImports(out[:is]) {
		return format.Source(out)
	}
	if bytes.Equal(src[was:], out[is:]) {
		return out, nil
	}
	return tidyParts(out[:is], src[was:], out[is:])
}

// afterImports returns where the only import declaration of a Go file ends, -1 if
// it has none.
func afterImports(src []byte) int {
	for _, style := range [][2]string{{"\nimport (\n", "\n)\n"}, {"\nimport \"", "\n"}} {
		if at := bytes.Index(src, []byte(style[0])); at >= 0 {
			if end := bytes.Index(src[at+1:], []byte(style[1])); end >= 0 {
				return at + 1 + end + len(style[1])
			}
		}
	}
	return -1
}

// sortImports sorts each paragraph of the imports at the end of head by path, as
// gofmt does ([go/ast.SortImports]). It returns false for what is more than that:
// comments, and paragraphs of which nothing is left.
func sortImports(head []byte) bool {
	const start, end = "\nimport (\n", ")\n"
	at := bytes.LastIndex(head, []byte(start))
	if at < 0 {
		return true // it is a single one
	}
	block := head[at+len(start) : len(head)-len(end)]
	if bytes.Contains(block, []byte("//")) {
		return false
	}
	for paragraph := range bytes.SplitSeq(block, []byte("\n\n")) {
		paragraph = bytes.TrimSuffix(paragraph, []byte("\n"))
		if len(paragraph) == 0 || paragraph[0] == '\n' {
			return false
		}
		lines := bytes.Split(paragraph, []byte("\n"))
		if !slices.IsSortedFunc(lines, byImportPath) {
			slices.SortFunc(lines, byImportPath)
			copy(paragraph, bytes.Join(lines, []byte("\n")))
		}
	}
	return true
}

func byImportPath(a, b []byte) int {
	return bytes.Compare(a[bytes.IndexByte(a, '"')+1:len(a)-1], b[bytes.IndexByte(b, '"')+1:len(b)-1])
}

// tidyParts gofmts what follows the imports part by part, those alone that are
// not as they were in the template. What no part can be by itself makes it do
// the whole.
func tidyParts(head, was, is []byte) ([]byte, error) {
	const clause = "package p\n\n" // makes a file of a part: comments of what is none are formatted otherwise
	known := make(map[string]bool)
	for _, part := range parts(was) {
		known[string(part)] = true
	}
	var b bytes.Buffer
	b.Grow(len(head) + len(is))
	b.Write(bytes.TrimRight(head, "\n"))
	for _, part := range parts(is) {
		if !known[string(part)] {
			formatted, err := format.Source(append([]byte(clause), part...))
			if err != nil {
				return format.Source(append(head, is...))
			}
			part = bytes.TrimSpace(bytes.TrimPrefix(formatted, []byte(clause)))
		}
		b.WriteString("\n\n")
		b.Write(part)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// boundary is between two declarations. Inside of one, what follows an empty line
// is indented.
var boundary = regexp.MustCompile(`\n\n+\b|\n\n+//`)

// parts are the declarations of a file with their comments.
func parts(text []byte) [][]byte {
	text = bytes.Trim(text, "\n")
	var all [][]byte
	start := 0
	for _, at := range boundary.FindAllIndex(text, -1) {
		all = append(all, text[start:at[0]])
		start = at[0] + len(bytes.TrimRight(text[at[0]:at[1]], "/"))
	}
	if start < len(text) {
		all = append(all, text[start:])
	}
	return all
}

// document is a file taken apart: the parts in which names may be replaced, and
// the lines that have a directive, each in order.
type document struct {
	src   []byte
	parts []part
	lines []line
}

// part is a range of bytes with names in it.
type part struct {
	start, end int
	token      token.Token // IDENT and STRING are replaced by rules of their own
}

// line is a line with a directive: from start to the directive's start, end
// being after its line break.
type line struct {
	start, directive, end int
	verb, arg             string
}

// render puts a document together again, with its names replaced and its
// directives obeyed.
func (r *renderer) render(doc document, only bool, topic topic) ([]byte, error) {
	var out bytes.Buffer
	done := 0
	for _, l := range doc.lines {
		doc.write(&out, done, l.start, r.replacer(topic.Names, only))
		done = l.end
		switch {
		case l.verb == "each" && l.arg == "topic":
			for _, t := range r.data.Topics {
				doc.write(&out, l.start, l.directive, r.replacer(t.Names, only))
				out.WriteByte('\n')
			}
		case l.verb == "each" && l.arg == "case" && topic.model != nil:
			out.WriteString(topic.caseRows())
		case l.verb == "each" && l.arg == "case":
			doc.write(&out, l.start, l.directive, r.replacer(topic.Names, only))
			out.WriteByte('\n')
		case (l.verb == "if" || l.verb == "unless") && (isPart(l.arg) || l.arg == "schema"):
			has := r.answers.Has(l.arg)
			if l.arg == "schema" {
				has = topic.model != nil
			}
			if has == (l.verb == "if") {
				doc.write(&out, l.start, l.directive, r.replacer(topic.Names, only))
				out.WriteByte('\n')
			}
		default:
			return nil, fmt.Errorf("unknown directive forge:%s %s", l.verb, l.arg)
		}
	}
	doc.write(&out, done, len(doc.src), r.replacer(topic.Names, only))
	return out.Bytes(), nil
}

// write writes the bytes from start to end with the names in them replaced. A
// part that is not wholly inside is not touched.
func (d document) write(out *bytes.Buffer, start, end int, with replacer) {
	for _, p := range d.parts {
		lo, hi := p.start, p.end
		if p.token == token.ILLEGAL { // text may be cut anywhere
			lo, hi = max(lo, start), min(hi, end)
		}
		if lo < start || hi > end || lo >= hi {
			continue
		}
		out.Write(d.src[start:lo])
		switch text := string(d.src[lo:hi]); p.token {
		case token.IDENT:
			out.WriteString(with.identifier(text))
		case token.STRING:
			out.WriteString(replaceQuoted(text, with))
		default:
			out.WriteString(with.replace(text))
		}
		start = hi
	}
	out.Write(d.src[start:end])
}

// replaceQuoted replaces names in a Go string, which keeps its kind of quotes.
func replaceQuoted(literal string, with replacer) string {
	value, err := strconv.Unquote(literal)
	if err != nil {
		return literal // a mistake that gofmt will name
	}
	switch replaced := with.replace(value); {
	case replaced == value:
		return literal
	case literal[0] == '`': // no name has a back quote
		return "`" + replaced + "`"
	default:
		return strconv.Quote(replaced)
	}
}

func (r *renderer) replacer(topic answers.Names, only bool) replacer {
	return replacer{module: r.answers.Module, service: r.answers.Name, image: r.data.Slug, names: topic, only: only}
}

func isPart(name string) bool { return slices.Contains(answers.Parts(), name) }

// scanGo finds the tokens of a Go file that may have names in them.
func scanGo(src []byte) (document, error) {
	doc := document{src: src}
	var errs scanner.ErrorList
	file := token.NewFileSet().AddFile("", -1, len(src))
	var s scanner.Scanner
	s.Init(file, src, errs.Add, scanner.ScanComments)
	for {
		pos, tok, lit := s.Scan()
		start := file.Offset(pos)
		switch tok {
		case token.EOF:
			return doc, errs.Err()
		case token.COMMENT:
			if words, directive, ok := strings.Cut(lit, "//forge:"); ok { // words explain the line, and stay with it
				doc.parts = append(doc.parts, part{start: start, end: start + len(strings.TrimRight(words, " ")), token: tok})
				doc = doc.withLine(start+len(words), start+len(lit), directive)
				continue
			}
			fallthrough
		case token.IDENT, token.STRING:
			doc.parts = append(doc.parts, part{start: start, end: start + len(lit), token: tok})
		}
	}
}

var textDirective = regexp.MustCompile(`(?m)(?:#|//)forge:(.*)$`)

// scanText finds the directives of a text file; names may be anywhere in it.
func scanText(src []byte) (document, error) {
	doc := document{src: src, parts: []part{{end: len(src)}}}
	for _, m := range textDirective.FindAllSubmatchIndex(src, -1) {
		doc = doc.withLine(m[0], m[1], string(src[m[2]:m[3]]))
	}
	return doc, nil
}

// withLine adds the directive at [start,end), the end of its line.
func (d document) withLine(start, end int, directive string) document {
	verb, arg, _ := strings.Cut(strings.TrimRight(directive, " \t\r"), " ")
	l := line{start: bytes.LastIndexByte(d.src[:start], '\n') + 1, directive: start, end: end, verb: verb, arg: arg}
	l.directive = l.start + len(bytes.TrimRight(d.src[l.start:start], " \t"))
	if end < len(d.src) {
		l.end++
	}
	d.lines = append(d.lines, l)
	return d
}
