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

// text is what of a message a handler may exchange.
func text(m *message.Message) string { return fmt.Sprintf("%s %s %s", m.Key, m.Value, m.Headers) }

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
// lane's bytes would not come down again, and the next attempt, or whoever reads
// the dead letter, would get something that nobody sent.
func TestWhatAHandlerChangesIsForThatAttempt(t *testing.T) {
	for _, size := range []int{0, 2} {
		t.Run(fmt.Sprintf("batch=%d", size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var seen []string
				h := &failingBatch{size: size, fail: func(m *message.Message) error {
					seen = append(seen, text(m))
					m.Key, m.Value, m.Headers = []byte("other"), nil, append(m.Headers, message.Field{Key: "more"})
					return message.Retry(errors.New("later"))
				}}
				b := startWith(t, settings(), h)
				dead := &original{bench: b}
				b.dead = dead
				var told string
				b.Observe(func(e Event) { told = text(e.Message) })
				l := b.Assign(b)
				m := batch(0, 1, "k")
				m[0].Headers = []message.Field{{Key: "trace", Value: []byte("12")}}
				want := text(&m[0])
				l.Deliver(m)
				if got := b.Stats().Bytes; got != int64(len("k{}trace12")) {
					t.Errorf("%d bytes, want those of key, value and headers", got)
				}
				elapse(time.Second)
				if got := fmt.Sprint(seen); got != fmt.Sprint([]string{want, want, want}) {
					t.Errorf("the attempts saw %s, want %s three times", got, want)
				}
				if dead.text != want || told != want {
					t.Errorf("the dead letter is of %s, the observer was told of %s; want %s", dead.text, told, want)
				}
				if s := b.Stats(); s.Bytes != 0 || s.Records != 0 {
					t.Errorf("%d bytes of %d messages are left, want none", s.Bytes, s.Records)
				}
				_ = l.Drain(t.Context())
			})
		})
	}
}

func TestAnItemIsSmall(t *testing.T) {
	if got := unsafe.Sizeof(item{}); got > 256 {
		t.Errorf("an item takes %d bytes, and there is one for each message in memory", got)
	}
}

// What a handler leaves behind may read its message: run with -race.
func TestAMessageMayBeReadAfterItsHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var read atomic.Int64
		b := start(t, settings(), func(_ context.Context, m *message.Message) error {
			go func() { read.Add(int64(len(m.Key) + len(m.Value) + len(m.Headers))) }()
			return nil
		})
		l := b.Assign(b)
		m := batch(0, 3, "a", "b", "a")
		l.Deliver(m)
		elapse(time.Second)
		if want := int64(3 * len("k{}")); read.Load() != want {
			t.Errorf("read %d bytes, want %d", read.Load(), want)
		}
	})
}
