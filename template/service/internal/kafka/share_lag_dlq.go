package kafka

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

// ShareLag returns how far the settings' share group is behind in each partition of the
// topics, and an error for what could not be told. Committed is the first message that is
// not done; some after it may be.
func ShareLag(ctx context.Context, cfg config.Kafka, topics []string) ([]PartitionLag, error) {
	client, err := newRequestClient(cfg)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	known, err := shareLags(ctx, client, cfg, topics)
	if err != nil {
		return nil, Explain(cfg, err)
	}
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topics...)
	errs := []error{err}
	var all []PartitionLag
	for topic, partitions := range ends {
		for p, end := range partitions {
			if p < 0 || end.Err != nil {
				errs = append(errs, checkTopic(kadm.TopicDetail{Topic: topic, Err: end.Err}, "read"))
				continue
			}
			l := PartitionLag{Topic: topic, Partition: p, Committed: -1, End: end.Offset, Lag: end.Offset}
			if i := slices.IndexFunc(known, func(k kadm.ShareOffset) bool { return k.Topic == topic && k.Partition == p }); i >= 0 {
				l.Committed, l.Lag = known[i].StartOffset, known[i].Lag
			}
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b PartitionLag) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return all, Explain(cfg, errors.Join(errs...))
}
