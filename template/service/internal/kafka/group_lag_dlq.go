package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

// Lag returns how far the settings' group is behind in each partition of the topics, and
// an error for what could not be told.
func Lag(ctx context.Context, cfg config.Kafka, topics []string) ([]PartitionLag, error) {
	client, err := newRequestClient(cfg)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	committed, err := fetchOffsets(ctx, admin, cfg.GroupID)
	if err != nil { // the client would try the others for as long again
		return nil, Explain(cfg, err)
	}
	starts, startsErr := admin.ListStartOffsets(ctx, topics...)
	ends, endsErr := listEnds(ctx, admin, cfg, topics)
	var all []PartitionLag
	errs := []error{startsErr, endsErr} // of one broker, perhaps
	for topic, partitions := range ends {
		for p, end := range partitions {
			start, _ := starts.Lookup(topic, p)
			if err := cmp.Or(end.Err, start.Err); p < 0 {
				errs = append(errs, checkTopic(kadm.TopicDetail{Topic: topic, Err: err}, "read")) // none of its partitions is known
				continue
			} else if err != nil {
				errs = append(errs, fmt.Errorf("%s/%d: %w", topic, p, err))
				continue
			}
			l := PartitionLag{Topic: topic, Partition: p, Committed: -1, End: end.Offset}
			begins := start.Offset
			if done, ok := committed.Lookup(topic, p); ok && done.At >= 0 {
				l.Committed, begins = done.At, max(done.At, begins)
			}
			l.Lag = max(l.End-begins, 0)
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b PartitionLag) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return all, Explain(cfg, errors.Join(errs...))
}
