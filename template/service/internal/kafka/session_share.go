package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sync/semaphore"
)

// shareSession is the life of one client in the group. It is a hook of that client too.
type shareSession struct {
	consumer *ShareConsumer
	client   *kgo.Client // the member
	requests *kgo.Client // for questions
	admin    *kadm.Client
	began    sync.Once
	arrived  []*kgo.Record       // with the present poll
	acking   *semaphore.Weighted // one at a time tells the client what became of messages, and hears what the broker says
	isDone   chan struct{}       // there is something to accept

	mu      sync.Mutex
	lock    time.Duration         // how long the broker keeps a message for who has it
	claims  map[place]*shareClaim // who polls changes it, and alone reads it without mu
	refused map[place]error       // the broker's answers since they were asked for
}

const (
	minLock          = time.Second            // what a lock lasts at least, and before a broker has said how long
	maxShareWait     = 500 * time.Millisecond // of an empty fetch: an acknowledgement waits for its end
	shareIdleTimeout = 5 * time.Minute        // longer than from one renewal to the next: with its connection a member loses what it has
)

// newSession returns a session whose client joins the group.
func (c *ShareConsumer) newSession(requests *kgo.Client) (s *shareSession, err error) {
	s = &shareSession{
		consumer: c, requests: requests, admin: kadm.NewClient(requests), acking: semaphore.NewWeighted(1), isDone: make(chan struct{}, 1),
		claims: map[place]*shareClaim{}, lock: minLock, refused: map[place]error{},
	}
	s.client, err = NewClient(c.cfg, kgo.ShareGroup(c.cfg.GroupID), kgo.ConsumeTopics(c.registry.Topics()...), kgo.WithHooks(s),
		kgo.ShareAckCallback(func(_ *kgo.Client, results kgo.ShareAckResults) { s.note(results) }), kgo.ConnIdleTimeout(shareIdleTimeout),
		kgo.FetchMaxWait(min(c.cfg.FetchMaxWait, maxShareWait)), kgo.FetchMaxPartitionBytes(fetchSize), kgo.MetadataMinAge(maxMetadataBackoff))
	return s, err
}

// hidden is the context of a record that its client does not take for one of a share
// group: it would accept it with the next poll, done or not.
type hidden struct{ context.Context }

// Value implements context.Context.
func (hidden) Value(any) any { return nil }

// OnFetchRecordBuffered implements kgo.HookFetchRecordBuffered. It comes before the poll.
func (s *shareSession) OnFetchRecordBuffered(r *kgo.Record) { r.Context = hidden{r.Context} }

// OnFetchRecordUnbuffered implements kgo.HookFetchRecordUnbuffered. It comes at the end of
// the poll, when the client has noted what to accept with the next.
func (s *shareSession) OnFetchRecordUnbuffered(r *kgo.Record, polled bool) {
	if own, ok := r.Context.(hidden); ok && polled {
		r.Context = own.Context
		s.arrived = append(s.arrived, r)
	}
}

// OnBrokerE2E implements kgo.HookBrokerE2E: the first fetch says that the group was joined.
func (s *shareSession) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e2e kgo.BrokerE2E) {
	if key == int16(kmsg.ShareFetch) && e2e.Err() == nil {
		s.began.Do(func() {
			s.consumer.joined.Store(true)
			s.consumer.log.Info("consuming", "group", s.consumer.cfg.GroupID)
			s.consumer.health.enter(nil)
		})
	}
}

// consume is a member of the group until ctx ends, when its lanes drain, or until the
// client cannot go on, when they are lost. It returns what had work left.
func (s *shareSession) consume(ctx context.Context) (left []string, err error) {
	c := s.consumer
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	var all sync.WaitGroup
	for _, work := range []func(context.Context){s.watch, s.keepAccepting, s.keepRenewing} {
		all.Go(func() { work(working) })
	}
	c.session.Store(s)
	if err = s.poll(ctx); err == nil {
		all.Go(func() { s.forget(working) })
		settled := time.After(2 * min(c.cfg.FetchMaxWait, maxShareWait))
		left, err = s.drain(context.WithoutCancel(ctx))
		<-settled
	}
	for _, claim := range s.claims {
		claim.lane.Lose() // unless it has drained
	}
	c.session.Store(nil)
	c.health.enter(errors.New("not a member of the group"))
	stop()
	closeInTime(closingTimeout, s.client.Close) // what is not done is the group's again, and its delivery does not count
	all.Wait()
	return left, err
}

