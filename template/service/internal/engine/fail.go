package engine

import (
	"errors"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// verdict is what is to become of a message after its handler returned.
type verdict uint8

const (
	terminal   verdict = iota // done, or skipped
	tryAgain                  // after a delay
	awaitIt                   // try again after a delay, and do not count this attempt: what it needs is away
	deadLetter                // to be written to the dead letters
	leaveIt                   // not done; it will be delivered again
)

// judge decides about a message that failed, and reports it.
func (l *Lane) judge(it *item, aborted bool) verdict {
	e := l.engine
	if !aborted { // else its failure says nothing of what it needs
		e.learnFailure(it)
	}
	away := message.IsUnavailable(it.failed)
	again := away || e.again(it)
	switch {
	case l.ending.Load() && (aborted || again):
		return leaveIt
	case again:
		if it.backoff == nil || it.away != away {
			it.backoff = e.cfg.Retry.backoff()
		}
		it.delay, _ = it.backoff.Next()
		if away {
			e.tell(Waiting, it, it.delay)
			return awaitIt
		}
		e.tell(Retrying, it, it.delay)
		return tryAgain
	case e.cfg.ErrorPolicy == PolicySkip:
		e.tell(Skipped, it, 0)
		return terminal
	case e.cfg.ErrorPolicy == PolicyStop:
		e.tell(Stopped, it, 0)
		e.stop(&it.msg, it.failed)
		return leaveIt
	}
	return deadLetter
}

// again reports whether a failed message is to be tried again rather than
// left to the error policy.
func (e *Engine) again(it *item) bool {
	if e.cfg.ErrorPolicy == PolicyRetry {
		return true
	}
	return e.retryable(it) && (it.msg.Attempt < e.cfg.Retry.MaxAttempts || e.breaker.open.Load())
}

// retryable reports whether a message failed in a way that may pass.
func (e *Engine) retryable(it *item) bool {
	return message.IsRetry(it.failed) || message.IsUnavailable(it.failed) ||
		e.cfg.Retry.PlainErrors && !message.IsPermanent(it.failed)
}

// learnFailure tells the breaker of a failure.
func (e *Engine) learnFailure(it *item) {
	if !e.retryable(it) {
		return
	}
	if opening := e.breaker.fail(it.failed, e.counters[Handled].Load()); opening > 0 {
		e.log.Error("most messages ask to be tried again: handlers are held back", "error", it.failed)
		e.probeAfter(firstProbe, opening)
	}
}

// retry makes a queue wait until its first message is to be tried again. No
// worker waits with it.
func (l *Lane) retry(q *queue, it *item) {
	it.msg.Header, it.msg.Body = nil, nil
	time.AfterFunc(it.delay, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if !l.ending.Load() {
			l.ready.push(q)
			l.offer()
		}
	})
}

// firstRefusal and maxRefusal bound the delays between attempts to write a
// dead letter.
const (
	firstRefusal = 100 * time.Millisecond
	maxRefusal   = 10 * time.Second
)

// bury writes a message to the dead letters until that is acknowledged. Only
// then is the message terminal. Its key waits meanwhile, and the engine is not
// ready. When the lane ends first, the message is delivered again.
func (l *Lane) bury(q *queue, it *item) {
	e := l.engine
	f := Failure{Err: it.failed, Class: message.ClassOf(it.failed), Attempts: it.msg.Attempt, Time: time.Now()}
	refused := false
	for delay := firstRefusal; ; delay = min(2*delay, maxRefusal) {
		err := e.dead.DeadLetter(l.ctx, &it.msg, f)
		if err == nil {
			break
		}
		if l.ctx.Err() != nil { // not refused: given up, because the lane ends
			l.leave()
			return
		}
		if !refused {
			refused = true
			e.refused.Add(1)
			defer e.refused.Add(-1)
		}
		if !l.refuse(it, err, delay) {
			l.leave()
			return
		}
	}
	e.tell(DeadLettered, it, 0)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy--
	if !l.dead {
		l.finish(q)
		l.release(q)
		e.countTerminal(1)
		l.flow()
		l.offer()
	}
	l.rest()
}

// refuse waits before the next attempt at a dead letter. It returns false when
// there is to be none because the lane ends.
func (l *Lane) refuse(it *item, err error, delay time.Duration) bool {
	l.engine.report(DeadLetterRefused, it, err, delay)
	select {
	case <-l.ended:
		return false
	case <-time.After(delay):
		return true
	}
}

// leave gives up a busy queue and leaves its messages as they are.
func (l *Lane) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy--
	l.rest()
}

// tell reports what happened to a message, with the error that it failed with.
func (e *Engine) tell(kind EventKind, it *item, delay time.Duration) {
	e.report(kind, it, it.failed, delay)
}

// report counts what happened to a message, logs what somebody should know,
// and tells the observer.
func (e *Engine) report(kind EventKind, it *item, err error, delay time.Duration) {
	e.counters.add(kind, 1)
	e.logEvent(kind, it, err, delay)
	if e.observe != nil {
		e.observe(Event{
			Kind: kind, Message: &it.msg, Err: err, Attempt: it.msg.Attempt,
			MaxAttempts: e.cfg.Retry.MaxAttempts, Delay: delay, Elapsed: it.elapsed,
		})
	}
}

// handled tells of a success. It is not logged, and counted by its worker.
func (e *Engine) handled(it *item) {
	if e.breaker.open.Load() {
		e.closeBreaker()
	}
	if e.observe != nil {
		e.observe(Event{
			Kind: Handled, Message: &it.msg, Attempt: it.msg.Attempt,
			MaxAttempts: e.cfg.Retry.MaxAttempts, Elapsed: it.elapsed,
		})
	}
}

func (e *Engine) logEvent(kind EventKind, it *item, err error, delay time.Duration) {
	attrs := []any{
		"topic", it.msg.Topic, "partition", it.msg.Partition, "offset", it.msg.Offset,
		"class", message.ClassOf(err), "attempt", it.msg.Attempt, "error", err,
	}
	if h := it.msg.Header; h != nil {
		attrs = append(attrs, "type", h.MessageType, "id", h.MessageID)
	}
	if p, ok := errors.AsType[*message.PanicError](err); ok {
		attrs = append(attrs, "stack", string(p.Stack()))
	}
	switch kind {
	case Retrying:
		e.log.Info("message failed, tried again", append(attrs, "in", delay)...)
	case Waiting:
		if !it.away { // the first time, or it would be said for ever
			e.log.Warn("what the message needs is away, tried again until it is back", append(attrs, "in", delay)...)
		}
	case DeadLettered:
		e.log.Warn("message failed, written to the dead letters", attrs...)
	case DeadLetterRefused:
		e.log.Error("dead letter was not written, tried again", append(attrs, "in", delay)...)
	case Skipped:
		e.log.Warn("message failed, skipped", attrs...)
	case Stopped:
		e.log.Error("message failed, stopping", attrs...)
	}
}
