package kafka

import (
	"context"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

const (
	// metadataRefresh is how often a client asks for a topic's partitions, and how
	// often a session looks at what it knows: new ones are found within twice of it.
	metadataRefresh = 10 * time.Second
	// metadataRetries is also how often a heartbeat is retried, without a pause,
	// on a broken connection before the session ends.
	metadataRetries = 10
	fetchBackoff    = time.Second // of a partition that has no leader, or a batch that nobody can decode
	fetchSize       = 1 << 20     // bytes of a partition in one fetch

	// The delay between questions for topics, leaders and coordinators doubles, so
	// that a first message does not wait and a broker that is away is not flooded.
	minMetadataBackoff = 20 * time.Millisecond
	maxMetadataBackoff = 250 * time.Millisecond
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

// NewClient returns a client of franz-go with the settings' brokers and security. It
// connects when it is needed.
func NewClient(cfg config.Kafka, more ...kgo.Opt) (*kgo.Client, error) {
	options := []kgo.Opt{
		kgo.SeedBrokers(cfg.Brokers...), kgo.ClientID(cfg.ClientID), kgo.Dialer(dialer{cfg}.DialContext),
		kgo.MetadataMaxAge(metadataRefresh), kgo.DisableClientMetrics(),
		kgo.ProducerBatchCompression(compressionCodecs[cfg.Compression]),
		kgo.MaxDecompressBatchBytes(int(min(max(cfg.MaxBufferBytes, maxDecompressed), math.MaxInt32))), // a batch that fits no more is as large
	}
	return kgo.NewClient(append(options, more...)...)
}

// newRequestClient returns a client for commits and for questions about topics and
// offsets: it looks for another broker when one does not answer.
func newRequestClient(cfg config.Kafka) (*kgo.Client, error) {
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(kmsg.OffsetCommit.Int16(), 9) // later ones want the topics' ids
	return NewClient(cfg, kgo.MaxVersions(versions), kgo.MetadataMinAge(minMetadataBackoff),
		kgo.RequestRetries(metadataRetries), kgo.RetryTimeout(cfg.ReadTimeout),
		kgo.RetryBackoffFn(func(n int) time.Duration { return min(minMetadataBackoff<<min(n, metadataRetries), maxMetadataBackoff) }))
}

// newProducerClient returns the client that publishes. It is idempotent, waits for
// all in-sync replicas, and partitions by murmur2: that is its default.
func newProducerClient(cfg config.Kafka, b *backlog, sizes *batchSizes, more ...kgo.Opt) (client *kgo.Client, err error) {
	options := []kgo.Opt{
		kgo.WithLogger(b),
		kgo.RetryBackoffFn(func(n int) (d time.Duration) {
			delays := b.policy.Backoff()
			for range min(n, 64) { // later ones are no longer
				d, _ = delays.Next()
			}
			return d
		}),
		// The backlog asks for metadata earlier, when its policy wants an attempt.
		kgo.MetadataMinAge(min(max(cfg.PublishRetryMaxDelay, 10*time.Millisecond), metadataRefresh)),
		kgo.UnknownTopicRetries(unknownTopicRetries),
		kgo.AllowIdempotentProduceCancellation(), // otherwise an event whose answer was lost is never given up
		kgo.MaxBufferedRecords(math.MaxInt32),    // the publisher bounds bytes
		kgo.ProducerBatchMaxBytesFn(func(topic string) int32 { return sizes.learn(client, topic) }),
	}
	if cfg.PublishRetryMaxAttempts > 0 {
		options = append(options, kgo.RecordRetries(cfg.PublishRetryMaxAttempts-1))
	}
	client, err = NewClient(cfg, append(options, more...)...)
	return client, err
}

var compressionCodecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

// batchSizes are how many bytes a batch may have, by topic: what the topic takes.
type batchSizes struct{ learned sync.Map } // topics to batchSize

type batchSize struct {
	bytes int32
	known bool // the broker said so
}

func (b *batchSizes) of(topic string) batchSize {
	if size, learned := b.learned.Load(topic); learned {
		return size.(batchSize) //nolint:forcetypeassert // nothing else is in it
	}
	return batchSize{bytes: defaultBatchBytes}
}

// learn returns the size for the topic. The client wants to know it just after it has
// learned of the topic, so there is a broker to ask.
func (b *batchSizes) learn(client *kgo.Client, topic string) int32 {
	if topic == "" { // for that the client checks the default
		return defaultBatchBytes
	}
	ctx, cancel := context.WithTimeout(client.Context(), batchSizeTimeout)
	defer cancel()
	size := b.of("")
	if configs, err := kadm.NewClient(client).DescribeTopicConfigs(ctx, topic); err == nil {
		size.known = true
		if n, err := strconv.ParseInt(setting(configs, topic, maxMessageBytes), 10, 32); err == nil && n >= minBatchBytes {
			size.bytes = int32(min(n, maxBatchBytes))
		}
	}
	b.learned.Store(topic, size)
	return size.bytes
}

// forget forgets the size for a topic that is not what it was, and makes the client
// learn the topic anew with the next message. What the client has of it fails.
func (b *batchSizes) forget(client *kgo.Client, topic string) {
	if _, learned := b.learned.LoadAndDelete(topic); learned { // the first of those that say so
		go client.PurgeTopicsFromProducing(topic) // waits for the client's metadata loop
	}
}

// maxDecompressed bounds what one compressed batch may become in memory: without it, a
// few kilobytes can ask for gigabytes. Claims fetch larger ones alone.
const maxDecompressed = 64 << 20

// closingTimeout bounds how long it may take to disconnect.
const closingTimeout = 3 * time.Second

// closeInTime calls f, and leaves it behind when a broker does not answer it in time.
func closeInTime(timeout time.Duration, f func()) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	_ = message.CallBounded(ctx, 0, func(context.Context) error { f(); return nil }) // it only says that the time is over
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// newMessages returns records for the engine.
func newMessages(records []*kgo.Record) []message.Message {
	var all []message.Message
	for _, r := range records {
		m := message.Message{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value}
		if r.Timestamp.UnixMilli() >= 0 { // it has one
			m.Time = r.Timestamp
		}
		for _, h := range r.Headers {
			m.Headers = append(m.Headers, message.Field{Key: h.Key, Value: h.Value})
		}
		all = append(all, m)
	}
	return all
}
