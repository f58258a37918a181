package model

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// check refuses what can be read, and cannot be a model.
func (r *reader) check(m *Model) {
	size, choices := 1, 0
	r.checkSize(m.Body, 1, 1, &size)
	for _, rec := range m.records() {
		for _, f := range rec.Fields {
			r.checkName(f)
			r.checkType(f.Type, &choices)
		}
	}
}

// checkName refuses names that a struct tag cannot hold, or Avro.
func (r *reader) checkName(f *Field) {
	isBad := func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", c)
	}
	switch bad := strings.IndexFunc(f.JSON, isBad); {
	case f.JSON == "" || f.JSON == "-":
		r.fail(f.Type.at, "give it another name", "a field of Go cannot be called %q in JSON", f.JSON)
	case bad >= 0:
		r.fail(f.Type.at, "give it another name", "a field of Go cannot be called %q in JSON, because of the character %q", f.JSON, []rune(f.JSON[bad:])[0])
	case r.avro && !avroName.MatchString(f.JSON):
		r.fail(f.Type.at, "leave out the extra avro, or give it another name", "%q is no name of Avro: letters, digits and _, no digit first", f.JSON)
	}
}

// unknownChoice is said of values of which only some are allowed.
const unknownChoice = "Not checked: which values are allowed."

// checkType refuses values that no type of Go has.
func (r *reader) checkType(t *Type, choices *int) {
	for ; t != nil; t = t.Elem {
		if *choices += len(t.allowed); *choices > mostChoices {
			r.fail(t.at, "leave the choice out", tooManyChoices, mostChoices)
		}
		switch t.Kind {
		case Any:
			if r.avro && len(t.branches) == 0 {
				r.fail(t.at, "leave out the extra avro, or say of which type it is", "Avro wants a type, and nothing says of which this is")
			}
		case Text:
			r.checkSizes(t)
			if len(t.allowed) > 0 && !slices.ContainsFunc(t.allowed, func(n *node) bool { return t.fits(n.text) }) {
				r.fail(t.at, "", "allows no value: none of the single ones keeps the other rules")
			}
		case Int, Float:
			r.checkNumbers(t)
		case List, Map:
			r.checkSizes(t)
			r.checkUnique(t)
		}
		if _, ok := t.allowedRule(); !ok && len(t.allowed) > 0 {
			t.unchecked = append(t.unchecked, unknownChoice)
		}
	}
}

func (r *reader) checkSizes(t *Type) {
	if t.shortest != nil && t.longest != nil && *t.shortest > *t.longest {
		r.fail(t.at, "", "allows no value: it is at least %d and at most %d long", *t.shortest, *t.longest)
	}
	if (t.layout != "" || t.format != "") && t.Kind == Text { // of a length that nothing made here may have
		made := t.makeText("", 0)
		if t.shortest != nil && len(made) < *t.shortest || t.longest != nil && len(made) > *t.longest {
			r.fail(t.at, "leave out the lengths", "has a format, and lengths that %q does not have", made)
		}
	}
}

func (r *reader) checkNumbers(t *Type) {
	for _, n := range t.allowed {
		switch whole, ok := exact(n.text); {
		case t.Kind == Int && ok && (whole.IsInt64() || t.Uint && whole.IsUint64()):
		case t.Kind == Int && strings.ContainsAny(n.text, ".eE"):
			r.fail(n, "", "%s is no whole number", shortened(n.text))
		default:
			r.keep(n)
		}
	}
	if len(t.allowed) > 0 && !slices.ContainsFunc(t.allowed, t.has) {
		r.fail(t.at, "", "allows no value: none of the single ones keeps the other rules")
	}
	if made := t.makeNumber(0); !t.has(&node{text: made}) {
		r.fail(t.at, "", "allows no number that forge could find")
	}
}

func (r *reader) checkUnique(t *Type) {
	if !t.unique || t.shortest == nil {
		return
	}
	seen := make(map[string]bool)
	for n := range *t.shortest {
		seen[new(Model).make(t.Elem, "x", n).text] = true
	}
	if len(seen) < *t.shortest {
		r.fail(t.at, "", "wants %d items that are not the same, and forge finds %d", *t.shortest, len(seen))
	}
}

// mostChoices is how many single values the rules of a model can name.
const (
	mostChoices    = 10 * most
	tooManyChoices = "forge reads no more than %d single values that fields may have"
)

// within is the type that a list or a map has in the end, and how many values of it
// a message needs if it needs so many lists.
func (t *Type) within(times int) (*Type, int) {
	for ; t.Elem != nil && times <= most; t = t.Elem {
		if t.shortest != nil {
			times *= max(1, *t.shortest)
		}
	}
	return t, times
}

// checkSize refuses models of which no message of a reasonable size can be made.
func (r *reader) checkSize(rec *Record, times, depth int, size *int) {
	for _, f := range rec.Fields {
		if f.loops {
			continue // it is left out
		}
		t, many := f.Type.within(times)
		if *size += many; *size > most || many > most {
			r.fail(f.Type.at, "", "forge makes no message of more than %s to test with", fmt.Sprint(most, " values"))
		}
		if t.Record != nil && depth > deepest {
			r.fail(f.Type.at, "", "is nested more than %d deep", deepest)
		}
		if t.Record != nil {
			r.checkSize(t.Record, many, depth+1, size)
		}
	}
}
