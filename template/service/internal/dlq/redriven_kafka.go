//go:build !jetstream && !rabbitmq

package dlq

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// RedriveSuffix is behind a consumer's group in the name of the group that has the
// position of a redrive.
const RedriveSuffix = ".redrive"

// groupOf returns the name of the group that has the position of this selection's
// redrive. Brokers list it, so it has no key and no reason in it: the metadata of its
// offsets is text, which tells a later redrive what was sent: each letter before the
// group's offset that the selection matches.
func (s selection) groupOf(consumer string) string {
	text := s.text()
	if text == "" {
		return consumer + RedriveSuffix
	}
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("%s%s.%x", consumer, RedriveSuffix, sum[:8])
}

// maxText is how long the metadata of an offset may be: the brokers' default is 4,096.
const maxText = 4000

// text returns the selection in words. That of the zero value is empty.
func (s selection) text() string {
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
	return v.Encode()
}

// selectionOf is text backwards. What is no selection's text is the zero value's.
func selectionOf(text string) (s selection) {
	v, _ := url.ParseQuery(text)
	s = selection{class: v.Get("class"), reason: v.Get("reason"), kind: v.Get("type"), key: v.Get("key"), anyGroup: v.Has("any-group")}
	s.since, _ = time.Parse(time.RFC3339Nano, v.Get("since"))
	s.until, _ = time.Parse(time.RFC3339Nano, v.Get("until"))
	return s
}

// redriven is what a redrive has done: what it selected, up to its offsets.
type redriven struct {
	name      string // of the group that has the position
	groups    []string
	selection selection
	offsets   kadm.OffsetResponses
}

// has reports whether the redrive has sent the letter. One by type may have passed over
// what could not be decoded then, and is of that type now.
func (r redriven) has(l *Letter, kind func(*Letter) string) bool {
	if r.selection.kind != "" && l.Class == string(message.ClassDecode) {
		return false
	}
	o, ok := r.offsets.Lookup(l.Topic, l.Partition)
	return ok && o.Err == nil && l.Offset < o.At && r.selection.matches(l, r.groups, kind)
}

// findRedriven returns what all redrives of consumers have done.
func findRedriven(ctx context.Context, admin *kadm.Client, consumers []string) (all []redriven, err error) {
	groups, err := admin.ListGroups(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the groups, to know what was redriven: %w", err)
	}
	for _, name := range groups.Groups() {
		for _, consumer := range consumers {
			if !strings.HasPrefix(name, consumer+RedriveSuffix) {
				continue
			}
			offsets, err := admin.FetchOffsets(ctx, name)
			if err != nil {
				return nil, fmt.Errorf("offsets of group %q: %w", name, err)
			}
			offsets.DeleteFunc(func(o kadm.OffsetResponse) bool { return selectionOf(o.Metadata).groupOf(consumer) != name })
			if left := offsets.Sorted(); len(left) > 0 {
				all = append(all, redriven{name, []string{consumer}, selectionOf(left[0].Metadata), offsets})
			}
		}
	}
	return all, nil
}
