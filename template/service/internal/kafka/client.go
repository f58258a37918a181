package kafka

import (
	"log/slog"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

const (
	dialTimeout = 10 * time.Second
	// metadataRefresh is how often a client asks for a topic's partitions, and how
	// often a session looks at what it knows: new ones are found within twice of it.
	metadataRefresh = 10 * time.Second
	// metadataRetries is also how often a heartbeat is retried, without a pause,
	// on a broken connection before the session ends.
	metadataRetries = 10
	// fetchRetries times fetchBackoff is how long a partition may have no leader
	// before the session ends. It must not be endless: a batch with a broken
	// checksum would be fetched again and again.
	fetchRetries = 30
	fetchBackoff = time.Second
	fetchSize    = 1 << 20 // bytes of a partition in one fetch

	// The delay between questions for topics, leaders and coordinators doubles, so
	// that a first message does not wait and a broker that is away is not flooded.
	minMetadataBackoff = 20 * time.Millisecond
	maxMetadataBackoff = 250 * time.Millisecond
)

// clientConfig returns the settings of sarama's client.
func clientConfig(cfg config.Kafka) (*sarama.Config, error) {
	c := sarama.NewConfig()
	c.Version = sarama.V2_8_0_0 // sarama knows all of this version's protocol; brokers up to 4.x speak it
	c.ClientID = cfg.ClientID
	c.ChannelBufferSize = 256

	c.Net.DialTimeout = dialTimeout
	c.Net.ReadTimeout = cfg.ReadTimeout
	c.Net.WriteTimeout = cfg.ReadTimeout

	c.Metadata.Full = false                   // only of the topics that are consumed, and when they are
	c.Metadata.AllowAutoTopicCreation = false // a misspelt topic is a mistake, not a new topic
	c.Metadata.RefreshFrequency = metadataRefresh
	c.Metadata.Retry.Max = metadataRetries // the default, 3, ends sessions on the shortest break
	c.Metadata.Retry.BackoffFunc = sarama.NewExponentialBackoff(minMetadataBackoff, maxMetadataBackoff)
	c.Metadata.Retry.Backoff = maxMetadataBackoff // the pause of a heartbeat while its coordinator moves

	setConsumer(c, cfg)
	setGroup(c, cfg)
	if err := setSecurity(c, cfg); err != nil {
		return nil, err
	}
	return c, c.Validate()
}

// setConsumer sets how messages are fetched and offsets kept.
func setConsumer(c *sarama.Config, cfg config.Kafka) {
	c.Consumer.Return.Errors = true // otherwise errors of fetching are reported nowhere; the consumer must read Errors()
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Consumer.Offsets.Initial = sarama.OffsetOldest // the default, newest, loses what came before the first commit
	if cfg.AutoOffsetReset == "latest" {
		c.Consumer.Offsets.Initial = sarama.OffsetNewest
	}
	c.Consumer.Group.ResetInvalidOffsets = true // otherwise an offset out of range makes sessions end in a tight loop

	// A heartbeat waits behind a fetch without data when their
	// broker also leads a partition, so a fetch must not stay long.
	c.Consumer.MaxWaitTime = cfg.FetchMaxWait
	if cfg.IsolationLevel == "read_committed" {
		c.Consumer.IsolationLevel = sarama.ReadCommitted
	}
	// Fetch.Max stays zero: with it, a larger batch is skipped silently.
	c.Consumer.Fetch.Default = fetchSize
	c.Consumer.Retry.Max = fetchRetries
	c.Consumer.Retry.Backoff = fetchBackoff
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

// setGroup sets how the members of the group share partitions.
func setGroup(c *sarama.Config, cfg config.Kafka) {
	group := &c.Consumer.Group
	group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategies[cfg.RebalanceStrategy]()}
	group.Session.Timeout = cfg.SessionTimeout
	group.Heartbeat.Interval = cfg.HeartbeatInterval
	group.Rebalance.Timeout = cfg.RebalanceTimeout
	group.Rebalance.Retry.Backoff = minMetadataBackoff // the default, 2 s, delays every first message
	group.Rebalance.Retry.Max = metadataRetries
	group.InstanceId = cfg.InstanceID
}

// setSecurity sets encryption and credentials.
func setSecurity(c *sarama.Config, cfg config.Kafka) error {
	if cfg.TLS() {
		t, err := tlsConfig(cfg)
		if err != nil {
			return err
		}
		c.Net.TLS.Enable, c.Net.TLS.Config = true, t
	}
	if cfg.SASL() {
		c.Net.SASL.Enable = true
		c.Net.SASL.User, c.Net.SASL.Password = cfg.SASLUsername, string(cfg.SASLPassword)
		c.Net.SASL.Mechanism = sarama.SASLMechanism(cfg.SASLMechanism)
		c.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &conversation{Mechanism: saslMechanism(cfg)} }
	}
	return nil
}

// maxDecompressed bounds what one compressed batch may become in memory:
// without it, a few kilobytes can ask for gigabytes.
const maxDecompressed = 100 << 20

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
