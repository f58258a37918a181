package dlq

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// selection says which dead letters are meant. The zero value means all that
// the group's own handlers wrote.
type selection struct {
	class, reason, kind, key string
	since, until             time.Time // of the failure
	anyGroup                 bool
}

// matches reports whether a letter of a group's topic is selected. kind returns the
// message's type.
func (s selection) matches(l *Letter, group string, kind func(*Letter) string) bool {
	return s.takesGroup(l, group) &&
		(s.class == "" || l.Class == s.class) &&
		(s.reason == "" || strings.Contains(withoutNumbers(l.Reason), withoutNumbers(s.reason))) &&
		(s.key == "" || string(l.Original.Key) == s.key) &&
		(s.since.IsZero() || !l.FailedAt.Before(s.since)) &&
		(s.until.IsZero() || l.FailedAt.Before(s.until)) &&
		(s.kind == "" || kind(l) == s.kind)
}

func (s selection) takesGroup(l *Letter, group string) bool {
	return s.anyGroup || l.Group == group || l.Group == ""
}

var numbers = regexp.MustCompile(`[0-9]+`)

// withoutNumbers returns a reason as `ls` counts it: "order 17 is unknown" and
// "order 18 is unknown" are one.
func withoutNumbers(reason string) string { return numbers.ReplaceAllString(reason, "#") }

// RedriveSuffix is between a consumer's group and the selection in the name of the
// group that has the position of a redrive.
const RedriveSuffix = ".redrive"

// groupOf returns the name of the group that has the position of this selection's
// redrive. The name says what was selected, so that a later redrive knows what was
// sent already: each letter before the group's offset that the selection matches.
func (s selection) groupOf(consumer string) string {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("class", s.class)
	set("reason", s.reason)
	set("type", s.kind)
	set("key", s.key)
	if !s.since.IsZero() {
		set("since", s.since.UTC().Format(time.RFC3339Nano))
	}
	if !s.until.IsZero() {
		set("until", s.until.UTC().Format(time.RFC3339Nano))
	}
	if s.anyGroup {
		set("any-group", "true")
	}
	name := consumer + RedriveSuffix
	if len(v) > 0 {
		name += "?" + v.Encode()
	}
	return name
}

// selectionOf is groupOf backwards.
func selectionOf(consumer, group string) (s selection, ok bool) {
	name, query, _ := strings.Cut(group, "?")
	v, err := url.ParseQuery(query)
	if name != consumer+RedriveSuffix || err != nil {
		return s, false
	}
	s = selection{class: v.Get("class"), reason: v.Get("reason"), kind: v.Get("type"), key: v.Get("key"), anyGroup: v.Has("any-group")}
	s.since, _ = time.Parse(time.RFC3339Nano, v.Get("since"))
	s.until, _ = time.Parse(time.RFC3339Nano, v.Get("until"))
	return s, true
}

// redriven is what a redrive has done: what it selected, up to its offsets.
type redriven struct {
	selection selection
	offsets   kadm.OffsetResponses
}

// has reports whether the redrive has sent the letter.
func (r redriven) has(l *Letter, group string, kind func(*Letter) string) bool {
	o, ok := r.offsets.Lookup(l.Topic, l.Partition)
	return ok && o.Err == nil && l.Offset < o.At && r.selection.matches(l, group, kind)
}

// findRedriven returns what all redrives of a consumer have done.
func findRedriven(ctx context.Context, admin *kadm.Client, consumer string) (all []redriven, err error) {
	groups, err := admin.ListGroups(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the groups, to know what was redriven: %w", err)
	}
	for _, name := range groups.Groups() {
		s, ok := selectionOf(consumer, name)
		if !ok {
			continue
		}
		offsets, err := admin.FetchOffsets(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("offsets of group %q: %w", name, err)
		}
		all = append(all, redriven{s, offsets})
	}
	return all, nil
}

// kindOf returns a letter's message type, "" if the message cannot be read. What is
// needed to read it may be away: then nobody knows, and the box has the error.
func (b *box) kindOf(ctx context.Context, l *Letter) string {
	h, err := b.Open(ctx, &l.Original)
	if h.MessageType == "" && message.OutcomeOf(err) == message.OutcomeUnavailable {
		b.away = fmt.Errorf("%s: %w", l.place(), err)
	}
	return h.MessageType
}
