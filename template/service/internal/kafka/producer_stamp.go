package kafka

import (
	"errors"
	"math"

	"github.com/IBM/sarama"
)

var errNoStamp = errors.New("the broker gave no producer id")

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

// producerID returns the latest producer id, or one that ask gets when that is
// spent. Those who need one at the same time wait for one answer; who has spent
// what that brings asks again.
func (k *link) producerID(spent *producerID, ask func() (*producerID, error)) (*producerID, error) {
	for {
		k.mu.Lock()
		latest := k.producer
		k.mu.Unlock()
		if latest != nil && latest != spent {
			return latest, nil
		}
		got, err, _ := k.calls.Do("producer id", func() (any, error) { return ask() })
		if err != nil {
			return nil, err
		}
		if id := got.(*producerID); id != spent {
			return id, nil
		}
	}
}

// newProducerID asks a broker for a producer id.
func (k *link) newProducerID(broker *sarama.Broker) (*producerID, error) {
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
}
