//go:build !jetstream && !rabbitmq

package dlq

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/kafka"
)

// span is the part of a partition that a command reads: from the first offset to
// the one before end.
type span struct{ first, end int64 }

// spans are the parts of all partitions, by topic.
type spans map[string]map[int32]span

// findSpans returns what the topics hold now. What comes later is not read: a
// message that fails again would be redriven for ever. A topic that does not exist
// has no dead letters.
func findSpans(ctx context.Context, admin *kadm.Client, topics []string) (spans, error) {
	starts, err := admin.ListStartOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("ask for the dead letters' offsets: %w", err)
	}
	ends, err := admin.ListCommittedOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("ask for the dead letters' offsets: %w", err)
	}
	found := make(spans)
	check := func(o kadm.ListedOffset) {
		if o.Err != nil && !errors.Is(o.Err, kerr.UnknownTopicOrPartition) {
			err = errors.Join(err, fmt.Errorf("ask for the offsets of %s/%d: %w", o.Topic, o.Partition, o.Err))
		}
	}
	starts.Each(check)
	ends.Each(check)
	for topic, partitions := range ends {
		for p, end := range partitions {
			start, ok := starts.Lookup(topic, p)
			if !ok || start.Err != nil || end.Err != nil {
				continue
			}
			if found[topic] == nil {
				found[topic] = make(map[int32]span)
			}
			found[topic][p] = span{start.Offset, end.Offset}
		}
	}
	return found, err
}

// scan reads the spans and calls f with each record, in the order of its partition.
// It returns f's error at once.
func scan(ctx context.Context, cfg config.Kafka, s spans, f func(*kgo.Record) error) error {
	from, left := make(map[string]map[int32]kgo.Offset), make(spans)
	for topic, partitions := range s {
		for p, sp := range partitions {
			if sp.first >= sp.end {
				continue
			}
			if from[topic] == nil {
				from[topic], left[topic] = make(map[int32]kgo.Offset), make(map[int32]span)
			}
			from[topic][p], left[topic][p] = kgo.NewOffset().At(sp.first), sp
		}
	}
	// Markers of transactions are read too: the last offset may be one.
	client, err := kafka.NewClient(cfg, kgo.ConsumePartitions(from), kgo.KeepControlRecords(), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance()
	heard := time.Now()
	for len(left) > 0 {
		moved, err := left.poll(ctx, client, f)
		if err == nil && !moved {
			moved, err = left.skip(ctx, client)
		}
		switch {
		case err != nil:
			return err
		case moved:
			heard = time.Now()
		case time.Since(heard) > answerTimeout:
			return fmt.Errorf("no answer for %s: nothing of %s was read", answerTimeout, strings.Join(left.names(), ", "))
		}
	}
	return nil
}

// poll reads what comes next and takes it off what is left. It reports whether anything
// came.
func (s spans) poll(ctx context.Context, client *kgo.Client, f func(*kgo.Record) error) (came bool, err error) {
	polling, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	fetches := client.PollFetches(polling)
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	for _, e := range fetches.Errors() {
		if !errors.Is(e.Err, context.DeadlineExceeded) { // which is that of polling
			return false, fmt.Errorf("read %s/%d: %w", e.Topic, e.Partition, e.Err)
		}
	}
	for r := range byTurns(fetches) {
		sp, ok := s[r.Topic][r.Partition]
		if !ok {
			continue
		}
		if r.Offset < sp.end && !r.Attrs.IsControl() {
			if err := f(r); err != nil {
				return true, err
			}
		}
		s.move(r.Topic, r.Partition, r.Offset+1)
	}
	return fetches.NumRecords() > 0, nil
}

// byTurns returns the records, one of each partition after the other: what one waits for
// happens while the others go on.
func byTurns(fetches kgo.Fetches) iter.Seq[*kgo.Record] {
	var partitions [][]*kgo.Record
	fetches.EachPartition(func(p kgo.FetchTopicPartition) { partitions = append(partitions, p.Records) })
	return func(yield func(*kgo.Record) bool) {
		for i, left := 0, fetches.NumRecords(); left > 0; i++ {
			for _, records := range partitions {
				if i >= len(records) {
					continue
				}
				if left--; !yield(records[i]) {
					return
				}
			}
		}
	}
}

// skip moves the spans over what is no letter any more and never comes: what was aborted
// before a transaction that is open, and what was deleted after the spans were found. It
// reports whether there was any. What cannot be told now may be the next time.
func (s spans) skip(ctx context.Context, client *kgo.Client) (moved bool, err error) {
	admin, topics := kadm.NewClient(client), slices.Collect(maps.Keys(s))
	starts, err := admin.ListStartOffsets(ctx, topics...)
	if err != nil {
		return false, ctx.Err()
	}
	details, err := admin.ListTopics(ctx, topics...)
	if err != nil {
		return false, ctx.Err()
	}
	for _, topic := range topics {
		for p, sp := range maps.Clone(s[topic]) {
			position := sp.first
			if start, ok := starts.Lookup(topic, p); ok && start.Err == nil {
				position = max(position, start.Offset)
			}
			for position < sp.end {
				next, isMessage, err := kafka.NextMessage(ctx, client, details[topic], p, position)
				if err != nil || isMessage || next <= position {
					break
				}
				position = next
			}
			moved = moved || position > sp.first
			s.move(topic, p, position)
		}
	}
	return moved, ctx.Err()
}

// move takes off what is before an offset.
func (s spans) move(topic string, p int32, to int64) {
	sp := s[topic][p]
	if s[topic][p] = (span{to, sp.end}); to >= sp.end {
		s.remove(topic, p)
	}
}

func (s spans) remove(topic string, p int32) {
	if delete(s[topic], p); len(s[topic]) == 0 {
		delete(s, topic)
	}
}

func (s spans) names() (all []string) {
	for topic, partitions := range s {
		for p := range partitions {
			all = append(all, fmt.Sprintf("%s/%d", topic, p))
		}
	}
	slices.Sort(all)
	return all
}
