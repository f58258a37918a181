package wire

import (
	"regexp"
	"strconv"
	"strings"
)

// Pattern is a pattern of a //go:embed directive.
type Pattern struct {
	Path       string // without quotes, and without all:
	Start, End int    // where it stands in the comment, with them
}

var (
	embedDirective = regexp.MustCompile(`^//go:embed[ \t]`)
	anEmbedPattern = regexp.MustCompile("\"(?:\\\\.|[^\"\\\\])*\"|`[^`]*`|\\S+")
)

// EmbedPatterns returns the patterns of a comment that is such a directive.
func EmbedPatterns(comment string) (all []Pattern) {
	directive := embedDirective.FindString(comment)
	if directive == "" {
		return nil
	}
	for _, at := range anEmbedPattern.FindAllStringIndex(comment[len(directive):], -1) {
		start, end := at[0]+len(directive), at[1]+len(directive)
		pattern := comment[start:end]
		if text, err := strconv.Unquote(pattern); err == nil {
			pattern = text
		}
		all = append(all, Pattern{strings.TrimPrefix(pattern, "all:"), start, end})
	}
	return all
}
