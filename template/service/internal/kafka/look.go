package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// findMessage returns the offset of the first message at or after that of from, or where the
// leader's answer ends if there is none in it, which has so many bytes at most, or one batch.
func findMessage(ctx context.Context, client *kgo.Client, leader int32, id kadm.TopicID, from kgo.ProcessFetchPartitionOpts, bytes int32) (next int64, isMessage bool, err error) {
	request, topic, partition := kmsg.NewPtrFetchRequest(), kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestTopicPartition()
	if from.IsolationLevel == kgo.ReadCommitted() {
		request.IsolationLevel = 1
	}
	partition.Partition, partition.FetchOffset, partition.PartitionMaxBytes = from.Partition, from.Offset, bytes
	topic.Topic, topic.TopicID, topic.Partitions = from.Topic, id, append(topic.Partitions, partition)
	request.Topics = append(request.Topics, topic)
	answer, err := client.Broker(int(leader)).RetriableRequest(ctx, request)
	if err != nil {
		return 0, false, err
	}
	response, ok := answer.(*kmsg.FetchResponse)
	if !ok || len(response.Topics) == 0 || len(response.Topics[0].Partitions) == 0 {
		return from.Offset, false, nil
	}
	bounded, _ := client.OptValue(kgo.WithDecompressor).(kgo.Decompressor) // by NewClient
	fetched, end := kgo.ProcessFetchPartition(from, &response.Topics[0].Partitions[0], bounded, nil)
	if len(fetched.Records) > 0 {
		return fetched.Records[0].Offset, true, nil
	}
	return end, false, fetched.Err
}
