package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// look is a fetch of so many bytes that only asks where there is a message.
type look struct {
	topic             string
	id                kadm.TopicID
	partition, leader int32
	offset            int64
	bytes             int32
	committed         bool
}

// next returns the offset of the first message at or after offset, or where the leader's
// answer ends if there is none in it.
func (l look) next(ctx context.Context, client *kgo.Client) (next int64, isMessage bool, err error) {
	options := kgo.ProcessFetchPartitionOpts{Topic: l.topic, Partition: l.partition, Offset: l.offset}
	request, topic, partition := kmsg.NewPtrFetchRequest(), kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestTopicPartition()
	if l.committed {
		request.IsolationLevel, options.IsolationLevel = 1, kgo.ReadCommitted()
	}
	partition.Partition, partition.FetchOffset, partition.PartitionMaxBytes = l.partition, l.offset, l.bytes
	topic.Topic, topic.TopicID, topic.Partitions = l.topic, l.id, append(topic.Partitions, partition)
	request.Topics = append(request.Topics, topic)
	answer, err := client.Broker(int(l.leader)).RetriableRequest(ctx, request)
	if err != nil {
		return 0, false, err
	}
	response, ok := answer.(*kmsg.FetchResponse)
	if !ok || len(response.Topics) == 0 || len(response.Topics[0].Partitions) == 0 {
		return l.offset, false, nil
	}
	bounded, _ := client.OptValue(kgo.WithDecompressor).(kgo.Decompressor) // by NewClient
	fetched, end := kgo.ProcessFetchPartition(options, &response.Topics[0].Partitions[0], bounded, nil)
	if len(fetched.Records) > 0 {
		return fetched.Records[0].Offset, true, nil
	}
	return end, false, fetched.Err
}
