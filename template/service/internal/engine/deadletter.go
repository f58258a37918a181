package engine

import (
	"log/slog"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// pauseAfter is how many messages of a topic in a row may use up their attempts
// before dead-lettering pauses.
const pauseAfter = 10

// deadLettering decides whether the messages of one topic become dead letters
// when their attempts are used up. During an outage that would be the whole
// topic. So it pauses after pauseAfter of them without a success between them:
// further ones are tried again, each with its own backoff, until any message of
// the topic succeeds, or fails in a way that shows that its handler works.
// Messages that fail for good at once never ask.
type deadLettering struct {
	log    *slog.Logger
	inARow int
	paused bool // a message was refused since the last success
}

// admit reports whether a message that failed with err may become a dead letter.
func (d *deadLettering) admit(err error) bool {
	if d.inARow < pauseAfter {
		d.inARow++
		return true
	}
	if !d.paused {
		d.paused = true
		go d.log.Error("dead-lettering paused", "failed_in_a_row", d.inARow, "error", err) // not with the engine's lock held
	}
	return false
}

// resume notes that handlers of the topic work.
func (d *deadLettering) resume() {
	if d.paused {
		go d.log.Info("dead-lettering resumed")
	}
	d.inARow, d.paused = 0, false
}

// refusedBackoff is the backoff between attempts to write a dead letter.
var refusedBackoff = message.RetryPolicy{Kind: message.RetryExponential, Delay: 100 * time.Millisecond, MaxDelay: 10 * time.Second}

// writeDeadLetter writes it, the first message of q, to the dead letters, again and
// again until that is acknowledged. Only then is the message terminal. When the
// lane ends first, the message will be delivered again.
func (e *Engine) writeDeadLetter(q *queue, it *item, failed error) {
	l := q.lane
	f := Failure{Err: failed, Class: message.ClassOf(failed), Attempts: it.msg.Attempt, Time: time.Now()}
	refused := 0
	err := e.dead.DeadLetter(l.ctx, &it.msg, f)
	for backoff := refusedBackoff.Backoff(); err != nil && l.ctx.Err() == nil; err = e.dead.DeadLetter(l.ctx, &it.msg, f) {
		delay, _ := backoff.Next()
		e.report(Event{Kind: DeadLetterRefused, Message: &it.msg, Err: err, Delay: delay, repeated: refused == 1})
		e.mu.Lock()
		l.refused += 1 - refused
		e.mu.Unlock()
		refused = 1
		select {
		case <-l.ended:
		case <-time.After(delay):
			continue
		}
		break
	}
	if err == nil {
		e.report(Event{Kind: DeadLettered, Message: &it.msg, Err: failed})
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	l.writing--
	l.refused -= refused
	if err == nil && !l.detached {
		l.finish(q)
	}
	l.checkIdle()
	e.startWorker()
}
