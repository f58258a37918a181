package envelope

import (
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"
)

// ruleProblem says in words which rule a field breaks. Its value is not shown.
func ruleProblem(f validator.FieldError) string {
	rule, limit := f.Tag(), f.Param()
	if text, ok := plainRules[rule]; ok {
		return text
	}
	if strings.HasPrefix(rule, "required_") {
		return "is required"
	}
	if _, isTime := f.Value().(time.Time); limit != "" && !isTime {
		switch rule {
		case "gt":
			return amount(f.Kind(), "greater than", "more than", limit)
		case "gte", "min":
			return amount(f.Kind(), "at least", "at least", limit)
		case "lt":
			return amount(f.Kind(), "less than", "fewer than", limit)
		case "lte", "max":
			return amount(f.Kind(), "at most", "at most", limit)
		case "len":
			return amount(f.Kind(), "exactly", "exactly", limit)
		case "startswith":
			return "must start with " + strconv.Quote(limit)
		case "oneof":
			if !strings.Contains(limit, "'") { // which is around choices with spaces
				limit = strings.Join(strings.Fields(limit), ", ")
			}
			return "must be one of " + limit
		}
		rule += "=" + limit
	}
	return "breaks the rule " + strconv.Quote(rule)
}

// amount words a limit for a kind of value: a number, or so many characters or
// items.
func amount(kind reflect.Kind, number, count, limit string) string {
	unit := " characters"
	switch kind {
	case reflect.String:
	case reflect.Slice, reflect.Array, reflect.Map:
		unit = " items"
	default:
		return "must be " + number + " " + limit
	}
	if limit == "1" {
		unit = strings.TrimSuffix(unit, "s")
	}
	return "must have " + count + " " + limit + unit
}

// plainRules are rules that need no limit to be said.
var plainRules = map[string]string{
	"required": "is required",
	"email":    "must be an email address",
	"uuid":     "must be a UUID",
	"url":      "must be a URL",
	"http_url": "must be an HTTP URL",
	"ip":       "must be an IP address",
	"e164":     "must be a phone number like +15551234567",
	"alphanum": "must have letters and digits only",
	"number":   "must have digits only",
	"unique":   "must not have duplicates",
	"iso4217":  "must be a currency code like EUR",
	"timezone": "must be a time zone like Europe/Berlin",
}
