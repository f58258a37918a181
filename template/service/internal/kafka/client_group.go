package kafka

import (
	"log/slog"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

// clientConfig returns the settings of sarama's client, whose sessions and claims are what
// the engine's lanes are made of (its producer loses the order of all partitions when one
// message fails, IBM/sarama#2619): its connections, what it asks for,
// how it fetches, and how the members of the group share partitions.
func clientConfig(cfg config.Kafka) (*sarama.Config, error) {
	c := sarama.NewConfig()
	c.Version = sarama.V2_8_0_0 // sarama knows all of this version's protocol; brokers up to 4.x speak it
	c.ClientID = cfg.ClientID

	c.Net.Proxy.Enable, c.Net.Proxy.Dialer = true, dialer{cfg}
	c.Net.ReadTimeout = cfg.ReadTimeout
	c.Net.WriteTimeout = cfg.ReadTimeout

	c.Metadata.Full = false                   // only of the topics that are consumed, and when they are
	c.Metadata.AllowAutoTopicCreation = false // a misspelt topic is a mistake, not a new topic
	c.Metadata.RefreshFrequency = metadataRefresh
	c.Metadata.Retry.Max = metadataRetries // the default, 3, ends sessions on the shortest break
	c.Metadata.Retry.BackoffFunc = sarama.NewExponentialBackoff(minMetadataBackoff, maxMetadataBackoff)
	c.Metadata.Retry.Backoff = maxMetadataBackoff // the pause of a heartbeat while its coordinator moves

	c.Consumer.Return.Errors = true // otherwise errors of fetching are reported nowhere; the consumer must read Errors()
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Consumer.Offsets.Initial = sarama.OffsetOldest // where the session sets no position; newest, the default, loses messages
	c.Consumer.MaxWaitTime = cfg.FetchMaxWait
	if cfg.IsolationLevel == "read_committed" {
		c.Consumer.IsolationLevel = sarama.ReadCommitted
	}
	// Fetch.Max stays zero: with it, a larger batch is skipped silently.
	c.Consumer.Fetch.Default = fetchSize
	c.Consumer.Retry.Backoff = fetchBackoff

	group := &c.Consumer.Group
	group.Rebalance.GroupStrategies = nil
	for _, name := range cfg.RebalanceStrategy {
		group.Rebalance.GroupStrategies = append(group.Rebalance.GroupStrategies, strategies[name]())
	}
	group.Session.Timeout = cfg.SessionTimeout
	group.Heartbeat.Interval = cfg.HeartbeatInterval
	group.Rebalance.Timeout = cfg.RebalanceTimeout
	group.Rebalance.Retry.Backoff = minMetadataBackoff // the default, 2 s, delays every first message
	group.Rebalance.Retry.Max = metadataRetries
	group.InstanceId = cfg.InstanceID
	return c, c.Validate()
}

// cooperativeSticky is the strategy with which a session goes on when some of its
// partitions move.
const cooperativeSticky = "cooperative-sticky"

// strategies are how the members of a group may share its partitions.
var strategies = map[string]func() sarama.BalanceStrategy{
	"sticky":          sarama.NewBalanceStrategySticky,
	cooperativeSticky: sarama.NewBalanceStrategyCooperativeSticky,
	"range":           sarama.NewBalanceStrategyRange,
	"roundrobin":      sarama.NewBalanceStrategyRoundRobin,
}

var saramaOnce sync.Once

// setUpSarama sets what sarama keeps in package variables: once, before the
// first client, because clients read them from their own goroutines.
func setUpSarama(log *slog.Logger) {
	saramaOnce.Do(func() {
		sarama.MaxDecompressedBatchSize = maxDecompressed
		sarama.Logger = saramaLogger(log)
	})
}

// saramaLogger returns sarama's logger over log, at debug level: it is a running
// commentary, and what matters comes back as errors too.
func saramaLogger(log *slog.Logger) sarama.StdLogger {
	return slog.NewLogLogger(log.With("from", "sarama").Handler(), slog.LevelDebug)
}

// decodeTimeout is for one fetch, of a large batch perhaps.
const decodeTimeout = 15 * time.Second

// newFetchClient returns a client that fetches one partition from an offset.
func newFetchClient(cfg config.Kafka, topic string, partition int32, offset int64) (*kgo.Client, error) {
	return NewClient(cfg, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().At(offset)}}),
		kgo.FetchIsolationLevel(isolation(cfg)), kgo.FetchMaxWait(cfg.FetchMaxWait), kgo.FetchMaxPartitionBytes(fetchSize))
}

// isolation returns whether messages of transactions that are open or aborted are read.
func isolation(cfg config.Kafka) kgo.IsolationLevel {
	if cfg.IsolationLevel == "read_committed" {
		return kgo.ReadCommitted()
	}
	return kgo.ReadUncommitted()
}
