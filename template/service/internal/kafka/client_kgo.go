package kafka

import (
	"context"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

const (
	// unknownTopicRetries is how often a topic that does not exist is asked for,
	// which takes some two seconds.
	unknownTopicRetries = 8
	// defaultBatchBytes is for topics whose limit the service may not see. It lies
	// below the 1 MiB that a topic takes by default.
	defaultBatchBytes = 1_000_012
	batchSizeTimeout  = 5 * time.Second
	// What the client takes as a size.
	minBatchBytes, maxBatchBytes = 512, 1 << 30
)

// newProducerClient returns the client that publishes. It is idempotent, waits for
// all in-sync replicas, and partitions by murmur2: that is its default.
func newProducerClient(cfg config.Kafka, b *backlog, more ...kgo.Opt) (client *kgo.Client, err error) {
	var sizes sync.Map
	options := []kgo.Opt{
		kgo.SeedBrokers(cfg.Brokers...), kgo.ClientID(cfg.ClientID), kgo.DialTimeout(dialTimeout), kgo.WithLogger(b),
		kgo.MetadataMaxAge(metadataRefresh), kgo.DisableClientMetrics(),
		kgo.RetryBackoffFn(func(n int) time.Duration { return backoff(b.policy, n) }),
		// The backlog asks for metadata earlier, when its policy wants an attempt.
		kgo.MetadataMinAge(min(max(cfg.PublishRetryMaxDelay, 10*time.Millisecond), metadataRefresh)),
		kgo.UnknownTopicRetries(unknownTopicRetries),
		kgo.AllowIdempotentProduceCancellation(), // otherwise an event whose answer was lost is never given up
		kgo.MaxBufferedRecords(math.MaxInt32),    // the publisher bounds bytes
		kgo.ProducerBatchMaxBytesFn(func(topic string) int32 { return batchSize(client, &sizes, topic) }),
		kgo.ProducerBatchCompression(compressionCodec(cfg.Compression)),
	}
	if cfg.PublishRetryMaxAttempts > 0 {
		options = append(options, kgo.RecordRetries(cfg.PublishRetryMaxAttempts-1))
	}
	if cfg.TLS() {
		t, err := tlsConfig(cfg)
		if err != nil {
			return nil, err
		}
		options = append(options, kgo.DialTLSConfig(t))
	}
	if cfg.SASL() {
		options = append(options, kgo.SASL(saslMechanism(cfg)))
	}
	client, err = kgo.NewClient(append(options, more...)...)
	return client, err
}

func saslMechanism(cfg config.Kafka) sasl.Mechanism {
	user, password := cfg.SASLUsername, string(cfg.SASLPassword)
	switch cfg.SASLMechanism {
	case "SCRAM-SHA-256":
		return scram.Auth{User: user, Pass: password}.AsSha256Mechanism()
	case "SCRAM-SHA-512":
		return scram.Auth{User: user, Pass: password}.AsSha512Mechanism()
	}
	return plain.Auth{User: user, Pass: password}.AsMechanism()
}

func compressionCodec(name string) kgo.CompressionCodec {
	switch name {
	case "gzip":
		return kgo.GzipCompression()
	case "snappy":
		return kgo.SnappyCompression()
	case "lz4":
		return kgo.Lz4Compression()
	case "zstd":
		return kgo.ZstdCompression()
	}
	return kgo.NoCompression()
}

// batchSize returns how many bytes a batch of the topic may have: what the topic
// takes. The client wants to know it just after it has learned of the topic, so
// there is a broker to ask.
func batchSize(client *kgo.Client, sizes *sync.Map, topic string) int32 {
	if topic == "" { // the client checks the default
		return defaultBatchBytes
	}
	if size, ok := sizes.Load(topic); ok {
		return size.(int32)
	}
	size := askBatchSize(client, topic)
	sizes.Store(topic, size)
	return size
}

func askBatchSize(client *kgo.Client, topic string) int32 {
	ctx, cancel := context.WithTimeout(client.Context(), batchSizeTimeout)
	defer cancel()
	request, resource := kmsg.NewPtrDescribeConfigsRequest(), kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName, resource.ConfigNames = kmsg.ConfigResourceTypeTopic, topic, []string{maxMessageBytes}
	request.Resources = append(request.Resources, resource)
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return defaultBatchBytes
	}
	for _, r := range response.Resources {
		for _, c := range r.Configs {
			if c.Value == nil {
				continue
			}
			if n, err := strconv.ParseInt(*c.Value, 10, 32); err == nil && n >= minBatchBytes {
				return int32(min(n, maxBatchBytes))
			}
		}
	}
	return defaultBatchBytes
}
