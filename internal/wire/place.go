package wire

import (
	"go/ast"
	"go/parser"
	"maps"
	"slices"
	"strings"
)

// add puts a statement of next into a function of ours, unless it is there.
func (c *carrier) add(ch change, fn *ast.FuncDecl, i int, names map[string]string) error {
	stmt := ch.next.Body.List[i]
	text, imports, err := c.translate(c.next, stmt, names)
	if err != nil {
		return c.unlessDone(ch, c.noPlace(ch, err.Error()))
	}
	if c.isThere(fn, text) || len(c.elsewhere(c.next, stmt)) > 0 {
		return nil
	}
	if name := c.unknownField(fn, stmt, names); name != "" {
		return c.noPlace(ch, "has no field "+name)
	}
	after, before := c.anchor(ch, fn, i, text, names)
	if after == nil && before == nil {
		return c.noPlace(ch, ch.name+" has nothing that forge wrote beside it")
	}
	if comment := c.next.trailing(stmt); strings.HasPrefix(comment, "//") {
		text += " " + comment
	}
	c.edits = append(c.edits, c.insert(fn, after, before, text))
	for _, p := range imports {
		if !slices.Contains(c.imports, p) {
			c.imports = append(c.imports, p)
		}
	}
	return nil
}

// elsewhere are the calls of the same function with the same texts in the other
// files of the package, such as a part of Register that the user has moved there.
func (c *carrier) elsewhere(from *source, stmt ast.Stmt) (found []Left) {
	want := from.qualified(stmtSignature(stmt))
	if want == "" {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(c.others)) {
		other := c.others[name]
		ast.Inspect(other.file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && other.qualified(signature(call)) == want {
				found = append(found, Left{File: name, Line: other.line(call.Pos()), Text: other.text(call)})
			}
			return true
		})
	}
	return found
}

// isThere reports whether a function has a statement, or calls the same with the
// same texts.
func (c *carrier) isThere(fn *ast.FuncDecl, text string) bool {
	want, found := signatureOf(text), false
	wanted := words(text)
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			found = found || want != "" && signature(n) == want
		case ast.Stmt:
			found = found || c.ours.words(n) == wanted
		}
		return !found
	})
	return found
}

// signatureOf is the signature of a statement's text, or "".
func signatureOf(text string) string {
	e, err := parser.ParseExpr(text)
	if err != nil {
		return ""
	}
	return signature(e)
}

// unknownField returns the field of a parameter that a statement reads and that
// its type, a struct of the same file, does not have; or "".
func (c *carrier) unknownField(fn *ast.FuncDecl, stmt ast.Stmt, names map[string]string) string {
	structs := make(map[string]*ast.StructType)
	ast.Inspect(c.ours.file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok {
			if s, ok := spec.Type.(*ast.StructType); ok {
				structs[spec.Name.Name] = s
			}
		}
		return true
	})
	unknown := ""
	ast.Inspect(stmt, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := sel.X.(*ast.Ident)
		if !ok {
			return true
		}
		for _, p := range fields(c.ours, fn) {
			typ := strings.TrimPrefix(p.typ, "* ")
			s := structs[typ]
			if p.name == names[x.Name] && s != nil && !hasField(s, sel.Sel.Name) && !c.hasMethod(typ, sel.Sel.Name) {
				unknown = typ + "." + sel.Sel.Name
			}
		}
		return true
	})
	return unknown
}

// hasMethod reports whether a type of the package has a method.
func (c *carrier) hasMethod(typ, name string) bool {
	for _, s := range append(slices.Collect(maps.Values(c.others)), c.ours) {
		for _, d := range s.file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil && fn.Name.Name == name && receiver(fn.Recv.List[0].Type) == typ {
				return true
			}
		}
	}
	return false
}

func hasField(s *ast.StructType, name string) bool {
	for _, f := range s.Fields.List {
		if len(f.Names) == 0 { // what is in an embedded struct is not known here
			return true
		}
		if slices.ContainsFunc(f.Names, func(id *ast.Ident) bool { return id.Name == name }) {
			return true
		}
	}
	return false
}

// anchor is the statement of ours after or before which the new one goes: after
// the last that calls the same function, else beside one that next has beside it.
func (c *carrier) anchor(ch change, fn *ast.FuncDecl, i int, text string, names map[string]string) (after, before ast.Stmt) {
	if want := calleeOf(signatureOf(text)); want != "" {
		for _, s := range slices.Backward(fn.Body.List) {
			if calleeOf(stmtSignature(s)) == want {
				return s, nil
			}
		}
	}
	for j := i - 1; j >= 0; j-- {
		if s := c.counterpart(ch.next.Body.List[j], fn, names); s != nil {
			return s, nil
		}
	}
	for _, sibling := range ch.next.Body.List[i+1:] {
		if s := c.counterpart(sibling, fn, names); s != nil {
			return nil, s
		}
	}
	return nil, nil
}

