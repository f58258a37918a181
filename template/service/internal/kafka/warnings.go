package kafka

import (
	"context"
	"slices"
	"time"

	"github.com/IBM/sarama"
)

// askingTimeout bounds how long a claim waits for an answer that is only for
// the log.
const askingTimeout = 10 * time.Second

// tellJump says so when a claim begins elsewhere than where the group had
// committed, because the log no longer has that offset: records were deleted
// before they were read, or the cluster lost records that it had acknowledged.
// The client jumps without a word. It is called before the claim's first mark,
// and asks nothing when the claim begins where it should.
func (s *session) tellJump(cs sarama.ConsumerGroupSession, sc sarama.ConsumerGroupClaim) {
	if sc.InitialOffset() >= 0 {
		return
	}
	ctx, cancel := context.WithTimeout(cs.Context(), askingTimeout)
	defer cancel()
	c, topic, partition := s.consumer, sc.Topic(), sc.Partition()
	err := within(ctx, func() error {
		got, err := s.admin.ListConsumerGroupOffsets(c.cfg.GroupID, map[string][]int32{topic: {partition}})
		if err != nil {
			return err
		}
		block := got.GetBlock(topic, partition)
		if block == nil || block.Offset < 0 {
			return nil // a group's first time
		}
		start, err := s.client.GetOffset(topic, partition, sarama.OffsetOldest)
		if err != nil {
			return err
		}
		end, err := s.client.GetOffset(topic, partition, sarama.OffsetNewest)
		if err != nil {
			return err
		}
		attrs := []any{
			"topic", topic, "partition", partition, "committed", block.Offset, "log_start", start, "log_end", end,
			"reset", c.cfg.AutoOffsetReset,
		}
		switch {
		case block.Offset < start:
			c.log.Warn("the committed offset is out of range: records were deleted before they were handled", append(attrs, "deleted", start-block.Offset)...)
		default:
			c.log.Warn("the committed offset is out of range: the log ends before it, the cluster lost records or the topic is a new one", attrs...)
		}
		return nil
	})
	if err != nil {
		c.log.Debug("whether the committed offset is in range is not known", "topic", topic, "partition", partition, "error", err)
	}
}

// tellStrangers warns of members of the group that consume other topics: two
// services that share a group id by mistake. Each then has less to do than it
// should, and moves the other's partitions whenever it starts or stops.
func (s *session) tellStrangers(cs sarama.ConsumerGroupSession) {
	ctx, cancel := context.WithTimeout(cs.Context(), askingTimeout)
	defer cancel()
	c := s.consumer
	err := within(ctx, func() error {
		groups, err := s.admin.DescribeConsumerGroups([]string{c.cfg.GroupID})
		if err != nil {
			return err
		}
		for _, g := range groups {
			for _, m := range g.Members {
				c.tellStranger(m)
			}
		}
		return nil
	})
	if err != nil {
		c.log.Debug("the group's other members are not known", "group", c.cfg.GroupID, "error", err)
	}
}

func (c *Consumer) tellStranger(m *sarama.GroupMemberDescription) {
	meta, err := m.GetMemberMetadata()
	if err != nil || meta == nil {
		return
	}
	topics := slices.Sorted(slices.Values(meta.Topics))
	if ours := c.registry.Topics(); !slices.Equal(topics, ours) {
		c.log.Warn("a member of the group consumes other topics: does another service use this KAFKA_GROUP_ID?",
			"group", c.cfg.GroupID, "client", m.ClientId, "host", m.ClientHost, "topics", topics, "ours", ours)
	}
}
