package plan

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"slices"

	"github.com/ouroboros-forge/forge/internal/answers"
)

// tellModels says so of an openapi.yaml that is written of the models as forge writes
// them, where those of the user have other fields: a test compares them.
func (p *planner) tellModels() {
	if !slices.ContainsFunc(p.plan.Steps, func(s Step) bool { return s.Path == openAPI && s.Kind == Write }) {
		return
	}
	for _, topic := range p.Record.Answers.Topics {
		name := "models/" + answers.NamesOf(topic).File + ".go"
		if base, was := p.base[name]; was && !bytes.Equal(typesOf(base.Content), typesOf(p.contentOf(name))) {
			p.step(Step{Path: openAPI, Kind: Keep, Reason: "is of models as forge writes them, and " + name + " is yours", Lines: []Line{updateOpenAPI}})
			return
		}
	}
}

// typesOf are the types that a Go file declares, without comments.
func typesOf(src []byte) []byte {
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, "", src, parser.SkipObjectResolution)
	if err != nil {
		return src
	}
	var b bytes.Buffer
	for _, d := range f.Decls {
		if gen, ok := d.(*ast.GenDecl); ok && gen.Tok == token.TYPE {
			_ = format.Node(&b, token.NewFileSet(), gen) // of what was parsed
		}
	}
	return b.Bytes()
}