// counterpart is the statement at the top of a function of ours that is one of
// next's, perhaps changed.
func (c *carrier) counterpart(stmt ast.Stmt, fn *ast.FuncDecl, names map[string]string) ast.Stmt {
	text, _, err := c.translate(c.next, stmt, names)
	if err != nil {
		return nil
	}
	want, wanted := signatureOf(text), words(text)
	for _, s := range fn.Body.List {
		if c.ours.words(s) == wanted || want != "" && stmtSignature(s) == want {
			return s
		}
	}
	return nil
}

// insert is the edit that puts text after or before a statement, on a line of
// its own where the statement has one.
func (c *carrier) insert(fn *ast.FuncDecl, after, before ast.Stmt, text string) edit {
	o := c.ours
	if before != nil {
		at := o.offset(before.Pos())
		start := o.lineStart(at)
		if indent := string(o.src[start:at]); strings.TrimSpace(indent) == "" {
			return edit{start, start, indent + text + o.newline()}
		}
		c.inline = true
		return edit{at, at, withoutComment(text) + "; "}
	}
	end := o.offset(after.End())
	next := fn.Body.Rbrace
	for _, s := range fn.Body.List {
		if s.Pos() >= after.End() {
			next = s.Pos()
			break
		}
	}
	if o.line(next) == o.line(after.End()) {
		c.inline = true
		return edit{end, end, "; " + withoutComment(text)}
	}
	last := o.lineEnd(end)
	for _, group := range o.file.Comments { // one that begins on the line may end below
		if from := o.offset(group.Pos()); end <= from && from < last {
			last = o.lineEnd(o.offset(group.End()))
		}
	}
	start := o.lineStart(o.offset(after.Pos()))
	indent := string(o.src[start:o.offset(after.Pos())])
	if strings.TrimSpace(indent) != "" {
		indent = "\t"
	}
	return edit{last + 1, last + 1, indent + text + o.newline()} // the brace is on a line below
}

func withoutComment(text string) string {
	before, _, _ := strings.Cut(text, " //")
	return before
}

// cut takes a statement out of a function of ours. It is text as forge wrote it,
// with ours' names. What the user changed is left, and so are other calls of the
// same function with the same texts: these are named.
func (c *carrier) cut(fn *ast.FuncDecl, stmt ast.Stmt, text string) error {
	wanted, want := words(text), signatureOf(text)
	found, left := false, len(c.left)
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		list := statementList(n)
		for i, s := range list {
			same := c.ours.words(s) == wanted
			switch {
			case same && !found && c.isAsWritten(s, stmt):
				found = true
				c.edits = append(c.edits, c.without(list, i))
			case same || want != "" && stmtSignature(s) == want:
				c.left = append(c.left, Left{Line: c.ours.line(s.Pos()), Text: c.ours.text(s)})
			}
		}
		return true
	})
	c.left = append(c.left, c.elsewhere(c.base, stmt)...)
	if !found && len(c.left) == left && want == "" { // it may be there in any form
		return ErrOther
	}
	return nil
}

// isAsWritten reports whether a statement of ours has no comment that the one of
// base has not.
func (c *carrier) isAsWritten(ours, base ast.Stmt) bool {
	comment := c.ours.trailing(ours)
	isComment := strings.HasPrefix(comment, "//") || strings.HasPrefix(comment, "/*")
	return !c.ours.hasComment(ours) && (!isComment || comment == c.base.trailing(base))
}

func statementList(n ast.Node) []ast.Stmt {
	switch n := n.(type) {
	case *ast.BlockStmt:
		return n.List
	case *ast.CaseClause:
		return n.Body
	case *ast.CommClause:
		return n.Body
	}
	return nil
}

// without is the edit that takes out the i-th statement of a list, and its line
// if it has one of its own.
func (c *carrier) without(list []ast.Stmt, i int) edit {
	o, s := c.ours, list[i]
	start, end := o.offset(s.Pos()), o.offset(s.End())
	rest := o.trailing(s)
	if strings.TrimSpace(string(o.src[o.lineStart(start):start])) == "" && (rest == "" || strings.HasPrefix(rest, "//")) {
		return edit{o.lineStart(start), min(o.lineEnd(end)+1, len(o.src)), ""}
	}
	c.inline = true
	switch {
	case i > 0:
		start = o.offset(list[i-1].End())
	case i+1 < len(list):
		end = o.offset(list[i+1].Pos())
	}
	return edit{start, end, ""}
}
