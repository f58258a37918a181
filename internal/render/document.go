package render

import (
	"bytes"
	"go/scanner"
	"go/token"
	"regexp"
	"strconv"
	"strings"
)

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
