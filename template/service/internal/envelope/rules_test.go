package envelope_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// invoice has a rule of each common kind.
type invoice struct {
	ID       string            `json:"id" validate:"required"`
	Amount   float64           `json:"amount" validate:"gt=0"`
	Tax      float64           `json:"tax" validate:"gte=0,lt=100"`
	Copies   int               `json:"copies" validate:"min=1,max=9"`
	Currency string            `json:"currency" validate:"len=3"`
	Kind     string            `json:"kind" validate:"oneof=paper mail"`
	Mail     string            `json:"mail,omitempty" validate:"omitempty,email"`
	Key      string            `json:"key,omitempty" validate:"omitempty,uuid"`
	Page     string            `json:"page,omitempty" validate:"omitempty,url"`
	Note     string            `json:"note,omitempty" validate:"max=5"`
	One      string            `json:"one,omitempty" validate:"omitempty,max=1"`
	Lines    []invoiceLine     `json:"lines" validate:"min=1,dive"`
	Labels   map[string]string `json:"labels,omitempty" validate:"max=2,dive,min=2"`
	Due      *time.Time        `json:"due,omitempty" validate:"omitempty,gt"`
	Untagged string            `validate:"omitempty,startswith=x"`
	Hex      string            `json:"hex,omitempty" validate:"omitempty,hexadecimal"`
	Account  string            `json:"account,omitempty" validate:"omitempty,excludes=-"`
	State    string            `json:"state,omitempty" validate:"omitempty,oneof=new 'in progress' a0x2Cb"`
}

type invoiceLine struct {
	Price float64 `json:"price" validate:"gt=0"`
}

func TestTagsAreToldInWords(t *testing.T) {
	const fields = `"id":"i","amount":1,"tax":0,"copies":1,"currency":"EUR","kind":"paper","lines":[{"price":1}]`
	if _, _, err := handle[invoice](t, inEnvelope("I", "{"+fields+"}")); err != nil {
		t.Fatalf("the valid one: %v", err)
	}
	for replaced, text := range map[string]string{
		`"id":""`:                        `body.id: is required`,
		`"amount":0`:                     `body.amount: must be greater than 0`,
		`"tax":-1`:                       `body.tax: must be at least 0`,
		`"tax":100`:                      `body.tax: must be less than 100`,
		`"copies":0`:                     `body.copies: must be at least 1`,
		`"copies":10`:                    `body.copies: must be at most 9`,
		`"currency":"EURO"`:              `body.currency: must have exactly 3 characters`,
		`"kind":"secret"`:                `body.kind: must be one of paper, mail`,
		`"mail":"secret"`:                `body.mail: must be an email address`,
		`"key":"secret"`:                 `body.key: must be a UUID`,
		`"page":"secret"`:                `body.page: must be a URL`,
		`"note":"secret"`:                `body.note: must have at most 5 characters`,
		`"one":"secret"`:                 `body.one: must have at most 1 character`,
		`"lines":[]`:                     `body.lines: must have at least 1 item`,
		`"lines":[{"price":1},{}]`:       `body.lines[1].price: must be greater than 0`,
		`"labels":{"a":"b"}`:             `body.labels[a]: must have at least 2 characters`,
		`"labels":{"a\n":"b"}`:           `body.labels[a?]: must have at least 2 characters`,
		`"due":"2001-01-01T00:00:00Z"`:   `body.due: breaks the rule "gt"`,
		`"Untagged":"secret"`:            `body.Untagged: must start with "x"`,
		`"hex":"secret"`:                 `body.hex: breaks the rule "hexadecimal"`,
		`"state":"secret"`:               `body.state: must be one of new 'in progress' a,b`,
		`"account":"se-cret"`:            `body.account: breaks the rule "excludes=-"`,
		`"id":"","note":"secret"`:        `body.id: is required; body.note: must have at most 5 characters`,
		`"note":"secret","id":""`:        `body.id: is required; body.note: must have at most 5 characters`,
		`"kind":"","id":"","copies":-10`: `body.id: is required; body.copies: must be at least 1; body.kind: must be one of paper, mail`,
	} {
		t.Run(replaced, func(t *testing.T) {
			_, _, err := handle[invoice](t, inEnvelope("I", merge(fields, replaced)))
			wantError(t, err, message.ClassInvalid, text)
		})
	}
}

// merge returns an object of fields, with those that more names replaced.
func merge(fields, more string) string {
	kept := []string{}
	for field := range strings.SplitSeq(fields, ",") {
		name, _, _ := strings.Cut(field, ":")
		if !strings.Contains(","+more, ","+name+":") {
			kept = append(kept, field)
		}
	}
	return "{" + strings.Join(append(kept, more), ",") + "}"
}

func TestTagsOfElementsOfASlice(t *testing.T) {
	_, _, err := handle[[]invoiceLine](t, inEnvelope("I", `[{"price":1},{"price":-1}]`))
	wantError(t, err, message.ClassInvalid, `body[1].price: must be greater than 0`)
}

// refund checks itself, so its tag does not count.
type refund struct {
	Amount float64 `json:"amount" validate:"gt=1000"`
	Reason string  `json:"reason"`
}

var errReason = errors.New("a reason is missing")

func (r refund) Validate() error {
	var errs []error
	if r.Amount <= 0 {
		errs = append(errs, message.Invalid("amount", "must be greater than 0"))
	}
	if r.Reason == "" {
		errs = append(errs, errReason)
	}
	return errors.Join(errs...)
}

func TestOwnValidateTakesThePlaceOfTags(t *testing.T) {
	if _, _, err := handle[refund](t, inEnvelope("R", `{"amount":1,"reason":"broken"}`)); err != nil {
		t.Fatal(err)
	}
	_, _, err := handle[refund](t, inEnvelope("R", `{"amount":1}`))
	wantError(t, err, message.ClassInvalid, `body: a reason is missing`)
	if !errors.Is(err, errReason) {
		t.Error("the cause is lost")
	}
	_, _, err = handle[refund](t, inEnvelope("R", `{"amount":-1}`))
	wantError(t, err, message.ClassInvalid, `body.amount: must be greater than 0; body: a reason is missing`)
}

// even is a type with a rule of its own, which only a pointer to it has.
type even int

func (e *even) Validate() error {
	if *e%2 == 1 {
		return errors.New("odd")
	}
	return nil
}

type pairs struct {
	Shoes even   `json:"shoes" validate:"validateFn"`
	More  []even `json:"more" validate:"dive,validateFn"`
}

func TestARuleMayBeAMethodOfAPointer(t *testing.T) {
	for body, text := range map[string]string{`{"shoes":2,"more":[4]}`: "", `{"shoes":3}`: `body.shoes: breaks the rule "validateFn"`, `{"shoes":2,"more":[2,5]}`: `body.more[1]: breaks the rule "validateFn"`} {
		_, _, err := handle[pairs](t, inEnvelope("P", body))
		if text != "" {
			wantError(t, err, message.ClassInvalid, text)
		} else if err != nil {
			t.Error(err)
		}
	}
}

func TestTagsOfElementsOfAMapAndAnArray(t *testing.T) {
	_, _, err := handle[map[string]invoiceLine](t, inEnvelope("I", `{"a":{"price":1},"b":{}}`))
	wantError(t, err, message.ClassInvalid, `body[b].price: must be greater than 0`)
	_, _, err = handle[[2]*invoiceLine](t, inEnvelope("I", `[{"price":1},{"price":-1}]`))
	wantError(t, err, message.ClassInvalid, `body[1].price: must be greater than 0`)
}
