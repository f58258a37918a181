package rabbitmq

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// fake is a channel as the broker keeps it.
type fake struct {
	unacked map[uint64]bool
	words   int
	all     []string // what was said
	gone    chan *amqp.Error
	err     error
}

func (f *fake) Ack(tag uint64, multiple bool) error {
	f.words++
	f.all = append(f.all, "ack")
	if !f.unacked[tag] {
		f.err = errors.New("unknown delivery tag") // which ends a real channel
	}
	for t := range f.unacked {
		if t == tag || multiple && t < tag {
			delete(f.unacked, t)
		}
	}
	return f.err
}

func (f *fake) Qos(int, int, bool) error { return f.err }

func (f *fake) Consume(queue, consumer string, _, _, _, _ bool, _ amqp.Table) (<-chan amqp.Delivery, error) {
	f.all = append(f.all, "consume "+queue+" "+consumer)
	return nil, f.err
}

func (f *fake) Cancel(consumer string, noWait bool) error {
	f.all = append(f.all, fmt.Sprint("cancel ", consumer, " ", noWait))
	return f.err
}

func (f *fake) QueueDeclarePassive(string, bool, bool, bool, bool, amqp.Table) (amqp.Queue, error) {
	return amqp.Queue{}, f.err
}

func (f *fake) NotifyClose(gone chan *amqp.Error) chan *amqp.Error {
	f.gone = gone
	return gone
}

func (f *fake) Close() error { return f.err }

func (f *fake) left() (tags []uint64) {
	for tag := range f.unacked {
		tags = append(tags, tag)
	}
	slices.Sort(tags)
	return tags
}

// deliver returns a claim with deliveries 1 to n, whose offsets are ten times that.
func deliver(n uint64) (*claim, *fake) {
	f := &fake{unacked: map[uint64]bool{}}
	c := newClaim(f, 10)
	for tag := uint64(1); tag <= n; tag++ {
		f.unacked[tag] = true
		c.note(int64(tag)*10, tag)
	}
	return c, f
}

func TestWhatIsDoneIsAcknowledgedAndNothingElse(t *testing.T) {
	c, f := deliver(8)
	for _, step := range []struct {
		done  []int64
		left  []uint64
		words int
	}{
		{[]int64{30, 50}, []uint64{1, 2, 4, 6, 7, 8}, 2}, // each by itself: 1 is not done
		{[]int64{10}, []uint64{2, 4, 6, 7, 8}, 3},
		{[]int64{20}, []uint64{4, 6, 7, 8}, 4}, // up to 3
		{[]int64{70, 40, 60}, []uint64{8}, 5},  // up to 7 with one word
		{[]int64{80, 80}, nil, 6},              // twice is once,
		{[]int64{80}, nil, 6},                  // and stays so
	} {
		for _, offset := range step.done {
			c.Ack(offset)
		}
		if err := c.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(f.left(), step.left) || f.words != step.words {
			t.Fatalf("after %v: %v are left after %d words, want %v after %d", step.done, f.left(), f.words, step.left, step.words)
		}
	}
}

func TestWhatIsDoneOutOfOrderWaitsForWhatIsBeforeItUnlessTooMuchWould(t *testing.T) {
	c, f := deliver(8)
	c.prefetch = 12 // so 3 may wait
	for _, step := range []struct {
		done  []int64
		left  []uint64
		words int
	}{
		{[]int64{20, 30}, []uint64{1, 2, 3, 4, 5, 6, 7, 8}, 0}, // 1 is not done
		{[]int64{10}, []uint64{4, 5, 6, 7, 8}, 1},              // up to 3
		{[]int64{50, 60, 70}, []uint64{4, 5, 6, 7, 8}, 1},
		{[]int64{80}, []uint64{4}, 5}, // each by itself
		{[]int64{40}, nil, 6},
	} {
		for _, offset := range step.done {
			c.Ack(offset)
		}
		if err := c.send(false); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(f.left(), step.left) || f.words != step.words {
			t.Fatalf("after %v: %v are left after %d words, want %v after %d", step.done, f.left(), f.words, step.left, step.words)
		}
	}
}

