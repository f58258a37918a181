package render

import (
	"bytes"
	"fmt"
	"go/format"
	"go/parser"
	"go/token"
	"path"
	"slices"
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

func (r *renderer) replacer(topic answers.Names, only bool) replacer {
	return replacer{module: r.answers.Module, service: r.answers.Name, image: r.data.Slug, names: topic, only: only}
}

func isPart(name string) bool { return slices.Contains(answers.Parts(), name) }

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
