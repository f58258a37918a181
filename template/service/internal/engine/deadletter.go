package engine

import (
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
	inARow int
	paused bool // a message was refused since the last success
}

// admit reports whether one more message may become a dead letter.
func (d *deadLettering) admit() bool {
	if d.inARow == pauseAfter {
		d.paused = true
		return false
	}
	d.inARow++
	return true
}

// resume begins anew and reports whether dead-lettering was paused.
func (d *deadLettering) resume() bool {
	paused := d.paused
	*d = deadLettering{}
	return paused
}

// admitDeadLetter asks the lane's topic. e.mu is held.
func (e *Engine) admitDeadLetter(l *Lane, err error) bool {
	paused := l.deadLetters.paused
	if l.deadLetters.admit() {
		return true
	}
	if !paused {
		go e.log.Error("dead-lettering paused", "topic", l.topic, "failed in a row", pauseAfter, "error", err)
	}
	return false
}

// resumeDeadLetters notes that the handlers of the lane's topic work. e.mu is
// held.
func (e *Engine) resumeDeadLetters(l *Lane) {
	if l.deadLetters.resume() {
		go e.log.Info("dead-lettering resumed", "topic", l.topic)
	}
}

// refusedBackoff is the backoff between attempts to write a dead letter.
var refusedBackoff = message.RetryPolicy{Kind: message.RetryExponential, MaxAttempts: 1, Delay: 100 * time.Millisecond, MaxDelay: 10 * time.Second}

// writeDeadLetter writes the first message of q to the dead letters, again and
// again until that is acknowledged. Only then is the message terminal. When the
// lane ends first, the message will be delivered again.
func (e *Engine) writeDeadLetter(q *queue, err error) {
	l, it := q.lane, q.items[0]
	f := Failure{Err: err, Class: message.ClassOf(err), Attempts: it.msg.Attempt, Time: time.Now()}
	refused := 0
	written := false
	for backoff := refusedBackoff.Backoff(); ; {
		err := e.dead.DeadLetter(l.ctx, &it.msg, f)
		if written = err == nil; written || l.ctx.Err() != nil {
			break
		}
		if refused == 0 {
			refused = 1
			e.countRefused(1)
		}
		delay, _ := backoff.Next()
		e.report(Event{Kind: DeadLetterRefused, Message: &it.msg, Err: err, Delay: delay}, it)
		if !l.wait(delay) {
			break
		}
	}
	e.countRefused(-refused)
	if written {
		e.report(Event{Kind: DeadLettered, Message: &it.msg, Err: f.Err}, it)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	l.writing--
	if written && !l.detached {
		l.finish(q)
	}
	l.checkIdle()
	e.startWorker()
}

// countRefused changes how many messages have a refused dead letter by n.
func (e *Engine) countRefused(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refused += n
}