// A message that waits does not make what is acknowledged after it dearer and dearer.
func TestAcknowledgingCostsTheSameWhateverCameSinceAMessageThatWaits(t *testing.T) {
	cost := func(n uint64) time.Duration {
		c, least := newClaim(&fake{}, 10), time.Hour
		c.note(1, 1)
		for tag := uint64(2); tag <= n; tag++ {
			c.note(int64(tag), tag)
			if c.Ack(int64(tag)); tag%100 > 0 && tag < n-100 {
				continue
			}
			began := time.Now()
			if _, each := c.due(true); !slices.Contains(each, tag) {
				t.Fatalf("%d is not acknowledged", tag)
			}
			if tag > n-100 {
				least = min(least, time.Since(began))
			}
		}
		return least
	}
	if few, many := cost(1_000), cost(1_000_000); many > 20*few+20*time.Microsecond {
		t.Errorf("after 1,000 messages it takes %v, after 1,000,000 %v", few, many)
	}
}

func TestWhatIsDoneIsGatheredWhileTheBrokerMayDeliver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := deliver(7)
		c.prefetch = 12 // of which 4 done bring the next word forward
		gone, ended := make(chan *amqp.Error, 1), make(chan struct{})
		go func() {
			_ = c.run(gone)
			close(ended)
		}()
		for _, step := range []struct {
			done  []int64
			pause time.Duration
			words int
		}{
			{[]int64{10}, 0, 1}, // at once
			{[]int64{20}, 0, 1},
			{[]int64{30}, ackPause - 1, 1},
			{nil, 1, 2},
			{[]int64{40, 50, 60, 70}, 0, 3},
		} {
			for _, offset := range step.done {
				c.Ack(offset)
			}
			time.Sleep(step.pause)
			synctest.Wait()
			c.sending.Lock() // the fake is used with it held
			words := f.words
			c.sending.Unlock()
			if words != step.words {
				t.Errorf("%d words after %v and %v, want %d", words, step.done, step.pause, step.words)
			}
		}
		if left := f.left(); left != nil {
			t.Errorf("%v are left", left)
		}
		gone <- nil
		<-ended
	})
}

func TestWhatIsAcknowledgedLastIsInTheQueuesLogBeforeTheChannelGoes(t *testing.T) {
	c, f := deliver(1)
	c.Ack(10)
	if err := c.settle("payments"); err != nil {
		t.Fatal(err)
	}
	if want := []string{"ack", "consume payments last", "cancel last false"}; !slices.Equal(f.all, want) {
		t.Errorf("said %q, want %q", f.all, want)
	}
	f.err = amqp.ErrClosed
	if err := c.settle("payments"); err == nil {
		t.Error("no error of a channel that is gone")
	}
}

func TestACommitOnAChannelThatIsGoneIsNotTriedAgain(t *testing.T) {
	c, f := deliver(1)
	f.err = amqp.ErrClosed
	if err := c.Commit(t.Context()); message.OutcomeOf(err) != message.OutcomePermanent {
		t.Errorf("the error is %v", err)
	}
}

func TestTwoMessagesWithOneOffsetAreTold(t *testing.T) {
	c, _ := deliver(2)
	if at := c.note(20, 3); at != 21 {
		t.Errorf("the third is at %d", at)
	}
	c.Ack(20)
	if at := c.note(20, 4); at != 20 {
		t.Errorf("an offset is taken by what is done: the fourth is at %d", at)
	}
}

// unfinished returns how many messages are delivered and not done.
func unfinished(c *claim) int64 {
	given, ended := c.count()
	return given - ended
}

// An instance that waits for another one's queue does not tell of what is in it: nothing of
// that is its to do, and an alarm would say that it does nothing.
func TestWhoWaitsForAQueueDoesNotTellItsLag(t *testing.T) {
	lag := func(l *subscription) (all []int64) {
		(&Consumer{subscriptions: []*subscription{l}}).EachLag(func(_ string, _ int32, n int64) { all = append(all, n) })
		return all
	}
	l, c := new(subscription), newClaim(&fake{}, 10)
	if got := lag(l); len(got) > 0 {
		t.Errorf("without a channel it is %v", got)
	}
	l.claim.Store(c)
	if got := lag(l); !slices.Equal(got, []int64{0}) {
		t.Errorf("of an empty queue it is %v, want 0", got)
	}
	if l.waiting.Store(5); len(lag(l)) > 0 {
		t.Errorf("of another's queue it is %v", lag(l))
	}
	if c.note(0, 1); !slices.Equal(lag(l), []int64{6}) {
		t.Errorf("of its own queue it is %v, want what waits and what it has", lag(l))
	}
	if c.Ack(0); !slices.Equal(lag(l), []int64{5}) {
		t.Errorf("once that is done it is %v", lag(l))
	}
}
