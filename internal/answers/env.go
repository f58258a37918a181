package answers

import (
	"errors"
	"strings"
)

// EnvQuote writes a value of one line so that godotenv reads it back equal:
// bare, in single quotes (nothing is expanded), or in double quotes.
//
// godotenv knows no way to end a quoted value with a backslash, nor one in
// double quotes with a double quote; what no form can hold is an error.
func EnvQuote(value string) (string, error) {
	switch {
	case strings.ContainsAny(value, "\r\n"):
		return "", errors.New("has a line break")
	case strings.Trim(value, plain) == "":
		return value, nil
	case !strings.Contains(value, "'") && !strings.HasSuffix(value, `\`):
		return "'" + value + "'", nil
	case !strings.HasSuffix(value, `"`) && !strings.HasSuffix(value, `\`):
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(value) + `"`, nil
	case strings.TrimSpace(value) == value && !strings.Contains(value, "#") && !strings.ContainsAny(value[:1], `'"`):
		return strings.ReplaceAll(value, "$", `\$`), nil
	}
	return "", errors.New("cannot be written in an .env file: it ends with a quote or a backslash that ends nothing")
}

// plain are the characters that mean nothing in an .env file.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;/@%+=~^-_[]"
