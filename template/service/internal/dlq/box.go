// Package dlq is for people who operate the service: it lists dead letters, shows
// one, sends them back to the topics they came from, and deletes them. Nothing of it
// runs while the service consumes.
//
//	command.go     the command line
//	box.go         the dead letters of a cluster's consumers
//	scan.go        reads partitions up to where they end now
//	letter.go      one dead letter, and the message in it
//	selection.go   which are meant, and which were sent back already
//	redrive.go     sends them back
//	report.go      what is counted and printed
package dlq

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/kafka"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Consumer is one of the service's: its group, the topics it consumes, and the codec
// that reads their messages.
type Consumer struct {
	Group  string
	Topics []string
	Kafka  config.Kafka
	Open   func(ctx context.Context, m *message.Message) (message.Header, error)
}

// clusters returns the consumers by who reads where: each dead letter is read once,
// however many of them consume its topic.
func clusters(all []Consumer) (found [][]Consumer) {
	for _, c := range all {
		i := slices.IndexFunc(found, func(others []Consumer) bool {
			k := others[0].Kafka
			return slices.Equal(k.Brokers, c.Kafka.Brokers) && k.SASLUsername == c.Kafka.SASLUsername
		})
		if i < 0 {
			i, found = len(found), append(found, nil)
		}
		found[i] = append(found[i], c)
	}
	return found
}

// box has the dead letters of a cluster's consumers, as they are when it is opened.
type box struct {
	options
	consumers []Consumer
	groups    []string // theirs
	kafka     config.Kafka
	admin     *kadm.Client
	spans     spans
	done      []redriven
	kind      func(*Letter) string
	away      error // why a message cannot be read at present
}

// openBox looks at dead letter topics, and at what was redriven of them.
func openBox(ctx context.Context, consumers []Consumer, o options, topics []string) (*box, error) {
	b := &box{options: o, consumers: consumers, kafka: consumers[0].Kafka}
	for _, c := range consumers {
		b.groups = append(b.groups, c.Group)
	}
	client, err := kafka.NewClient(b.kafka, kgo.RetryTimeout(answerTimeout))
	if err != nil {
		return nil, err
	}
	b.admin = kadm.NewClient(client)
	b.kind = func(l *Letter) string { return b.kindOf(ctx, l) }
	if b.spans, err = findSpans(ctx, b.admin, topics); err == nil {
		b.done, err = findRedriven(ctx, b.admin, b.groups)
	}
	if err != nil {
		b.close()
		return nil, explain(b.kafka, err)
	}
	return b, nil
}

// explain adds to an error what to do about it. That of a group names a redrive's, not the
// settings'.
func explain(cfg config.Kafka, err error) error {
	switch {
	case errors.Is(err, kerr.GroupAuthorizationFailed):
		return fmt.Errorf("%w: the command acl prints the rights that dlq needs", err)
	case errors.Is(err, kerr.UnknownTopicOrPartition): // the client asks for the topic before it commits
		return fmt.Errorf("%w: the dead letter topic is gone, or no broker answers", err)
	}
	return kafka.Explain(cfg, err)
}

func (b *box) close() { b.admin.Close() }

// judge opens a record and says what it is to this selection. That cannot be known while
// b.away is set.
func (b *box) judge(r *kgo.Record) (*Letter, row) {
	l, err := open(r)
	if err != nil {
		return nil, row{From: r.Topic, Outcome: unreadable, Reason: err.Error()}
	}
	outcome := selected
	if !b.selection.takesGroup(l, b.groups) {
		outcome = otherGroup
	} else if !b.selection.matches(l, b.groups, b.kind) {
		outcome = notSelected
	}
	for _, d := range b.done {
		if outcome == selected && d.has(l, b.kind) {
			outcome = redrivenBefore
		}
	}
	return l, newRow(l, l.Original.Topic, outcome)
}

// find returns the letter at one place.
func (b *box) find(ctx context.Context, topic string, p int32, offset int64) (found *Letter, err error) {
	there, ok := b.spans[topic][p]
	if ok && offset >= there.first && offset < there.end {
		err = scan(ctx, b.kafka, spans{topic: {p: {offset, offset + 1}}}, func(r *kgo.Record) error {
			var unread error
			if found, unread = open(r); unread != nil {
				found = unopened(r) // for a person to see
				found.Reason = "unreadable: " + unread.Error()
			}
			return nil
		})
	}
	switch {
	case err == nil && !ok:
		err = fmt.Errorf("there is no partition %d of topic %q", p, topic)
	case err == nil && found == nil:
		err = fmt.Errorf("%s/%d has nothing at offset %d: it has those from %d to %d", topic, p, offset, there.first, there.end-1)
	}
	return found, err
}

// purge deletes letters from the beginning of each partition, up to the first that
// stays. It only counts them without --execute, and with it only what it has deleted.
func (b *box) purge(ctx context.Context, all *report) error {
	report := newReport(nil, nil)
	to := make(kadm.Offsets)
	kept := make(map[string]bool) // partitions of which the first letter that stays was seen
	err := scan(ctx, b.kafka, b.spans, func(r *kgo.Record) error {
		l, row := b.judge(r)
		if b.away != nil {
			return b.away
		}
		place := fmt.Sprintf("%s/%d", r.Topic, r.Partition)
		switch {
		case l == nil:
			kept[place] = true
		case kept[place] || !b.mayGo(l, row.Outcome):
			kept[place] = true
			row.Outcome = stays
		default:
			row.Outcome = deleted
			to.AddOffset(r.Topic, r.Partition, r.Offset+1, -1)
		}
		report.add(row, l)
		return nil
	})
	if err != nil {
		return err
	}
	if b.execute && len(to) > 0 {
		answers, err := b.admin.DeleteRecords(ctx, to)
		if err == nil {
			err = answers.Error()
		}
		if err != nil {
			return fmt.Errorf("delete dead letters: %w: `dlq ls --all` says what is left", err)
		}
	}
	all.addAll(report)
	return nil
}

// mayGo reports whether a letter may be deleted: it was redriven, or with --all it is
// known to be ours; and it failed before --until.
func (b *box) mayGo(l *Letter, o outcome) bool {
	until := b.selection.until
	return (until.IsZero() || l.FailedAt.Before(until)) && (o == redrivenBefore || b.all && (b.selection.anyGroup || slices.Contains(b.groups, l.Group)))
}

// consumersOf returns those that consume a topic.
func (b *box) consumersOf(topic string) (found []Consumer) {
	for _, c := range b.consumers {
		if slices.Contains(c.Topics, topic) {
			found = append(found, c)
		}
	}
	return found
}

// kindOf returns a letter's message type, "" if the message cannot be read. What is
// needed to read it may be away: then nobody knows, and the box has the error.
func (b *box) kindOf(ctx context.Context, l *Letter) string {
	h, err := append(b.consumersOf(l.Original.Topic), b.consumers...)[0].Open(ctx, &l.Original)
	if h.MessageType == "" && message.OutcomeOf(err) == message.OutcomeUnavailable {
		b.away = fmt.Errorf("%s: %w", l.place(), err)
	}
	return h.MessageType
}

// groupOf returns the group that is to handle a letter again: the one whose handler
// failed or, if the letter does not say so, the only one of ours that consumes the topic.
// "" is all that do.
func (b *box) groupOf(l *Letter) string {
	if l.Group != "" {
		return l.Group
	}
	if ours := b.consumersOf(l.Original.Topic); len(ours) == 1 {
		return ours[0].Group
	}
	return ""
}
