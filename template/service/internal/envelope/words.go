package envelope

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"
)

// ruleProblem says in words which rule a field breaks. Its value is not shown.
func ruleProblem(f validator.FieldError) string {
	if text, ok := plainRules[f.Tag()]; ok {
		return text
	}
	if _, ok := f.Value().(time.Time); !ok && f.Param() != "" {
		switch f.Tag() {
		case "gt":
			return amount(f, "greater than", "more than")
		case "gte", "min":
			return amount(f, "at least", "at least")
		case "lt":
			return amount(f, "less than", "fewer than")
		case "lte", "max":
			return amount(f, "at most", "at most")
		case "len":
			return amount(f, "exactly", "exactly")
		case "eq":
			return "must be " + f.Param()
		case "ne":
			return "must not be " + f.Param()
		case "oneof":
			return "must be one of " + strings.Join(choices(f.Param()), ", ")
		case "startswith", "endswith", "contains":
			return fmt.Sprintf("must %s %q", strings.Replace(f.Tag(), "swith", " with", 1), f.Param())
		}
	}
	if f.Param() == "" {
		return fmt.Sprintf("breaks the rule %q", f.Tag())
	}
	return fmt.Sprintf("breaks the rule %q", f.Tag()+"="+f.Param())
}

// choice is one of those of oneof, in single quotes when it has spaces, as
// package validator reads them.
var choice = regexp.MustCompile(`'[^']*'|\S+`)

func choices(param string) []string {
	all := choice.FindAllString(param, -1)
	for i, c := range all {
		all[i] = strings.ReplaceAll(c, "'", "")
	}
	return all
}

// amount words a limit for what kind of value f is: a number, or so many
// characters or items.
func amount(f validator.FieldError, number, count string) string {
	var unit string
	switch f.Kind() {
	case reflect.String:
		unit = "character"
	case reflect.Slice, reflect.Array, reflect.Map:
		unit = "item"
	default:
		return "must be " + number + " " + f.Param()
	}
	if f.Param() != "1" {
		unit += "s"
	}
	return "must have " + count + " " + f.Param() + " " + unit
}

// plainRules are the rules that need no parameter to be told.
var plainRules = map[string]string{
	"required":             "is required",
	"required_if":          "is required",
	"required_unless":      "is required",
	"required_with":        "is required",
	"required_with_all":    "is required",
	"required_without":     "is required",
	"required_without_all": "is required",
	"email":                "must be an email address",
	"uuid":                 "must be a UUID",
	"uuid4":                "must be a UUID of version 4",
	"url":                  "must be a URL",
	"http_url":             "must be an HTTP URL",
	"uri":                  "must be a URI",
	"hostname":             "must be a host name",
	"ip":                   "must be an IP address",
	"e164":                 "must be a phone number like +15551234567",
	"alpha":                "must have letters only",
	"alphanum":             "must have letters and digits only",
	"numeric":              "must be a number",
	"number":               "must have digits only",
	"lowercase":            "must be in lower case",
	"uppercase":            "must be in upper case",
	"ascii":                "must have ASCII characters only",
	"json":                 "must be JSON",
	"base64":               "must be base64",
	"unique":               "must not have duplicates",
	"iso4217":              "must be a currency code like EUR",
	"iso3166_1_alpha2":     "must be a country code like DE",
	"timezone":             "must be a time zone like Europe/Berlin",
}
