package model

import (
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// Case is a body with what becomes of it.
type Case struct {
	Name    string
	Body    string // JSON, on one line
	Field   string // at fault, as its path in JSON; empty when the body is valid
	Problem string // what the service says of it, as in body.amount: must be greater than 0; empty when the body is valid
	Wire    bool   // it can be sent as the messages are: in Avro not all that is wrong can be
}

// Cases are bodies to test with: one that is valid, then some that are not.
func (m *Model) Cases() []Case {
	valid := m.valid()
	cases := []Case{{Name: "valid", Body: valid.String(), Wire: true}}
	for i, name := range valid.names {
		at := slices.IndexFunc(m.Body.Fields, func(f *Field) bool { return f.JSON == name })
		if at < 0 || len(cases) > mostCases {
			continue
		}
		if c, ok := m.wrong(valid, i, m.Body.Fields[at]); ok {
			cases = append(cases, c)
		}
	}
	slices.SortStableFunc(cases[1:], func(a, b Case) int { return btoi(b.Wire) - btoi(a.Wire) })
	if len(cases) == 1 {
		cases = append(cases, Case{Name: "no object", Body: "[]", Problem: "body: must be an object, got array"})
	}
	return cases
}

// mostCases is how many wrong bodies show what a model refuses.
const mostCases = 4

// wrong makes a case of a body in which field f, its i-th, breaks a rule, or has
// the wrong kind.
func (m *Model) wrong(body value, i int, f *Field) (Case, bool) {
	t := f.Type
	c := Case{Field: f.JSON, Wire: true}
	set := func(name, text, problem string) (Case, bool) {
		c.Name, c.Problem = name, "body"+pathOf(f.JSON)+": "+problem
		c.Body = body.with(i, &value{text: text}).String()
		return c, true
	}
	rules := m.rules(f)
	required := len(rules) > 0 && rules[0] == "required"
	switch t.Kind {
	case Text:
		if required {
			return set("empty "+f.JSON, `""`, "is required")
		}
		return m.wrongText(t, set, &c, f)
	case Int, Float:
		if name, text, problem := t.wrongNumber(); text != "" {
			if required && number64(&node{text: text}) == 0 && !m.isPointer(f) {
				problem = "is required"
			}
			return set(f.JSON+" "+name, text, problem)
		}
	case List:
		if t.shortest != nil && *t.shortest > 0 {
			return set("too few "+f.JSON, "[]", t.amount(*t.shortest, "at least", "item"))
		}
	}
	if required && m.message == nil {
		c.Name, c.Problem, c.Wire = "no "+f.JSON, "body"+pathOf(f.JSON)+": is required", false
		c.Body = body.with(i, nil).String()
		return c, true
	}
	c.Wire = false
	text, want, got := wrongKind(t)
	if text == "" {
		return c, false
	}
	return set(f.JSON+" of the wrong kind", text, "must be "+want+", got "+got)
}

// wrongText makes a case of a text that keeps its rules not, or is none.
func (m *Model) wrongText(t *Type, set func(name, text, problem string) (Case, bool), c *Case, f *Field) (Case, bool) {
	if t.longest != nil && *t.longest < 200 && len(t.allowed) == 0 {
		return set(f.JSON+" too long", quoteJSON(strings.Repeat("x", *t.longest+1)), t.amount(*t.longest, "at most", "character"))
	}
	if problem := t.emptyProblem(); problem != "" && f.Required && !t.Null && len(t.allowed) == 0 {
		return set("empty "+f.JSON, `""`, problem)
	}
	c.Wire = false
	if _, ok := t.allowedRule(); ok {
		var choices []string
		for _, n := range t.allowed {
			choices = append(choices, n.text)
		}
		return set("unknown "+f.JSON, quoteJSON(newNames(t.isAllowed).free("no such value")), "must be one of "+strings.Join(choices, ", "))
	}
	return set(f.JSON+" of the wrong kind", "1", "must be a string, got number")
}

// emptyProblem is what the service says of an empty text, or nothing.
func (t *Type) emptyProblem() string {
	switch {
	case t.shortest != nil && *t.shortest > 0:
		return t.amount(*t.shortest, "at least", "character")
	case t.format == "uuid":
		return "must be a UUID"
	case t.format == "email":
		return "must be an email address"
	case t.format == "uri":
		return "must be a URI"
	case t.format == "numeric":
		return "must be a number"
	case t.format != "":
		return "breaks the rule " + strconv.Quote(t.format)
	case t.layout != "":
		return "breaks the rule " + strconv.Quote("datetime="+t.layout)
	}
	return ""
}

// isAllowed reports whether a text is one of the only values.
func (t *Type) isAllowed(s string) bool {
	return slices.ContainsFunc(t.allowed, func(n *node) bool { return n.text == s })
}

// amount is how the service says that there must be so many of something.
func (t *Type) amount(n int, how, unit string) string {
	if t.shortest != nil && t.longest != nil && *t.shortest == *t.longest {
		how = "exactly"
	}
	if n != 1 {
		unit += "s"
	}
	return "must have " + how + " " + strconv.Itoa(n) + " " + unit
}

// wrongNumber is a number beyond a limit, if there is one in the type.
func (t *Type) wrongNumber() (name, text, problem string) {
	if len(t.allowed) > 0 {
		return "", "", ""
	}
	if b := t.least; b != nil {
		words := "must be at least "
		if b.open {
			words = "must be greater than "
		}
		if wrong := t.beyond(b, -1); wrong != "" {
			return "too small", wrong, words + limitOf(t.Kind, b)
		}
	}
	if b := t.most; b != nil {
		words := "must be at most "
		if b.open {
			words = "must be less than "
		}
		if wrong := t.beyond(b, 1); wrong != "" {
			return "too large", wrong, words + limitOf(t.Kind, b)
		}
	}
	return "", "", ""
}

func limitOf(k Kind, b *bound) string {
	_, limit, _ := strings.Cut(numberRule(k, b, "", "")[0], "=")
	return limit
}

// beyond is a number that breaks a limit, if the type has it: the limit itself
// where that is not allowed, or the next one below or above.
func (t *Type) beyond(b *bound, step int64) string {
	if b.open {
		step = 0
	}
	free := Type{Kind: t.Kind, Bits: t.Bits, Uint: t.Uint}
	wrong := free.number(b.value + float64(step))
	if t.Kind == Int {
		wrong = new(big.Int).Add(b.whole, big.NewInt(step)).String()
	}
	if n := (&node{text: wrong}); !free.has(n) || t.has(n) {
		return ""
	}
	return wrong
}

// wrongKind is a value that the type cannot have, and what the service calls
// that. There is none for Any.
func wrongKind(t *Type) (text, want, got string) {
	switch t.Kind {
	case Struct, Map:
		return `"text"`, "an object", "string"
	case List:
		return `"text"`, "an array", "string"
	case Bool:
		return `"text"`, "a boolean", "string"
	case Int:
		return `"text"`, "a whole number", "string"
	case Float:
		return `"text"`, "a number", "string"
	case Time:
		return "1", "an RFC 3339 time", "number"
	case Bytes, Fixed:
		return "1", "a base64 string", "number"
	case Decimal:
		return "1", "a valid Decimal", "number"
	case Any, Nothing:
		return "", "", ""
	default:
		return "1", "a string", "number"
	}
}

// pathOf is a field's name as the service writes it behind body.
func pathOf(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return r >= 128 || !isWord(r) && r != '-' && r != '$' }) || len(name) > 60 {
		return "[" + strconv.Quote(name) + "]"
	}
	return "." + name
}
