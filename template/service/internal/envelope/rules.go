package envelope

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-playground/validator/v10"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Rules are those that models state themselves: by a method Validate() error,
// which then alone decides, or by validate tags as package validator reads them.
type Rules struct{ validate *validator.Validate }

// NewRules returns Rules that call fields as the JSON does.
func NewRules() *Rules {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		return name
	})
	_ = v.RegisterValidation("validateFn", callValidate) // fails only without a name or a function
	return &Rules{v}
}

// callValidate takes the place of the validator's own, which finds a method by any name: for
// that the linker keeps every method of every type. The tag validator_novalidatefn leaves it out.
func callValidate(f validator.FieldLevel) bool {
	field := f.Field()
	if field.CanAddr() {
		field = field.Addr() // which has the methods of the value, too
	}
	if v, ok := reflect.TypeAssert[interface{ Validate() error }](field); ok && f.Param() == "" {
		return v.Validate() == nil
	}
	panic("validateFn calls a method Validate() error, and no other")
}

// Of implements message.Rules. Wrong validate tags are an error.
func (r *Rules) Of(model reflect.Type) (func(body any) error, error) {
	if reflect.PointerTo(model).Implements(reflect.TypeFor[interface{ Validate() error }]()) {
		return func(body any) error {
			return body.(interface{ Validate() error }).Validate() //nolint:forcetypeassert // body points to a model
		}, nil
	}
	if err := r.tryTags(model); err != nil {
		return nil, err
	}
	var check func(body any) error
	switch model.Kind() {
	case reflect.Struct:
		check = r.validate.Struct
	case reflect.Slice, reflect.Array, reflect.Map:
		check = func(body any) error { return r.validate.Var(body, "dive") }
	default:
		return nil, nil
	}
	return func(body any) error {
		if err := check(body); err != nil {
			return fieldErrors(err)
		}
		return nil
	}, nil
}

// tryTags tries the tags of each struct in t on a body that is not empty: on a
// wrong one the validator panics, but only when it comes to it.
func (r *Rules) tryTags(t reflect.Type) (err error) {
	var trying string
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%s: wrong validate tag: %v", trying, v)
		}
	}()
	for _, sample := range slices.Backward(samplesOf(t)) { // what is inside comes first
		trying = sample.Type().String()
		_ = r.validate.StructPartial(sample.Addr().Interface()) // reads the tags of all fields, and names one that cannot be read
		for f := range sample.Fields() {
			trying = sample.Type().String() + "." + f.Name
			_ = r.validate.StructPartial(sample.Addr().Interface(), f.Name)
		}
	}
	return nil
}

// fieldErrors returns all that the validator found, in the order of declaration.
func fieldErrors(err error) error {
	found, ok := errors.AsType[validator.ValidationErrors](err)
	if !ok {
		return err
	}
	errs := make([]error, len(found))
	for i, f := range found {
		errs[i] = message.Invalid(fieldPath(f), ruleProblem(f))
	}
	return errors.Join(errs...)
}

// fieldPath is the path of a field below the body. Keys of maps are part of it,
// so it can have any length and any character.
func fieldPath(f validator.FieldError) string {
	path := f.Namespace()
	if !strings.HasPrefix(path, "[") { // it starts with the model's name
		_, path, _ = strings.Cut(path, ".")
	}
	printable := func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}
	return fmt.Sprintf("%.*s", longestPath, strings.Map(printable, path))
}

// ruleProblem says in words which rule a field breaks. Its value is not shown.
func ruleProblem(f validator.FieldError) string {
	rule, limit := f.Tag(), f.Param()
	words, counted := ruleWords[rule], countedKinds[f.Kind()]
	switch {
	case strings.HasPrefix(rule, "required_"):
		return ruleWords["required"]
	case words == "", limit == "" && strings.HasSuffix(words, "%s"):
		return fmt.Sprintf("breaks the rule %q", strings.TrimSuffix(rule+"="+limit, "="))
	case rule == "startswith":
		limit = strconv.Quote(limit)
	case rule == "oneof" && !strings.Contains(limit, "'"): // which are around choices with spaces
		limit = strings.Join(strings.Fields(limit), ", ")
	case strings.HasSuffix(words, "%s") && counted != "" && rule != "oneof":
		words = strings.NewReplacer("be ", "have ", "greater", "more", "less", "fewer").Replace(words) + " " + counted
		if limit != "1" {
			words += "s"
		}
	}
	return strings.ReplaceAll(words, "%s", limit)
}

// countedKinds are what a limit of a text, a list or a map is counted in.
var countedKinds = map[reflect.Kind]string{
	reflect.String: "character", reflect.Slice: "item", reflect.Array: "item", reflect.Map: "item",
}

// ruleWords are what a field must be or have, with %s in the place of the limit.
var ruleWords = map[string]string{
	"gt": "must be greater than %s", "gte": "must be at least %s", "min": "must be at least %s", "len": "must be exactly %s",
	"lt": "must be less than %s", "lte": "must be at most %s", "max": "must be at most %s",
	"oneof": "must be one of %s", "startswith": "must start with %s",
	"required": "is required", "email": "must be an email address", "uuid": "must be a UUID", "url": "must be a URL",
	"http_url": "must be an HTTP URL", "ip": "must be an IP address", "e164": "must be a phone number like +15551234567",
	"alphanum": "must have letters and digits only", "number": "must have digits only", "unique": "must not have duplicates",
	"iso4217": "must be a currency code like EUR", "timezone": "must be a time zone like Europe/Berlin",
}

// samplesOf returns a value of each struct type in t, t's own first. What is in
// them is other than zero, down to a depth, so that every rule has to do with it.
func samplesOf(t reflect.Type) (found []reflect.Value) {
	var fill func(v reflect.Value, depth int)
	fill = func(v reflect.Value, depth int) {
		t := v.Type()
		isKnown := func(s reflect.Value) bool { return s.Type() == t }
		switch kind := t.Kind(); {
		case depth == 0 || t == timeType || slices.ContainsFunc(found, isKnown):
		case kind == reflect.Struct:
			if v.CanInterface() {
				found = append(found, v)
			}
			for _, field := range v.Fields() {
				fill(field, depth-1)
			}
		case kind == reflect.Array && v.Len() > 0:
			fill(v.Index(0), depth-1)
		case !v.CanSet():
		case reflect.TypeFor[int]().ConvertibleTo(t): // numbers and strings
			v.Set(reflect.ValueOf(1).Convert(t))
		case kind == reflect.Bool:
			v.SetBool(true)
		case kind == reflect.Pointer:
			v.Set(reflect.New(t.Elem()))
			fill(v.Elem(), depth-1)
		case kind == reflect.Slice:
			v.Set(reflect.MakeSlice(t, 1, 1))
			fill(v.Index(0), depth-1)
		case kind == reflect.Map:
			elem := reflect.New(t.Elem()).Elem()
			fill(elem, depth-1)
			v.Set(reflect.MakeMap(t))
			v.SetMapIndex(reflect.Zero(t.Key()), elem)
		}
	}
	fill(reflect.New(t).Elem(), 10)
	return found
}
