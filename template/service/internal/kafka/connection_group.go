package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

// connection is what consuming needs of a cluster: sarama's client to be a member of
// the group and to fetch, and franz-go's for commits and questions.
type connection struct {
	client sarama.Client
	group  sarama.ConsumerGroup
	kafka  *kgo.Client
	admin  *kadm.Client

	found   atomic.Pointer[kadm.TopicDetails] // the topics as they were seen last, each with the last id that it had
	closing time.Duration                     // to leave the group and disconnect; what takes longer is left behind
}

// open returns a connection. Its clients connect when they are needed, so an error
// is one of the settings, and ends the consumer.
func open(cfg config.Kafka) (*connection, error) {
	sc, err := clientConfig(cfg)
	if err != nil {
		return nil, err
	}
	kafka, err := newRequestClient(cfg)
	if err != nil {
		return nil, err
	}
	conn := &connection{kafka: kafka, admin: kadm.NewClient(kafka), closing: closingTimeout}
	conn.found.Store(&kadm.TopicDetails{})
	fetches, err := sarama.NewClient(cfg.Brokers, sc)
	if err != nil {
		return nil, err
	}
	coordinators, err := sarama.NewClient(cfg.Brokers, sc)
	if err != nil {
		return nil, err
	}
	conn.client = groupClient{fetches, coordinators, conn}
	conn.group, err = sarama.NewConsumerGroupFromClient(cfg.GroupID, conn.client)
	return conn, err
}

// lastSeen returns what there was of a topic when it was seen last.
func (conn *connection) lastSeen(topic string) kadm.TopicDetail { return (*conn.found.Load())[topic] }

// close leaves the group and disconnects. Its errors would only say that a broker
// does not answer.
func (conn *connection) close() {
	closeInTime(conn.closing, func() {
		_ = conn.group.Close()
		_ = conn.client.Close()
		conn.kafka.Close()
	})
}

// starving is how long brokers may answer nothing but that they throttle this client.
const starving = 20 * time.Second

// hunger is since when no fetch was answered with the state of a partition.
type hunger struct {
	since             time.Time
	served, throttled int64 // what sarama had counted then
}

// check returns an error when a quota lets nothing through, unless there is still work.
func (h *hunger) check(conn *connection, idle bool) error {
	now := hunger{time.Now(), 0, 0}
	conn.client.Config().MetricRegistry.Each(func(name string, metric any) {
		switch counter, _ := metric.(interface{ Count() int64 }); {
		case name == "consumer-batch-size":
			now.served = counter.Count()
		case strings.HasPrefix(name, "throttle-time"): // of each broker
			now.throttled += counter.Count()
		}
	})
	if !idle || now.served != h.served || h.since.IsZero() {
		*h = now
	}
	if waited := now.since.Sub(h.since); now.throttled > h.throttled && waited >= starving {
		return fmt.Errorf("no message came for %v, because brokers throttle KAFKA_CLIENT_ID: raise its quota, consumer_byte_rate, to ten times a batch or more", waited.Round(time.Second))
	}
	return nil
}

// groupClient is sarama's client for its group. The group's coordinator is asked over
// connections of their own: heartbeats do not wait behind fetches, which a broker may
// answer slowly, or throttle for a quota. To sarama one topic's trouble is everybody's:
// a topic that is missing or forbidden has no partitions here, without a question that
// sarama would repeat for seconds, and a partition without a leader waits for one.
type groupClient struct {
	sarama.Client
	coordinators sarama.Client
	conn         *connection
}

// isMissing reports whether a topic was missing or forbidden when it was seen last.
func (c groupClient) isMissing(topic string) bool { return c.conn.lastSeen(topic).Err != nil }

func (c groupClient) Coordinator(group string) (*sarama.Broker, error) {
	return c.coordinators.Coordinator(group)
}

func (c groupClient) RefreshCoordinator(group string) error {
	return c.coordinators.RefreshCoordinator(group)
}

func (c groupClient) Close() error { return errors.Join(c.coordinators.Close(), c.Client.Close()) }

func (c groupClient) RefreshMetadata(topics ...string) error {
	return unlessOfTopic(c.Client.RefreshMetadata(slices.DeleteFunc(slices.Clone(topics), c.isMissing)...))
}

func (c groupClient) Partitions(topic string) ([]int32, error) {
	if c.isMissing(topic) {
		return nil, nil
	}
	partitions, err := c.Client.Partitions(topic)
	return partitions, unlessOfTopic(err)
}

func (c groupClient) PartitionNotReadable(topic string, partition int32) bool {
	if c.Client.PartitionNotReadable(topic, partition) {
		return true
	}
	_, err := c.Leader(topic, partition)
	return err != nil
}

// unlessOfTopic returns err unless it is one of a topic or partition.
func unlessOfTopic(err error) error {
	if isAny(err, sarama.ErrUnknownTopicOrPartition, sarama.ErrLeaderNotAvailable, sarama.ErrTopicAuthorizationFailed, sarama.ErrInvalidTopic) {
		return nil
	}
	return err
}

// Dial connects for sarama.
func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}
