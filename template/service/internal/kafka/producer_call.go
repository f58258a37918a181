package kafka

import (
	"errors"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// acknowledgeTimeout is how long the broker may wait for the replicas.
const acknowledgeTimeout = 10 * time.Second

var errNoAnswer = errors.New("no answer from the broker in time")

// produceCall is a call to write records to a partition. Its lane may give it
// up at any time, but it goes on by itself, because the client's calls know no
// context. So the two agree by it on whether anything was sent, and how stamped.
type produceCall struct {
	topic     string
	partition int32
	records   *sarama.RecordBatch
	refresh   bool // whether to ask first who leads the partition

	mu      sync.Mutex
	stamp   stamp // of the records, once they are sent
	sent    bool  // or about to be
	givenUp bool  // before it was sent, so it is not sent any more
}

// answer is what came of it.
type answer struct {
	offset int64 // of the first; -1 when it is not known
	stamp  stamp
	maybe  bool // whether the records may have been written in spite of err
	err    error
}

// send notes that the call is about to be sent with s, and reports whether it
// may be.
func (c *produceCall) send(s stamp) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.givenUp {
		c.stamp, c.sent = s, true
	}
	return c.sent
}

// giveUp ends the wait for the call.
func (c *produceCall) giveUp() answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.givenUp = true
	return answer{offset: -1, stamp: c.stamp, maybe: c.sent, err: errNoAnswer}
}

// produce writes records to their partition.
func (k *link) produce(call *produceCall) answer {
	a := answer{offset: -1, stamp: call.stamp}
	leader, err := k.leader(call)
	if err != nil {
		a.err = err
		return a
	}
	s := a.stamp
	if s.producer == nil {
		s.producer, a.err = k.producerID(s.spent, func() (*producerID, error) { return k.newProducerID(leader) })
		if a.err != nil {
			return a
		}
	}
	if !call.send(s) {
		a.err = errNoAnswer // which nobody hears any more
		return a
	}
	a.stamp = s
	block, err := k.request(leader, call)
	switch {
	case err != nil:
		a.err, a.maybe = err, !errors.Is(err, sarama.ErrNotConnected) && !errors.As(err, new(sarama.PacketEncodingError))
	case errors.Is(block.Err, sarama.ErrNoError):
		a.offset = block.Offset
	default:
		a.err, a.maybe = block.Err, !beforeWriting(block.Err)
	}
	return a
}

// leader returns the broker that leads the call's partition.
func (k *link) leader(call *produceCall) (*sarama.Broker, error) {
	client, err := k.connect()
	if err != nil {
		return nil, err
	}
	if call.refresh {
		if err := client.RefreshMetadata(call.topic); err != nil {
			return nil, err
		}
	}
	return client.Leader(call.topic, call.partition)
}

// request sends the records to their partition's leader and returns its answer.
func (k *link) request(leader *sarama.Broker, call *produceCall) (*sarama.ProduceResponseBlock, error) {
	r, s := call.records, call.stamp
	r.Codec, r.ProducerID, r.ProducerEpoch, r.FirstSequence = k.codec, s.producer.id, s.producer.epoch, s.sequence
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
		k.hangUp(leader, connection)
		return nil, err
	}
	block := got.response.GetBlock(call.topic, call.partition)
	if block == nil {
		return nil, sarama.ErrIncompleteResponse
	}
	return block, nil
}
