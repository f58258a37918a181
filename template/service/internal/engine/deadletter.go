package engine

import "log/slog"

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
