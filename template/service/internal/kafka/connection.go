package kafka

import (
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

// connection is what consuming needs of a cluster: sarama's client to be a member of
// the group and to fetch, and franz-go's for commits and questions, which so do not
// wait behind fetches.
type connection struct {
	client sarama.Client
	group  sarama.ConsumerGroup
	kafka  *kgo.Client
	admin  *kadm.Client
}

// open returns a connection. Its clients connect when they are needed, so an error
// is one of the settings.
func open(cfg config.Kafka) (*connection, error) {
	sc, err := clientConfig(cfg)
	if err != nil {
		return nil, err
	}
	conn := &connection{}
	if conn.kafka, err = newRequestClient(cfg); err != nil {
		return nil, err
	}
	conn.admin = kadm.NewClient(conn.kafka)
	if conn.client, err = sarama.NewClient(cfg.Brokers, sc); err != nil {
		return nil, err
	}
	conn.group, err = sarama.NewConsumerGroupFromClient(cfg.GroupID, conn.client)
	return conn, err
}

// close leaves the group and disconnects. Its errors would only say that a broker
// does not answer.
func (conn *connection) close() {
	closeInTime(func() {
		_ = conn.group.Close()
		_ = conn.client.Close()
		conn.kafka.Close()
	})
}

// closingTimeout bounds how long it may take to disconnect.
const closingTimeout = 3 * time.Second

// closeInTime calls f, and leaves it behind when a broker does not answer it.
func closeInTime(f func()) {
	done := make(chan struct{})
	go func() { f(); close(done) }()
	select {
	case <-done:
	case <-time.After(closingTimeout):
	}
}

// drain is the time that a service has to end, from the signal to stop. The consumer
// and the publisher share it.
type drain struct {
	once  sync.Once
	began time.Time
}

func (d *drain) begin() { d.once.Do(func() { d.began = time.Now() }) }

// remaining returns what remains of timeout, which begins now if it has not yet.
// However late, there is some time to disconnect.
func (d *drain) remaining(timeout time.Duration) time.Duration {
	d.begin()
	return max(timeout-time.Since(d.began), min(timeout, closingTimeout))
}
