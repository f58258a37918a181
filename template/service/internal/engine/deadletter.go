package engine

// pauseAfter is how many messages of a topic in a row may use up their attempts
// before dead-lettering pauses.
const pauseAfter = 10

// mayDeadLetter reports whether a message that used up its attempts, and failed with
// err, may become a dead letter. During an outage that would be the whole topic. So
// dead-lettering of a topic pauses after pauseAfter of them without a success between
// them: further ones are tried again, each with its own backoff, until any message of
// the topic succeeds. Messages that fail for good at once never ask. e.mu is held.
func (e *Engine) mayDeadLetter(topic string, err error) bool {
	e.failedInARow[topic]++
	if e.failedInARow[topic] == pauseAfter+1 { // the first that may not
		go e.log.Error("dead-lettering paused", "topic", topic, "failed_in_a_row", pauseAfter, "error", err) // not with the lock held
	}
	return e.failedInARow[topic] <= pauseAfter
}

// resumeDeadLettering notes that a message of the topic succeeded. e.mu is held.
func (e *Engine) resumeDeadLettering(topic string) {
	if e.failedInARow[topic] > pauseAfter {
		go e.log.Info("dead-lettering resumed", "topic", topic)
	}
	delete(e.failedInARow, topic)
}