// poll hands over what comes, until ctx ends. An error says that another client has to go on.
func (s *shareSession) poll(ctx context.Context) error {
	for ctx.Err() == nil {
		fetches := s.client.PollFetches(ctx)
		s.deliver()
		if err := s.failed(fetches); err != nil {
			return err
		}
	}
	return nil
}

// forget has the brokers send no more, until ctx ends. Of partitions that a member still
// fetches when it ends, all that it gives back counts as delivered.
func (s *shareSession) forget(ctx context.Context) {
	s.client.PauseFetchTopics(s.consumer.registry.Topics()...)
	for ctx.Err() == nil {
		s.client.PollFetches(ctx) // a fetch that is not taken would be the last
	}
}

// deliver gives what has arrived to the lanes of its partitions.
func (s *shareSession) deliver() {
	batches := map[*shareClaim][]*kgo.Record{}
	for _, r := range s.arrived {
		at := place{r.Topic, r.Partition}
		if s.claims[at] == nil {
			s.assign(at)
		}
		if claim := s.claims[at]; claim.hold(r) {
			batches[claim] = append(batches[claim], r)
		}
	}
	for claim, records := range batches {
		if most := slices.MaxFunc(records, func(a, b *kgo.Record) int { return int(a.DeliveryCount() - b.DeliveryCount()) }); most.DeliveryCount() > 1 {
			s.consumer.log.Warn("messages are delivered again", "topic", claim.topic, "partition", claim.partition,
				"offset", most.Offset, "deliveries", most.DeliveryCount(), deliveryLimit, s.consumer.limit.Load())
		}
		claim.lane.Deliver(newMessages(records))
	}
	for _, r := range s.arrived { // the engine has its own copies, and the record is kept until it is done
		r.Key, r.Value, r.Headers = nil, nil, nil
	}
	s.arrived = nil
}

// assign begins the lane of a partition, which lasts as long as the session: what was
// given to this member stays its own, whoever is given what comes later.
func (s *shareSession) assign(at place) {
	claim := &shareClaim{session: s, place: at, held: map[int64]*heldRecord{}}
	claim.lane = s.consumer.Assign(claim)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims[at] = claim
}

// drain drains the lanes and returns which had work left, and why if that is the brokers'
// fault.
func (s *shareSession) drain(ctx context.Context) (left []string, unaccepted error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for at, claim := range s.claims {
		all.Go(func() {
			if err := claim.lane.Drain(ctx); err != nil {
				s.consumer.log.Warn("partition given back with work left", "topic", at.topic, "partition", at.partition, "error", err)
				mu.Lock()
				defer mu.Unlock()
				left = append(left, at.String())
				if errors.Is(err, errUnaccepted) {
					unaccepted = err
				}
			}
		})
	}
	all.Wait()
	slices.Sort(left)
	return left, unaccepted
}

// failed notes what the client reports of a poll. It returns an error when only another
// client goes on: this one reads no topic that was made anew.
func (s *shareSession) failed(fetches kgo.Fetches) (err error) {
	c := s.consumer
	fetches.EachError(func(topic string, partition int32, e error) {
		switch {
		case errors.Is(e, context.Canceled):
		case errors.Is(e, kerr.UnknownTopicID), errors.Is(e, kerr.InconsistentTopicID):
			err = fmt.Errorf("topic %q was deleted and made anew: %w", topic, e)
		case topic == "":
			c.health.fail(Explain(c.cfg, e))
		default:
			c.health.failAt(place{topic, partition}, e)
		}
	})
	return err
}
