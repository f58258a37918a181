package answers

import "strings"

// EnvUnquote reads a value of an .env file, as EnvQuote writes it.
func EnvUnquote(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	switch quote := text[:1]; quote {
	case "'":
		if value, _, ok := strings.Cut(text[1:], quote); ok {
			return value
		}
	case `"`:
		return unescaped(text[1:])
	}
	value, _, _ := strings.Cut(text, " #")
	return strings.ReplaceAll(strings.TrimSpace(value), `\$`, "$")
}

// unescaped reads what is in double quotes, up to the closing one.
func unescaped(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			i++
		} else if text[i] == '"' {
			break
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
