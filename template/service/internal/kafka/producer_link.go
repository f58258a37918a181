package kafka

import (
	"errors"
	"math"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/singleflight"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

const (
	// metadataTimeout bounds one question for a topic's leaders, with the
	// client's own repetitions.
	metadataTimeout = 10 * time.Second
	// acknowledgeTimeout is how long the broker may wait for the replicas.
	acknowledgeTimeout = 10 * time.Second
)

var (
	errNoAnswer = errors.New("no answer from the broker in time")
	errNoStamp  = errors.New("the broker gave no producer id")
)

// link is the publisher's connection to the cluster. It is made when it is
// first needed, and mended by the client from then on.
type link struct {
	dial  func() (sarama.Client, error)
	calls singleflight.Group // those who need the same at the same time wait for one

	mu       sync.Mutex
	client   sarama.Client
	codec    sarama.CompressionCodec
	closed   bool
	producer *producerID     // the latest
	hangUps  map[int32]int64 // how often a broker's connection was given up
}

// producerID is what the broker knows a producer by.
type producerID struct {
	id    int64
	epoch int16
}

// stamp is what the broker tells a repetition by: each message of a partition
// has the producer's id and a sequence number.
type stamp struct {
	producer *producerID // nil before the first
	sequence int32
	spent    *producerID // may not be used again
}

// spend makes the next attempt take a new producer id: the sequence is broken.
func (s *stamp) spend() {
	if s.producer != nil {
		*s = stamp{spent: s.producer}
	}
}

// after returns the sequence number n messages later; it turns over as Java's
// client has it.
func after(sequence int32, n int) int32 {
	return int32((int64(sequence) + int64(n)) & math.MaxInt32)
}

func newLink(cfg config.Kafka) *link {
	k := &link{hangUps: make(map[int32]int64)}
	k.dial = func() (sarama.Client, error) {
		c, err := producerConfig(cfg)
		if err != nil {
			return nil, err
		}
		return sarama.NewClient(cfg.Brokers, c)
	}
	return k
}

// producerConfig returns the client's settings for publishing.
func producerConfig(cfg config.Kafka) (*sarama.Config, error) {
	c, err := clientConfig(cfg)
	if err != nil {
		return nil, err
	}
	c.Metadata.Timeout = metadataTimeout
	if err := c.Producer.Compression.UnmarshalText([]byte(cfg.Compression)); cfg.Compression != "" && err != nil {
		return nil, err
	}
	return c, c.Validate()
}

// connect returns the client.
func (k *link) connect() (sarama.Client, error) {
	k.mu.Lock()
	client, closed := k.client, k.closed
	k.mu.Unlock()
	switch {
	case closed:
		return nil, ErrClosed
	case client != nil:
		return client, nil
	}
	c, err, _ := k.calls.Do("", func() (any, error) {
		c, err := k.dial()
		if err != nil {
			return nil, err
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.closed {
			return nil, errors.Join(ErrClosed, c.Close())
		}
		k.client, k.codec = c, c.Config().Producer.Compression
		return c, nil
	})
	if err != nil {
		return nil, err
	}
	return c.(sarama.Client), nil
}

func (k *link) close() {
	k.mu.Lock()
	client := k.client
	k.closed = true
	k.mu.Unlock()
	if client != nil {
		_ = closing(client) // it can only say that it was closed before
	}
}

// partitions returns how many partitions a topic has.
func (k *link) partitions(topic string) (int, error) {
	client, err := k.connect()
	if err != nil {
		return 0, err
	}
	all, err := client.Partitions(topic)
	if err == nil && len(all) == 0 {
		err = sarama.ErrLeaderNotAvailable
	}
	return len(all), err
}

// produceCall is a call to write records to a partition.
type produceCall struct {
	topic     string
	partition int32
	records   *sarama.RecordBatch
	stamp     stamp
	refresh   bool // whether to ask first who leads the partition
}

// answer is what came of it.
type answer struct {
	offset int64 // of the first; -1 when it is not known
	stamp  stamp
	maybe  bool // whether the records may have been written in spite of err
	err    error
}

// produce writes records to their partition.
func (k *link) produce(call produceCall) answer {
	a := answer{offset: -1, stamp: call.stamp}
	client, err := k.connect()
	if err != nil {
		a.err = err
		return a
	}
	if call.refresh {
		if a.err = client.RefreshMetadata(call.topic); a.err != nil {
			return a
		}
	}
	leader, err := client.Leader(call.topic, call.partition)
	if err != nil {
		a.err = err
		return a
	}
	if a.stamp.producer == nil {
		id, err := k.producerID(leader, a.stamp.spent)
		if err != nil {
			a.err = err
			return a
		}
		a.stamp = stamp{producer: id}
	}
	k.request(leader, call, &a)
	return a
}

// request sends the request to the partition's leader.
func (k *link) request(leader *sarama.Broker, call produceCall, a *answer) {
	r := call.records
	r.Codec, r.ProducerID, r.ProducerEpoch, r.FirstSequence = k.codec, a.stamp.producer.id, a.stamp.producer.epoch, a.stamp.sequence
	request := &sarama.ProduceRequest{
		Version: 9, RequiredAcks: sarama.WaitForAll, // acknowledged means: on all in-sync replicas
		Timeout: int32(acknowledgeTimeout / time.Millisecond),
	}
	request.AddBatch(call.topic, call.partition, r)

	type result struct {
		response *sarama.ProduceResponse
		err      error
	}
	answered := make(chan result, 1)
	connection := k.connection(leader)
	err := leader.AsyncProduce(request, func(r *sarama.ProduceResponse, err error) { answered <- result{r, err} })
	var got result
	if err == nil {
		got = <-answered
		err = got.err
	}
	if err != nil {
		a.err = err
		a.maybe = !errors.Is(err, sarama.ErrNotConnected) && !errors.As(err, new(sarama.PacketEncodingError))
		k.hangUp(leader, connection)
		return
	}
	block := got.response.GetBlock(call.topic, call.partition)
	if block == nil {
		a.err, a.maybe = sarama.ErrIncompleteResponse, true
		return
	}
	switch block.Err { //nolint:exhaustive // all others refuse
	case sarama.ErrNoError:
		a.offset = block.Offset
	case sarama.ErrDuplicateSequenceNumber: // an earlier attempt had written it
	case sarama.ErrRequestTimedOut, sarama.ErrNotEnoughReplicasAfterAppend, sarama.ErrUnknown, sarama.ErrNetworkException:
		a.err, a.maybe = block.Err, true
	default:
		a.err = block.Err
	}
}

// producerID returns the latest producer id, or a new one when that is spent.
func (k *link) producerID(broker *sarama.Broker, spent *producerID) (*producerID, error) {
	latest := func() *producerID {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.producer
	}
	if id := latest(); id != nil && id != spent {
		return id, nil
	}
	got, err, _ := k.calls.Do("producer id", func() (any, error) {
		if id := latest(); id != nil && id != spent {
			return id, nil
		}
		connection := k.connection(broker)
		r, err := broker.InitProducerID(&sarama.InitProducerIDRequest{Version: 4, ProducerID: -1, ProducerEpoch: -1})
		if err != nil {
			k.hangUp(broker, connection)
			return nil, err
		}
		if !errors.Is(r.Err, sarama.ErrNoError) {
			return nil, errors.Join(errNoStamp, r.Err)
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		k.producer = &producerID{r.ProducerID, r.ProducerEpoch}
		return k.producer, nil
	})
	if err != nil {
		return nil, err
	}
	return got.(*producerID), nil
}

// connection returns which of a broker's connections is the present one.
func (k *link) connection(b *sarama.Broker) int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.hangUps[b.ID()]
}

// hangUp ends a broker's connection, unless that was done since: all who had a
// request on it are told that it failed, and only the first may end it.
func (k *link) hangUp(b *sarama.Broker, connection int64) {
	k.mu.Lock()
	if k.hangUps[b.ID()] != connection {
		k.mu.Unlock()
		return
	}
	k.hangUps[b.ID()]++
	k.mu.Unlock()
	_ = b.Close() // it can only say that it is closed
}
