package dlq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/kafka"
)

// answerTimeout is how long the brokers may take to bring the next dead letter.
const answerTimeout = 30 * time.Second

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
	for len(left) > 0 {
		if err := left.poll(ctx, client, f); err != nil {
			return err
		}
	}
	return nil
}

// poll reads what comes next and takes it off what is left.
func (s spans) poll(ctx context.Context, client *kgo.Client, f func(*kgo.Record) error) error {
	polling, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	fetches := client.PollFetches(polling)
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if polling.Err() != nil {
		return fmt.Errorf("no answer for %s: nothing of %s was read", answerTimeout, strings.Join(s.names(), ", "))
	}
	for _, e := range fetches.Errors() {
		return fmt.Errorf("read %s/%d: %w", e.Topic, e.Partition, e.Err)
	}
	for r := range fetches.RecordsAll() {
		sp, ok := s[r.Topic][r.Partition]
		if !ok {
			continue
		}
		if r.Offset < sp.end && !r.Attrs.IsControl() {
			if err := f(r); err != nil {
				return err
			}
		}
		if r.Offset+1 >= sp.end {
			s.remove(r.Topic, r.Partition)
		}
	}
	return nil
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
