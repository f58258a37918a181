package kafka

import (
	"context"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// offsetTimeout bounds how long a claim waits for an answer that is only for the
// log.
const offsetTimeout = 10 * time.Second

// warnOffsetOutOfRange logs when the log of a partition has not the offset that the
// group had committed: records were deleted before they were read, or the cluster
// lost records that it had acknowledged. Sarama goes on elsewhere and says nothing.
func warnOffsetOutOfRange(ctx context.Context, admin *kadm.Client, group, topic string, partition int32, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, offsetTimeout)
	defer cancel()
	offsets, err := admin.FetchOffsets(ctx, group)
	committed, ok := offsets.Lookup(topic, partition)
	if err != nil || !ok || committed.At < 0 {
		return // not known, or the group's first time
	}
	starts, _ := admin.ListStartOffsets(ctx, topic)
	ends, _ := admin.ListEndOffsets(ctx, topic)
	start, hasStart := starts.Lookup(topic, partition)
	end, hasEnd := ends.Lookup(topic, partition)
	if !hasStart || !hasEnd {
		return
	}
	text := "committed offset out of range: the log ends before it, the cluster lost records or the topic is a new one"
	if committed.At < start.Offset {
		text = "committed offset out of range: records were deleted before they were handled"
	}
	log.Warn(text, "committed", committed.At, "log_start", start.Offset, "log_end", end.Offset, "deleted", max(0, start.Offset-committed.At))
}
