//go:build !jetstream && !rabbitmq

package dlq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/kafka"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// What the command line says of a log: what was read stays, and who has read it has a position.
const (
	placeForm     = "TOPIC/PARTITION@OFFSET"
	purgeSays     = "those that were redriven, up to the first of a partition that was not, or is no dead letter"
	purgeAnyGroup = "with purge --all, those of unknown ones too"
	allSays       = "also what was redriven (ls), or what was not (purge)"
	redrivenSays  = "dlq purge deletes what was redriven; after offsets.retention.minutes, seven days by default, the brokers forget what that was, and the next redrive would send it again\n"
)

// The flags of commands that take others elsewhere.
var (
	lsTakes    = []string{"class", "reason", "type", "key", "since", "until", "any-group", "all", "json"}
	purgeTakes = []string{"until", "any-group", "execute", "all"}
)

// checkFor refuses a selection that no group can keep.
func checkFor(_ string, o options) error {
	if text := o.selection.text(); len(text) > maxText {
		return fmt.Errorf("--key, --reason and the others have %d bytes together: at most %d", len(text), maxText)
	}
	return nil
}

// place is where a dead letter is.
type place struct {
	topic     string
	partition int32
	offset    int64
}

func parsePlace(s string) (place, error) {
	rest, number, _ := strings.Cut(s, "@")
	at := strings.LastIndexByte(rest, '/')
	if at > 0 {
		p, err := strconv.ParseInt(rest[at+1:], 10, 32)
		offset, alsoErr := strconv.ParseInt(number, 10, 64)
		if err == nil && alsoErr == nil && p >= 0 && offset >= 0 {
			return place{rest[:at], int32(p), offset}, nil
		}
	}
	return place{}, fmt.Errorf("%q is no place: write TOPIC/PARTITION@OFFSET, such as payments.dlq/3@17", s)
}

// isSameBroker reports whether two consumers read the same dead letters with the same rights.
func isSameBroker(a, b config.Kafka) bool {
	return slices.Equal(a.Brokers, b.Brokers) && a.SASLUsername == b.SASLUsername
}

// place returns where the letter is, as `dlq show` takes it.
func (l *Letter) place() string { return fmt.Sprintf("%s/%d@%d", l.Topic, l.Partition, l.Offset) }

// box has the dead letters of a cluster's consumers, as they are when it is opened.
type box struct {
	*judge

	kafka config.Kafka
	admin *kadm.Client
	spans spans
	done  []redriven
}

// openBox looks at dead letter topics, and at what was redriven of them.
func openBox(ctx context.Context, consumers []Consumer, o options, topics []string) (*box, error) {
	b := &box{judge: newJudge(ctx, consumers, o), kafka: consumers[0].Source}
	client, err := kafka.NewClient(b.kafka, kgo.RetryTimeout(answerTimeout))
	if err != nil {
		return nil, err
	}
	b.admin = kadm.NewClient(client)
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

// has reports whether a topic is there.
func (b *box) has(topic string) bool { return b.spans[topic] != nil }

// judgeRecord says what a record is to the selection, and whether it was redriven before.
func (b *box) judgeRecord(r *kgo.Record) (*Letter, row) {
	l, row := b.judge.judge(messageOf(r))
	for _, d := range b.done {
		if row.Outcome == selected && d.has(l, b.kind) {
			row.Outcome = redrivenBefore
		}
	}
	return l, row
}

func messageOf(r *kgo.Record) message.Message {
	m := message.Message{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Time: r.Timestamp, Key: r.Key, Value: r.Value}
	m.Headers = make([]message.Field, 0, len(r.Headers))
	for _, h := range r.Headers {
		m.Headers = append(m.Headers, message.Field{Key: h.Key, Value: h.Value})
	}
	return m
}

func recordOf(m message.Message) *kgo.Record {
	r := &kgo.Record{Topic: m.Topic, Partition: m.Partition, Key: m.Key, Value: m.Value}
	r.Headers = make([]kgo.RecordHeader, 0, len(m.Headers))
	for _, h := range m.Headers {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	return r
}

// list counts the letters.
func (b *box) list(ctx context.Context, report *report) error {
	return scan(ctx, b.kafka, b.spans, func(r *kgo.Record) error {
		l, row := b.judgeRecord(r)
		if b.away == nil {
			report.add(row, l)
		}
		return b.away
	})
}

// redrive sends back what is selected.
func (b *box) redrive(ctx context.Context, report *report) error {
	r := &redrive{box: b, created: make(map[string]bool), failed: make(map[partition]int64), tried: make(map[[2]partition]bool), first: make(map[partition]chan struct{})}
	return r.run(ctx, report)
}

// find returns the letter at one place.
func (b *box) find(ctx context.Context, at place) (found *Letter, err error) {
	topic, p, offset := at.topic, at.partition, at.offset
	there, ok := b.spans[topic][p]
	if ok && offset >= there.first && offset < there.end {
		err = scan(ctx, b.kafka, spans{topic: {p: {offset, offset + 1}}}, func(r *kgo.Record) error {
			var unread error
			if found, unread = open(messageOf(r)); unread != nil {
				found = unopened(messageOf(r)) // for a person to see
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
		l, row := b.judgeRecord(r)
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
	return (until.IsZero() || l.FailedAt.Before(until)) && (o == redrivenBefore || b.all && b.isOurs(l))
}

// addAll counts what another report has counted, of another cluster.
func (r *report) addAll(other *report) {
	for key, f := range other.rows {
		if had := r.rows[key]; had != nil {
			f.Count += had.Count
			f.Last = latest(f.Last, had.Last)
			if had.First.Before(f.First) {
				f.First = had.First
			}
		}
		r.rows[key] = f
	}
}
