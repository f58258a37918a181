// Package dlq is for people who operate the service: it lists dead letters, shows
// one, sends them back to the topics they came from, and deletes them. Nothing of it
// runs while the service consumes.
//
//	command.go     the command line
//	box.go         whose dead letters they are, and what is to become of one
//	letter.go      one dead letter, and the message in it
//	selection.go   which are meant
//	report.go      what is counted and printed
//
// The rest is of the source of messages, of which each has a box with the methods that
// the command line calls.
package dlq

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

const (
	// countHeader has how often a message was redriven.
	countHeader = "forge-redrive-count"
	// maxRedrives is how often that may be. What fails once more is parked.
	maxRedrives = 3
	// ParkedSuffix ends the name of the topic for that.
	ParkedSuffix = ".parked"

	// answerTimeout is how long the broker may take to bring the next dead letter, or to
	// take one.
	answerTimeout = 30 * time.Second
	// silence is how long nothing comes before it is asked whether there is anything.
	silence = time.Second
)

// Consumer is one of the service's: its group, the topics it consumes, and the codec
// that reads their messages.
type Consumer struct {
	Group  string
	Topics []string
	Source config.Source
	Open   func(ctx context.Context, m *message.Message) (message.Header, error)
}

// clusters returns the consumers by who reads where: each dead letter is read once,
// however many of them consume its topic.
func clusters(all []Consumer) (found [][]Consumer) {
	for _, c := range all {
		i := slices.IndexFunc(found, func(others []Consumer) bool { return isSameBroker(others[0].Source, c.Source) })
		if i < 0 {
			i, found = len(found), append(found, nil)
		}
		found[i] = append(found[i], c)
	}
	return found
}

// judge says what is to become of dead letters of consumers that read at one place.
type judge struct {
	options
	consumers []Consumer
	groups    []string // theirs
	kind      func(*Letter) string
	away      error     // why a message cannot be read at present
	next      time.Time // when --rate allows the next letter
}

func newJudge(ctx context.Context, consumers []Consumer, o options) *judge {
	j := &judge{options: o, consumers: consumers}
	for _, c := range consumers {
		j.groups = append(j.groups, c.Group)
	}
	j.kind = func(l *Letter) string { return j.kindOf(ctx, l) }
	return j
}

// judge opens a dead letter and says what it is to the selection. That cannot be known
// while j.away is set.
func (j *judge) judge(m message.Message) (*Letter, row) {
	l, err := open(m)
	if err != nil {
		return nil, row{From: m.Topic, Outcome: unreadable, Reason: err.Error()}
	}
	outcome := selected
	if !j.selection.takesGroup(l, j.groups) {
		outcome = otherGroup
	} else if !j.selection.matches(l, j.groups, j.kind) {
		outcome = notSelected
	}
	return l, newRow(l, l.Original.Topic, outcome)
}

// isOurs reports whether a letter is known to be of one of the consumers, or of any if
// the command asks for that.
func (j *judge) isOurs(l *Letter) bool {
	return j.selection.anyGroup || slices.Contains(j.groups, l.Group)
}

// consumersOf returns those that consume a topic.
func (j *judge) consumersOf(topic string) (found []Consumer) {
	for _, c := range j.consumers {
		if slices.Contains(c.Topics, topic) {
			found = append(found, c)
		}
	}
	return found
}

// kindOf returns a letter's message type, "" if the message cannot be read. What is
// needed to read it may be away: then nobody knows, and the judge has the error.
func (j *judge) kindOf(ctx context.Context, l *Letter) string {
	h, err := append(j.consumersOf(l.Original.Topic), j.consumers...)[0].Open(ctx, &l.Original)
	if h.MessageType == "" && message.OutcomeOf(err) == message.OutcomeUnavailable {
		j.away = fmt.Errorf("%s: %w", l.place(), err)
	}
	return h.MessageType
}

// groupOf returns the group that is to handle a letter again: the one whose handler
// failed or, if the letter does not say so, the only one of ours that consumes the topic.
// "" is all that do.
func (j *judge) groupOf(l *Letter) string {
	if l.Group != "" {
		return l.Group
	}
	if ours := j.consumersOf(l.Original.Topic); len(ours) == 1 {
		return ours[0].Group
	}
	return ""
}

// target returns the message that a letter becomes. One that was redriven too often is
// parked: as it is, dead letter and all. Whoever asks for a parked one, or names a topic,
// begins anew.
func (j *judge) target(l *Letter) (message.Message, outcome) {
	count, _ := l.Original.Get(countHeader)
	times, _ := strconv.Atoi(string(count))
	if j.to != "" || strings.HasSuffix(l.Topic, ParkedSuffix) {
		times = 0
	}
	if times >= maxRedrives {
		return message.Message{Topic: l.Original.Topic + ParkedSuffix, Partition: l.Partition, Key: l.Key, Value: l.Value, Headers: l.Headers}, parked
	}
	to := message.Message{Topic: cmp.Or(j.to, l.Original.Topic), Partition: l.Original.Partition, Key: l.Original.Key, Value: l.Original.Value}
	if j.to != "" {
		to.Partition = -1 // that topic's partitions are others
	}
	to.Headers = make([]message.Field, 0, len(l.Original.Headers)+2)
	for _, h := range l.Original.Headers {
		if h.Key != countHeader && h.Key != message.RedriveGroup {
			to.Headers = append(to.Headers, h)
		}
	}
	to.Headers = append(to.Headers, message.Field{Key: countHeader, Value: strconv.AppendInt(nil, int64(times)+1, 10)})
	if group := j.groupOf(l); group != "" && j.to == "" { // who reads another topic is another
		to.Headers = append(to.Headers, message.Field{Key: message.RedriveGroup, Value: []byte(group)})
	}
	return to, redrivenNow
}

// wait waits until --rate allows one more.
func (j *judge) wait(ctx context.Context) error {
	if j.rate == 0 {
		return ctx.Err()
	}
	now := time.Now()
	j.next = latest(j.next, now)
	delay := j.next.Sub(now)
	j.next = j.next.Add(time.Duration(float64(time.Second) / j.rate))
	select {
	case <-time.After(delay):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// errEnough ends a scan: as many letters were sent as were asked for.
var errEnough = errors.New("enough")

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
