package message

import (
	"math"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// ruled has every rule that an accepter knows, on every kind of field.
type ruled struct {
	ID       string    `validate:"required"`
	Name     string    `validate:"omitempty,min=2,max=4"`
	Code     string    `validate:"len=3"`
	Kind     string    `validate:"omitempty,oneof=card transfer"`
	Count    int       `validate:"gt=-3,lt=3"`
	Size     uint8     `validate:"gte=1,lte=3"`
	Hex      int16     `validate:"omitempty,min=-1,max=10"`
	Price    float64   `validate:"gt=0.5,max=1e2"`
	Paid     bool      `validate:"required"`
	At       time.Time `validate:"required"`
	Since    time.Time
	Note     *string   `validate:"omitempty,max=2"`
	Needed   *int      `validate:"required"`
	Maybe    *int      `validate:"omitempty,min=1"`
	Part     ruledPart `validate:"required"`
	Other    ruledPart
	Pointed  *ruledPart
	Parts    []ruledPart  `validate:"required,min=1,dive"`
	Pointers []*ruledPart `validate:"dive,required"`
	Tags     []string     `validate:"max=2,dive,required,max=3"`
	Free     []string
	Skipped  string `validate:"-"`
	_        string `validate:"required"`
}

type ruledPart struct {
	SKU string `validate:"omitempty,max=2"`
	N   int    `validate:"gte=0"`
}

// some draws values of which about as many keep the rules as break them.
type some struct{ t *rapid.T }

func pick[T any](s some, values ...T) T { return rapid.SampledFrom(values).Draw(s.t, "value") }

func (s some) part() ruledPart {
	return ruledPart{pick(s, "", "ab", "ab", "äö", "abc"), pick(s, 0, 1, 1, 2, 3, -1)}
}

func (s some) partAt() *ruledPart {
	if pick(s, true, true, false) {
		p := s.part()
		return &p
	}
	return nil
}

func (s some) ruled() ruled {
	text, zero, one := pick(s, "", "ab", "abc"), 0, 1
	r := ruled{
		ID: pick(s, "a", "a", "a", ""), Name: pick(s, "", "ab", "äöüß", "abcde", "a"), Code: pick(s, "EUR", "EUR", "äöü", "EU"),
		Kind: pick(s, "", "card", "transfer", "card transfer"), Count: pick(s, -2, 0, 2, -3, 3), Size: pick[uint8](s, 1, 3, 2, 0, 4),
		Hex: pick[int16](s, 0, -1, 10, 11), Price: pick(s, 0.51, 100, 100.5, 1, 0.5, 101, math.NaN(), math.Inf(1)),
		Paid: pick(s, true, true, true, false), At: pick(s, time.Unix(1, 0), time.Unix(1, 0), time.Time{}),
		Note: pick(s, nil, &text), Needed: pick(s, &one, &one, &zero, nil), Maybe: pick(s, nil, &one, &zero),
		Part: s.part(), Other: s.part(), Pointed: s.partAt(),
		Tags: pick(s, nil, []string{}, []string{"a", "abc"}, []string{""}, []string{"abcd"}, []string{"a", "b", "c"}),
	}
	for range pick(s, 0, 1, 1, 2) {
		r.Parts = append(r.Parts, s.part())
		r.Pointers = append(r.Pointers, s.partAt())
	}
	return r
}

func TestAcceptedIsValid(t *testing.T) {
	accept, ok := accepterOf(reflect.TypeFor[ruled](), nil, nil)
	if !ok {
		t.Fatal("no accepter")
	}
	v := newValidator()
	rapid.Check(t, func(t *rapid.T) {
		r := some{t}.ruled()
		if err := v.Struct(&r); err != nil && accept(reflect.ValueOf(&r).Elem()) {
			t.Fatalf("accepted %+v, but %v", r, err)
		}
	})
}

// TestEachRuleCounts breaks one field of a valid body at a time, so that each
// check is the only one that can refuse.
func TestEachRuleCounts(t *testing.T) {
	accept, _ := accepterOf(reflect.TypeFor[ruled](), nil, nil)
	v := newValidator()
	text, one := "ab", 1
	valid := ruled{
		ID: "a", Name: "ab", Code: "EUR", Kind: "card", Size: 1, Hex: 1, Price: 1, Paid: true, At: time.Unix(1, 0),
		Note: &text, Needed: &one, Maybe: &one, Part: ruledPart{"a", 1}, Pointed: &ruledPart{"a", 1},
		Parts: []ruledPart{{"a", 1}}, Pointers: []*ruledPart{{"a", 1}}, Tags: []string{"a"},
	}
	if !accept(reflect.ValueOf(&valid).Elem()) {
		t.Fatal("a valid body was not accepted")
	}
	rapid.Check(t, func(t *rapid.T) {
		other, r := some{t}.ruled(), valid
		at := rapid.IntRange(0, reflect.TypeFor[ruled]().NumField()-2).Draw(t, "field")
		reflect.ValueOf(&r).Elem().Field(at).Set(reflect.ValueOf(other).Field(at))
		if err := v.Struct(&r); err != nil && accept(reflect.ValueOf(&r).Elem()) {
			t.Fatalf("accepted %+v, but %v", r, err)
		}
	})
}

func TestNoAccepter(t *testing.T) {
	type tree struct {
		Children []tree `validate:"dive"`
	}
	for _, v := range []any{
		struct {
			A string `validate:"email"`
		}{}, struct {
			A string `validate:"len=2|len=3"`
		}{}, struct {
			A string `validate:"oneof='a b' c"`
		}{}, struct {
			A string `validate:"max=0x2C"`
		}{}, struct {
			A time.Duration `validate:"min=1s"`
		}{}, struct {
			A map[string]string `validate:"dive,required"`
		}{}, struct {
			A time.Time `validate:"gt"`
		}{}, struct {
			A, B string `validate:"eqfield=B"`
		}{}, struct{ A any }{}, tree{},
	} {
		if _, ok := accepterOf(reflect.TypeOf(v), nil, nil); ok {
			t.Errorf("%T has an accepter", v)
		}
	}
}
