package dlq

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// selection says which dead letters are meant. The zero value means all that
// the group's own handlers wrote.
type selection struct {
	class, reason, kind, key string
	since, until             time.Time // of the failure
	anyGroup                 bool
}

// matches reports whether a letter is selected by who has the groups. kind returns the
// message's type.
func (s selection) matches(l *Letter, groups []string, kind func(*Letter) string) bool {
	return s.takesGroup(l, groups) &&
		(s.class == "" || l.Class == s.class) &&
		(s.reason == "" || strings.Contains(withoutNumbers(l.Reason), withoutNumbers(s.reason))) &&
		(s.key == "" || string(l.Original.Key) == s.key) &&
		(s.since.IsZero() || !l.FailedAt.Before(s.since)) &&
		(s.until.IsZero() || l.FailedAt.Before(s.until)) &&
		(s.kind == "" || kind(l) == s.kind)
}

func (s selection) takesGroup(l *Letter, groups []string) bool {
	return s.anyGroup || l.Group == "" || slices.Contains(groups, l.Group)
}

// numbered are words with a digit in them.
var numbered = regexp.MustCompile(`[\w-]*[0-9][\w-]*`)

// withoutNumbers returns a reason as `ls` counts it: "order 17 is unknown" and "order 18
// is unknown" are one, and so are those with ids in the place of 17. Names stay: of
// "line1" it is "line#".
func withoutNumbers(reason string) string {
	const digits = "0123456789"
	if !strings.ContainsAny(reason, digits) { // most have none
		return reason
	}
	return numbered.ReplaceAllStringFunc(reason, func(word string) string {
		if name := strings.TrimRight(word, digits); !strings.ContainsAny(name, digits) {
			return name + "#"
		}
		return "#"
	})
}
