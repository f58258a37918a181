package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// text is what of a message was delivered.
func text(m *message.Message) string {
	return fmt.Sprintf("%s/%d@%d %s %s %s %s", m.Topic, m.Partition, m.Offset, m.Time.Format(time.RFC3339), m.Key, m.Value, m.Headers)
}

// original keeps what each message was when its dead letter was written.
type original struct {
	*bench
	text string
}

func (o *original) DeadLetter(ctx context.Context, m *message.Message, f Failure) error {
	o.text = text(m)
	return o.bench.DeadLetter(ctx, m, f)
}

// What a handler makes of a message is for that attempt. Had it stayed, the
// next attempt, or whoever reads the dead letter, would get something that was
// never sent.
func TestWhatAHandlerChangesIsForThatAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		b := start(t, settings(), func(_ context.Context, m *message.Message) error {
			seen = append(seen, text(m)+" "+m.Header.MessageType)
			m.Key[0], m.Value[0], m.Headers[0].Value[0], m.Headers[0].Key = 'X', 'X', 'X', "X"
			m.Topic, m.Partition, m.Offset, m.Time = "other", 7, 7, time.Time{}
			m.Key, m.Value = append(m.Key, '!'), append(m.Value, '!') // nor does this reach what lies behind them
			m.Key, m.Value, m.Headers = []byte("other"), nil, append(m.Headers, message.Field{Key: "more"})
			m.Header.MessageType, m.Decoded = "AccountOpened", "decoded"
			return message.Retry(errors.New("later"))
		})
		dead := &original{bench: b}
		b.dead = dead
		var told, kind string
		b.Observe(func(e Event) { told, kind = text(e.Message), e.Message.Header.MessageType })
		l := b.Assign(b)
		m := batch(0, 1, "k")
		m[0].Headers = []message.Field{{Key: "trace", Value: []byte("12")}}
		want := text(&m[0])
		l.Deliver(m)
		if got := b.Stats().Bytes; got != int64(len("k{}trace12"))+overhead+headerOverhead {
			t.Errorf("%d bytes, want those of key, value and headers, and the overhead", got)
		}
		m[0].Value[0], m[0].Headers[0].Value[0] = 'x', 'x' // the source's buffers are its own
		elapse(time.Second)
		if got := fmt.Sprintf("%q", seen); got != fmt.Sprintf("%q", []string{want + " ", want + " ", want + " "}) {
			t.Errorf("the attempts saw %s, want %s three times", got, want)
		}
		if dead.text != want || told != want || kind != "AccountOpened" {
			t.Errorf("the dead letter is of %s, the observer saw %s of type %s; want %s, AccountOpened", dead.text, told, kind, want)
		}
		if s := b.Stats(); s.Bytes != 0 || s.Records != 0 {
			t.Errorf("%d bytes of %d messages are left, want none", s.Bytes, s.Records)
		}
		_ = l.Drain(t.Context())
	})
}

// What a handler leaves behind may use its message, while the next attempt runs and
// its dead letter is written: run with -race.
func TestAMessageMayBeUsedAfterItsHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var read atomic.Int64
		b := start(t, settings(), func(_ context.Context, m *message.Message) error {
			go func() {
				read.Add(int64(len(m.Key) + len(m.Value) + len(m.Headers[0].Value) + len(m.Header.MessageType)))
				m.Value[0], m.Key[0], m.Headers[0].Value[0], m.Headers[0].Key = 'X', 'X', 'X', "X"
				m.Value, m.Attempt, m.Topic, m.Headers, m.Time = nil, 0, "X", nil, time.Time{}
			}()
			return errTest
		})
		dead := &original{bench: b}
		b.dead = dead
		l := b.Assign(b)
		m := batch(0, 1, "a")
		m[0].Headers = []message.Field{{Key: "trace", Value: []byte("12")}}
		want := text(&m[0])
		l.Deliver(m)
		elapse(time.Second)
		if n := int64(3 * len("a{}12")); read.Load() != n || dead.text != want {
			t.Errorf("read %d bytes, the dead letter is of %s; want %d, %s", read.Load(), dead.text, n, want)
		}
	})
}

func TestAnItemIsWithinItsOverhead(t *testing.T) {
	if got := unsafe.Sizeof(item{}); got > overhead {
		t.Errorf("an item takes %d bytes, is counted as %d", got, overhead)
	}
}
