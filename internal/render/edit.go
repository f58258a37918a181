package render

import (
	"bytes"
	"fmt"
	"go/format"
	"go/parser"
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

// tidy gofmts what became of src. Where the import paths alone changed, as in
// most files, it does so to the head of the file alone: that is half of the time
// of a whole run.
func tidy(src, out []byte) ([]byte, error) {
	if bytes.Equal(src, out) {
		return out, nil
	}
	head, ok := bytes.CutSuffix(out, src[afterImports(src):])
	if !ok {
		return format.Source(out)
	}
	rest := out[len(head):]
	head, err := format.Source(head)
	return append(head, rest...), err
}

// afterImports returns where the line of the last import declaration ends, 0 if
// there is none.
func afterImports(src []byte) int {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", src, parser.ImportsOnly)
	if err != nil || len(file.Decls) == 0 {
		return 0
	}
	end := fset.Position(file.Decls[len(file.Decls)-1].End()).Offset
	return end + bytes.IndexByte(src[end:], '\n') + 1
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
