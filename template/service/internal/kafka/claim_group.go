package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
)

// claim is one partition's assignment, as the engine sees it.
type claim struct {
	session *session
	place
	hasBegun  bool         // sarama reads it; guarded by session.mu
	id        kadm.TopicID // of the topic, zero if it is not known
	metadata  string       // of its commits: the topic's id
	isLost    atomic.Bool  // the topic was made anew
	delivered atomic.Int64 // the offset after the last that the engine has, or where the claim began
	end       atomic.Int64 // of what may be read, when it was looked at last, -1 before that
	next      atomic.Int64 // what the group is to read next by the claim's marks, or where the claim began
	requested int64        // the next of the last commit, and
	committed int64        // what the group has; both for who commits

	seen     atomic.Int64 // next when gaps were looked for last, and
	occupied atomic.Int64 // an offset with a message; both for skipGaps

	suspect     chan struct{} // sarama's fetch failed, perhaps because of what is in a batch
	unexplained int64         // where it did last although franz-go could fetch
	steering    sync.Mutex
	paused      bool                       // guarded by steering
	alone       atomic.Pointer[kgo.Client] // fetches the partition in the place of sarama, if not nil
}

func newClaim(s *session, at place, committed int64) *claim {
	c := &claim{session: s, place: at, committed: committed, unexplained: -1, suspect: make(chan struct{}, 1)}
	c.seen.Store(-1)
	c.occupied.Store(-1)
	c.end.Store(-1)
	return c
}

// Mark implements engine.Claim.
func (c *claim) Mark(offset int64) { c.next.Store(offset + 1) }

// Commit implements engine.Claim.
func (c *claim) Commit(ctx context.Context) error { return c.session.commit(ctx, c) }

// Pause implements engine.Claim.
func (c *claim) Pause() { c.steer(true) }

// Resume implements engine.Claim.
func (c *claim) Resume() { c.steer(false) }

// steer pauses or resumes who fetches the partition.
func (c *claim) steer(paused bool) {
	c.steering.Lock()
	defer c.steering.Unlock()
	c.paused = paused
	partition := map[string][]int32{c.topic: {c.partition}}
	switch alone := c.alone.Load(); {
	case alone != nil && paused:
		alone.PauseFetchPartitions(partition)
	case alone != nil:
		alone.ResumeFetchPartitions(partition)
	case paused:
		c.session.group.Pause(partition)
	default:
		c.session.group.Resume(partition)
	}
}

// fetchAlone goes on without sarama, until the claim ends, when it finds that the next
// batch cannot be decoded: what comes before that is delivered, and it is tried again.
// It reports whether the claim has ended.
func (c *claim) fetchAlone(ctx context.Context, revoked <-chan *sarama.ConsumerMessage, lane *engine.Lane) bool {
	client, err := newFetchClient(c.session.consumer.cfg, c.topic, c.partition, c.delivered.Load())
	if err != nil {
		c.session.consumer.health.fail(err)
		return false
	}
	defer client.Close()
	fetches := poll(ctx, client, decodeTimeout)
	isStuck := false
	if fetches.NumRecords() > 0 { // sarama's failure may be over; the next one at the same place says that it cannot decode the batch
		isStuck, c.unexplained = c.unexplained == c.delivered.Load(), c.delivered.Load()
	}
	if !isStuck && !isUndecodable(fetches.Err()) {
		for range len(c.suspect) { // of before franz-go had fetched
			<-c.suspect
		}
		return false
	}
	c.steering.Lock() // nobody resumes sarama in between
	c.session.group.Pause(map[string][]int32{c.topic: {c.partition}})
	c.alone.Store(client)
	if c.paused {
		client.PauseFetchPartitions(map[string][]int32{c.topic: {c.partition}})
	}
	c.steering.Unlock()
	for {
		if records := fetches.Records(); len(records) > 0 {
			c.delivered.Store(records[len(records)-1].Offset + 1)
			lane.Deliver(newMessages(records))
		}
		if err := fetches.Err(); err != nil {
			if isUndecodable(err) {
				err = fmt.Errorf("the batch at offset %d cannot be decoded: %w: delete it, or raise MAX_BUFFER_BYTES if it is too large", c.delivered.Load(), err)
			}
			c.session.consumer.health.failAt(c.place, &sarama.ConsumerError{Topic: c.topic, Partition: c.partition, Err: err})
			client.SetOffsets(map[string]map[int32]kgo.EpochOffset{c.topic: {c.partition: {Epoch: -1, Offset: c.delivered.Load()}}})
			sleep(ctx, fetchBackoff)
		}
		for range len(revoked) { // sarama's copies of what is fetched here
			<-revoked
		}
		select {
		case _, ok := <-revoked:
			if !ok {
				return true
			}
		case <-ctx.Done():
			return true
		default:
		}
		fetches = poll(ctx, client, fetchBackoff)
	}
}

// notOfABatch are errors of sarama's connections, which the network's need not be in.
var notOfABatch = []error{
	sarama.ErrOutOfBrokers, sarama.ErrBrokerNotFound, sarama.ErrNotConnected, sarama.ErrClosedClient, sarama.ErrNoTopicsToUpdateMetadata,
	sarama.ErrIncompleteResponse, sarama.ErrConsumerRetriesExhausted, context.Canceled,
}

// isUndecodable reports whether err may be of what is in a batch. It is if it is nothing
// else: what decompressors say has no type.
func isUndecodable(err error) bool {
	_, isAnswer := errors.AsType[sarama.KError](err)
	_, isAnswerToFranz := errors.AsType[*kerr.Error](err) // or to a login of both
	return err != nil && !isAnswer && !isAnswerToFranz && !isNetwork(err) && !isAny(err, notOfABatch...)
}

// poll returns what client fetches within a time.
func poll(ctx context.Context, client *kgo.Client, timeout time.Duration) kgo.Fetches {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	fetches := client.PollFetches(ctx)
	if err := ctx.Err(); err != nil && errors.Is(fetches.Err(), err) {
		return nil
	}
	return fetches
}
