// Package mutants proves that the tests of the engine, of what reads from and
// writes to Kafka, and of the quick codec would notice its mistakes. It plants each of them, one at a
// time, by overlaying a source file, and expects the tests to fail.
package mutants

import (
	"cmp"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const internal = "../../template/service/internal"

// mutant is one mistake: in file, old becomes replacement.
type mutant struct {
	name, file, old, replacement string
}

var mutants = []mutant{
	{"mark when finished instead of contiguous", "engine/tracker.go",
		"t.at(seq).terminal = true\n", "t.at(seq).terminal = true\n\tfor t.base <= seq { t.at(t.base).terminal = true; t.low = t.at(t.base).offset; t.base++ }\n"},
	{"the tracker forgets what is terminal when it grows", "engine/tracker.go",
		"*t.at(seq) = *old.at(seq)", "*t.at(seq) = place{offset: old.at(seq).offset}"},
	{"mark what is delivered", "engine/lane.go",
		"it.seq = l.tracker.add(it.msg.Offset)", "it.seq = l.tracker.add(it.msg.Offset); l.tracker.done(it.seq)"},
	{"terminal before the dead letter's acknowledgement", "engine/deadletter.go",
		"\trefused := 0\n", "\trefused := 0\n\te.mu.Lock(); l.tracker.done(it.seq); e.mu.Unlock()\n"},
	{"a refused dead letter counts as written", "engine/deadletter.go",
		"err := e.dead.DeadLetter(l.ctx, &it.msg, f)\n", "err := e.dead.DeadLetter(l.ctx, &it.msg, f)\n\terr = nil\n"},
	{"a refused dead letter is not counted", "engine/deadletter.go",
		"l.refused += 1 - refused", "_ = refused"},
	{"a refused dead letter is counted without end", "engine/deadletter.go",
		"l.refused -= refused", "_ = refused"},
	{"dead letters do not hear of the drain", "engine/deadletter.go",
		"case <-l.ended:", "case <-make(chan struct{}):"},
	{"dead letters do not bring the commit forward", "engine/lane.go",
		"\tl.engine.countTerminal()\n", "\tif it.msg.Attempt > 1 || it.msg.Offset%2 == 1 {\n\t\tl.engine.countTerminal()\n\t}\n"},
	{"what was committed still brings the next commit forward", "engine/commit.go",
		"\te.terminal = 0\n", ""},
	{"no commit at claim exit", "engine/lane.go",
		"err = errors.Join(err, l.commit(ctx))", "err = errors.Join(err)"},
	{"no mark at claim exit", "engine/lane.go",
		"\tif mark {\n\t\tl.mark()\n\t}\n", ""},
	{"a lost lane is marked", "engine/lane.go",
		"\tl.detach(false)", "\tl.detach(true)"},
	{"a lost commit at claim exit is believed", "engine/commit.go",
		"\t\tif err == nil {\n\t\t\treturn nil", "\t\tif err == nil || true {\n\t\t\treturn nil"},
	{"intake waits on a full queue", "engine/lane.go",
		"\titems := make([]*item", "\tfor (l.pauser != nil && l.paused) { time.Sleep(time.Millisecond) }\n\titems := make([]*item"},
	{"key freed at timeout", "engine/worker.go",
		"err = e.handler.Handle(ctx, &m)\n", "ret := make(chan error, 1)\n\tgo func() { ret <- e.handler.Handle(ctx, &m) }()\n\tselect {\n\tcase err = <-ret:\n\tcase <-ctx.Done():\n\t\terr = ctx.Err()\n\t}\n"},
	{"a timeout forgets what its error asks for", "engine/worker.go",
		"late.Outcome, late.After = e.Outcome, e.After", "_ = e"},
	{"attempts share one copy of the message", "engine/worker.go",
		"err = e.handler.Handle(ctx, &m)\n", "err = e.handler.Handle(ctx, &it.msg)\n"},
	{"a message shares the bytes of its source", "engine/queue.go",
		"bytes.Clone(m.Key), bytes.Clone(m.Value)", "m.Key, m.Value[:len(bytes.Clone(m.Value))]"},
	{"a message shares its headers with its source", "engine/queue.go",
		"it.msg.Headers[i].Value = bytes.Clone(h.Value)", "_ = i"},
	{"headers count for nothing", "engine/queue.go",
		"it.size += int64(headerOverhead + len(h.Key) + len(h.Value))", "_ = h"},
	{"a message counts for its bytes only", "engine/queue.go",
		"int64(overhead + len(m.Key)", "int64(len(m.Key)"},
	{"what is done stays in memory", "engine/queue.go",
		"\tclear((*f)[:1])\n", ""},
	{"an ended lane's timers stay", "engine/lane.go",
		"\t\ttimer.Stop()\n", "\t\t_ = timer\n"},
	{"an ended lane keeps its turn", "engine/lane.go",
		"\te.turns = slices.DeleteFunc(e.turns, func(other *Lane) bool { return other == l })\n\tl.readyKeys, l.keys", "\tl.keys, l.keys"},
	{"an ended lane's queues come back", "engine/lane.go",
		"\tcase l.ending:\n\tcase len(q.items) > 0:", "\tcase len(q.items) > 0:"},
	{"resume forgotten", "engine/lane.go",
		"l.paused = false\n\t\tl.pauser.Resume()", "l.paused = false"},
	{"no resume at claim end", "engine/lane.go",
		"\tif l.paused {\n\t\tl.pauser.Resume()\n\t}\n", ""},
	{"no resume at claim start", "engine/engine.go",
		"l.pauser.Resume() // a", "// a"},
	{"resumed as soon as it is below its limit", "engine/lane.go",
		"held, span = l.above(2); l.paused", "held, span = l.above(1); l.paused"},
	{"records pause nothing", "engine/lane.go",
		"l.records > c.MaxPollRecords/nth || ", ""},
	{"bytes pause nothing", "engine/lane.go",
		" || l.bytes > bytes,", " || l.bytes > bytes && false,"},
	{"what is uncommitted pauses nothing", "engine/lane.go",
		"l.tracker.span() > c.MaxUncommitted/nth", "false"},
	{"each lane may hold what all may", "engine/lane.go",
		"int64(max(len(l.engine.lanes), 1)*nth)", "int64(nth)"},
	{"what a lane that ended leaves helps no other at once", "engine/lane.go",
		"\t\tother.adjustFlow()\n", "\t\t_ = other\n"},
	{"a lane that ended keeps its share", "engine/lane.go",
		"\te.lanes = slices.DeleteFunc(e.lanes, func(other *Lane) bool { return other == l })\n", ""},
	{"commits that fail are not told", "engine/commit.go",
		"e.commitErr, e.failingSince = err, time.Now()", "_ = time.Now"},
	{"the last failed commit counts, not the first", "engine/commit.go",
		"if err == nil || e.commitErr == nil {", "{"},
	{"a failed commit counts as committed", "engine/commit.go",
		"\t\tif err == nil {\n\t\t\tl.committed", "\t\tif true {\n\t\t\tl.committed"},
	{"a lane that one message holds back is ready", "engine/stats.go",
		"case l.paused && !held && span &&", "case false && l.paused && !held && span &&"},
	{"a lane that is busy is not ready", "engine/stats.go",
		"l.paused && !held && span", "l.paused && (held || span)"},
	{"a dead epoch marks", "engine/commit.go",
		"if !l.detached && l.tracker", "if l.tracker"},
	{"what ended late is terminal in a dead epoch", "engine/lane.go",
		"\tcase l.detached:\n\t\tl.releaseKey(q)\n", ""},
	{"a failed message is passed by its key's next", "engine/lane.go",
		"\t\tl.retryLater(q, w.delay)\n", "\t\tl.retryLater(q, w.delay)\n\t\tl.makeReady(q)\n"},
	{"a retry waits for nothing", "engine/lane.go",
		"time.AfterFunc(delay, func", "time.AfterFunc(0*delay, func"},
	{"keys share no queue", "engine/lane.go",
		"if q := l.keys[hash]; keyed", "if q := l.keys[hash^uint64(l.records)]; keyed"},
	{"keys take no turns", "engine/lane.go",
		"l.readyKeys = append(l.readyKeys, q)", "l.readyKeys = slices.Insert(l.readyKeys, 0, q)"},
	{"a key does not wait for its handler of an earlier life", "engine/lane.go",
		"keyed && lingers {", "false && lingers {"},
	{"a key waits for its handler of an earlier life without end", "engine/lane.go",
		"\t\twaiting.lane.makeReady(waiting)\n", ""},
	{"a key of an ended lane comes back", "engine/lane.go",
		"waiting != nil && !waiting.lane.ending", "waiting != nil"},
	{"unavailable counts as an attempt", "engine/lane.go",
		"it.wait != waitUnavailable {", "true {"},
	{"unavailable is left to the error policy", "engine/outcome.go",
		"case outcome == message.OutcomeUnavailable:", "case outcome == message.OutcomeUnavailable && it.msg.Attempt < it.msg.Retry.MaxAttempts && e.cfg.ErrorPolicy == PolicyRetry:"},
	{"what is available again still counts as waiting", "engine/lane.go",
		"\tl.waits[it.wait]--\n", ""},
	{"the backoff goes on from unavailable to retry", "engine/queue.go",
		" || (it.wait == waitUnavailable) != (why == waitUnavailable)", " || why == waitNot"},
	{"RetryAfter is ignored", "engine/outcome.go",
		"case ok && failed.After > 0:", "case ok && failed.After < 0:"},
	{"RetryAfter takes a step of the backoff", "engine/outcome.go",
		"\t\td.delay = failed.After\n", "\t\tit.nextDelay(d.wait)\n\t\td.delay = failed.After\n"},
	{"a registration's retry policy is ignored", "engine/worker.go",
		"cmp.Or(m.Retry, it.msg.Retry)", "cmp.Or(it.msg.Retry, m.Retry)"},
	{"plain errors are not tried again", "engine/outcome.go",
		"!permanent && it.msg", "outcome == message.OutcomeRetry && it.msg"},
	{"permanent errors are tried again", "engine/outcome.go",
		"!permanent && it.msg", "it.msg"},
	{"dead-lettering does not pause", "engine/deadletter.go",
		"if d.inARow < pauseAfter {", "if true {"},
	{"dead-lettering pauses a message too late", "engine/deadletter.go",
		"if d.inARow < pauseAfter {", "if d.inARow <= pauseAfter {"},
	{"a success does not end the pause", "engine/lane.go",
		"\t\tl.deadLetters.resume()\n", "\t\t_ = l.deadLetters\n"},
	{"a handler's permanent answer does not end the pause", "engine/outcome.go",
		"\t\tl.deadLetters.resume()\n", "\t\t_ = l.deadLetters\n"},
	{"what never reached a handler ends the pause", "engine/outcome.go",
		"if permanent && isAnswer(err) {", "if permanent {"},
	{"permanent errors count towards the pause", "engine/outcome.go",
		"case permanent, l.deadLetters.admit(err):", "case l.deadLetters.admit(err):"},
	{"the pause is of all topics", "engine/lane.go",
		"if e.deadLettered[l.topic] == nil {", "for _, any := range e.deadLettered {\n\t\t\te.deadLettered[l.topic] = any\n\t\t}\n\t\tif e.deadLettered[l.topic] == nil {"},
	{"the pause is forgotten with its lane", "engine/lane.go",
		"if e.deadLettered[l.topic] == nil {", "if true {"},
	{"one worker too many", "engine/engine.go",
		"len(e.workers) >= e.cfg.MaxWorkers", "len(e.workers) > e.cfg.MaxWorkers"},
	{"a lane may take all workers", "engine/engine.go",
		"return l.running < most && !e.closed", "return l.running <= e.cfg.MaxWorkers && !e.closed"},
	{"a lane alone may take half of the workers", "engine/engine.go",
		"if len(e.lanes) > 1 {", "if true {"},
	{"a lane has more than half of the workers", "engine/engine.go",
		"most = (most + 1) / 2", "most--"},
	{"lanes take no turns", "engine/engine.go",
		"e.turns = append(e.turns, l)", "e.turns = slices.Insert(e.turns, 0, l)"},
	{"a worker that takes a key starts no other", "engine/engine.go",
		"\te.startWorker()\n\treturn true", "\treturn true"},
	{"what a lane that ended leaves starts no worker", "engine/lane.go",
		"\te.startWorker()\n\treturn mark", "\treturn mark"},
	{"a due retry starts no worker", "engine/lane.go",
		"\t\t\tl.engine.startWorker()\n", ""},
	{"an acknowledged dead letter starts no worker", "engine/deadletter.go",
		"\te.startWorker()\n", ""},
	{"a handler that ends its goroutine takes the worker with it", "engine/worker.go",
		"\t\t\tgo w.run() //", "\t\t\t//"},
	{"a handler that ends its goroutine succeeds", "engine/worker.go",
		"err := errNoReturn // unless it returns", "var err error"},
	{"a handler that panics ends the service", "engine/worker.go",
		"\t\tif v := recover(); v != nil {\n\t\t\terr =", "\t\tif v := any(nil); v != nil {\n\t\t\terr ="},
	{"an error that panics ends the service", "engine/worker.go",
		"w.judge(ctx, safeError(err))", "w.judge(ctx, err)"},
	{"handlers start after the drain began", "engine/lane.go",
		"\tl.readyKeys, l.keys, l.waiting = nil, nil" + ", nil\n", "\tl.waiting = nil\n\tif len(l.readyKeys) > 0 {\n\t\te.turns = append(e.turns, l)\n\t}\n"},
	{"handlers start after the engine stopped", "engine/engine.go",
		" && !e.closed", ""},
	{"the drain waits for ever", "engine/lane.go",
		"case <-time.After(timeout / 10):", "case <-time.After(100 * timeout):"},
	{"the drain does not wait for handlers", "engine/lane.go",
		"case <-time.After(timeout * 4 / 5):", "case <-time.After(0):"},
	{"handlers do not hear of the drain", "engine/lane.go",
		"\tl.cancel(errDraining)\n\tvar err error", "\tvar err error"},
	{"a lost lane's handlers do not hear of it", "engine/lane.go",
		"\tl.cancel(errDraining)\n\te := l.engine", "\tif mark {\n\t\tl.cancel(errDraining)\n\t}\n\te := l.engine"},
	{"shutdown is dead-lettered", "engine/outcome.go",
		"\tcase aborted:\n", "\tcase aborted && false:\n"},
	{"a stuck handler is alive", "engine/stats.go",
		"running >= e.cfg.StuckAfter", "false"},
	{"an idle worker is stuck", "engine/engine.go",
		"\t\tw.queue = nil\n\t\tdelete(e.workers, w)\n", ""},
	{"the window leaves out what runs", "engine/stats.go",
		"l.tracker.end - l.committed", "l.tracker.base - l.committed"},
	{"an outage is logged at each attempt", "engine/event.go",
		"!ev.repeated && e.log.Enabled", "e.log.Enabled"},
	{"a commit that hangs keeps the engine from stopping", "engine/engine.go",
		"\tdefer context.AfterFunc(e.stopped, cancel)()\n", "\tgo func() { <-e.stopped.Done(); time.Sleep(time.Hour); cancel() }()\n"},
	{"no reset before the first mark", "kafka/claim.go",
		"c.sarama.ResetOffset(c.topic, c.partition, first, \"\")", ""},
	{"a commit is not read back", "kafka/claim.go",
		"return ok && o.Err == nil && next <= o.At && o.At <= c.nextOffset()", "return ok && o.Err == nil || next > 0"},
	{"a stale offset passes for a commit", "kafka/claim.go",
		" && o.At <= c.nextOffset()", ""},
	{"a draining claim's marks are not the committer's", "kafka/session.go",
		"defer s.removeClaim(c) // a claim that drains still has marks for the engine's committer\n\tlane := s.consumer.engine.Assign(c)\n\tdeliver(cs.Context(), sc.Messages(), c, lane)\n",
		"lane := s.consumer.engine.Assign(c)\n\tdeliver(cs.Context(), sc.Messages(), c, lane)\n\ts.removeClaim(c)\n"},
	{"a lane is not drained when its claim ends", "kafka/session.go",
		"err := lane.Drain(context.WithoutCancel(cs.Context())); err != nil", "err := error(nil); err != nil"},
	{"a member that the group has forgotten commits", "kafka/session.go",
		"isForgotten(cause) {", "isForgotten(nil) {"},
	{"a claim cannot pause", "kafka/claim.go",
		"c.session.group.Pause(", "_ = any("},
	{"the consume loop does not back off", "kafka/connect.go",
		"\t\tsleep(ctx, delay)\n", "\t\t_ = delay\n"},
	{"a consumer runs twice", "kafka/consumer.go",
		"c.ran.Swap(true)", "c.ran.Load()"},
	{"the topics of events are not asked for", "kafka/topics.go",
		"range t.published {", "range t.published[:0] {"},
	{"publish: retries are not deduplicated", "kafka/client_kgo.go",
		"kgo.AllowIdempotentProduceCancellation(),", "kgo.DisableIdempotentWrite(),"},
	{"publish: an event whose answer was lost is never given up", "kafka/client_kgo.go",
		"kgo.AllowIdempotentProduceCancellation(),", ""},
	{"publish: keys land elsewhere than Java's", "kafka/client_kgo.go",
		"kgo.WithLogger(b),", "kgo.WithLogger(b), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(kgo.KafkaHasher(func(key []byte) uint32 { return uint32(len(key)) }))),"},
	{"publish: a batch has the default size whatever the topic takes", "kafka/client_kgo.go",
		"size = int32(min(n, maxBatchBytes))", "_ = n"},
	{"publish: refused batches are tried again at once", "kafka/client_kgo.go",
		"kgo.MetadataMinAge(min(max(cfg.PublishRetryMaxDelay, 10*time.Millisecond), metadataRefresh))", "kgo.MetadataMinAge(10*time.Millisecond)"},
	{"publish: refused batches are tried again at the longest delay only", "kafka/backlog.go",
		"\t\tclient.ForceMetadataRefresh()\n", ""},
	{"publish: the caller's context is the record's", "kafka/publisher.go",
		"context.WithDeadline(context.Background(), o.deadline)", "context.WithDeadline(ctx, o.deadline)"},
	{"publish: there is always room", "kafka/publisher.go",
		"semaphore.NewWeighted(bytes)", "semaphore.NewWeighted(1 << 40)"},
	{"publish: dead letters wait for room among events", "kafka/publisher.go",
		"if o.event {", "if true {"},
	{"publish: the wait for room is not bounded by the event's time", "kafka/publisher.go",
		"context.WithDeadline(ctx, deadline)", "context.WithCancel(ctx)"},
	{"publish: a slow callback stops publishing", "kafka/publisher.go",
		"run: p.calls.add,", "run: func(f func()) { f() },"},
	{"publish: a callback that ends its goroutine ends all", "kafka/callbacks.go",
		"if f != nil {", "if false {"},
	{"publish: callbacks run side by side", "kafka/callbacks.go",
		"if !q.running {", "if true {"},
	{"publish: a flush does not wait for what an earlier one waits for", "kafka/publisher.go",
		"before.Wait(); after.Done()", "after.Done(); before.Wait()"},
	{"publish: what Close gives up is not counted", "kafka/publisher.go",
		"\t\tp.lost.Add(1)\n", ""},
	{"publish: a topic made anew is never learned", "kafka/publisher.go",
		"kerr.UnknownTopicID):\n\t\tp.relearnTopic(client, o)\n", "kerr.UnknownTopicID):\n"},
	{"fast: a field may be given twice", "fast/reader.go",
		"seen&(1<<i) != 0 || ", ""},
	{"fast: a field that the model lacks may be given twice", "fast/reader.go",
		"isAmong(extra, name) || ", ""},
	{"fast: an escaped name is compared after it was overwritten", "fast/reader.go",
		" && !d.escaped)", ")"},
	{"fast: a model forbids extra fields in vain", "fast/reader.go",
		"!d.strict && ", ""},
	{"fast: a text that is not one is passed over", "fast/decoder.go",
		"if err != nil {\n\t\treturn nil, false", "if err != nil {\n\t\td.pos = end + 1\n\t\treturn nil, false"},
	{"fast: a number may begin with zeros", "fast/decoder.go",
		"ok = i > whole && (data[whole] != '0' || i == whole+1)", "ok = i > whole"},
	{"fast: a text may be anything but UTF-8", "fast/decoder.go",
		"all&high != 0 && !utf8.Valid(data[start:i])", "false && utf8.Valid(nil)"},
	{"fast: a control character passes in a text", "fast/decoder.go",
		"((x ^ 2*low) - (' '+1)*low)", "((x ^ '\"'*low) - low)"},
	{"fast: times are as loose as package time", "fast/reader.go",
		" && isStrict(text)", ""},
	{"fast: something may follow the body", "fast/fast.go",
		" && d.peek() == 0 && d.pos == len(body)", ""},
	{"fast: null is a body", "fast/fast.go",
		"d.peek() != 'n' && ", ""},
	{"fast: what was given up leaves its traces", "fast/fast.go",
		"\tv.SetZero()\n", ""},
	{"fast: a body is read over another", "fast/fast.go",
		" || !out.Elem().IsZero()", ""},
	{"fast: whole numbers wrap around", "fast/reader.go",
		"err == nil && !v.OverflowInt(x)", "err == nil"},
	{"fast: an empty list is none", "fast/reader.go",
		"v.Set(reflect.MakeSlice(t, 0, 0))\n", ""},
	{"fast: a header ends where it may not", "fast/fast.go",
		" && d.pos == end {", " {"},
	{"fast: methods that read are not called", "fast/reader.go",
		"readsItself(t), slices", "slices"},
	{"fast: durations are numbers", "fast/reader.go",
		"t == reflect.TypeFor[time.Duration](), ", ""},
	{"fast: the header's time is not in UTC", "fast/fast.go",
		"d.header.Timestamp = d.header.Timestamp.UTC()\n", "\n"},
}

// testedIn is where the tests of a package are that see its mistakes, if that is
// not the package itself.
var testedIn = map[string]string{"fast": "envelope"}

// seenBy are the tests that see a mistake of a package other than engine. All of
// package kafka's take a minute for each mistake.
var seenBy = map[string]string{
	"fast: a field may be given twice":                                   "Fast",
	"fast: a field that the model lacks may be given twice":              "Fast",
	"fast: an escaped name is compared after it was overwritten":         "Fast",
	"fast: a model forbids extra fields in vain":                         "Fast",
	"fast: a text that is not one is passed over":                        "Fast",
	"fast: a number may begin with zeros":                                "Fast",
	"fast: a text may be anything but UTF-8":                             "Fast",
	"fast: a control character passes in a text":                         "Fast",
	"fast: times are as loose as package time":                           "Fast",
	"fast: something may follow the body":                                "Fast",
	"fast: null is a body":                                               "Fast",
	"fast: what was given up leaves its traces":                          "Fast",
	"fast: a body is read over another":                                  "Fast",
	"fast: whole numbers wrap around":                                    "Fast",
	"fast: an empty list is none":                                        "Fast",
	"fast: a header ends where it may not":                               "Fast",
	"fast: methods that read are not called":                             "Fast",
	"fast: durations are numbers":                                        "Fast",
	"fast: the header's time is not in UTC":                              "Fast",
	"no reset before the first mark":                                     "TestMarksCountAfterAnOffsetOutOfRange",
	"a commit is not read back":                                          "TestALostCommit",
	"a stale offset passes for a commit":                                 "TestALostCommitBelowAStaleOneIsRepeated",
	"a draining claim's marks are not the committer's":                   "TestWhatTheCommitterBelievesDuringADrainIsCommitted",
	"a lane is not drained when its claim ends":                          "TestAMessageThatRunsAtShutdownIsDoneAndTheQueueComesAgain",
	"a member that the group has forgotten commits":                      "TestAMemberThatTheGroupHasForgottenCommitsNothing",
	"a claim cannot pause":                                               "TestASlowPartitionStarvesNoOther",
	"the consume loop does not back off":                                 "TestTheConsumeLoopBacksOff",
	"a consumer runs twice":                                              "TestAConsumerRunsOnce",
	"the topics of events are not asked for":                             "TestTheTopicsOfEventsAreWaitedFor",
	"publish: retries are not deduplicated":                              "TestALostAnswerWritesNothingTwice",
	"publish: an event whose answer was lost is never given up":          "TestTheNextEventIsNotTakenForOneThatWasGivenUp",
	"publish: keys land elsewhere than Java's":                           "TestKeysLandWhereJavaPutsThem",
	"publish: a batch has the default size whatever the topic takes":     "TestLargeMessagesArePublishedWhereTheTopicTakesThem",
	"publish: refused batches are tried again at once":                   "TestTenFibonacciAttempts",
	"publish: refused batches are tried again at the longest delay only": "TestTenFibonacciAttempts",
	"publish: the caller's context is the record's":                      "TestWhoWaitsNoLongerHearsWhyAndTakesNothingFromOthers",
	"publish: there is always room":                                      "TestPublishingWaitsForRoom",
	"publish: dead letters wait for room among events":                   "TestWhoHasNoRoom",
	"publish: the wait for room is not bounded by the event's time":      "TestWhoHasNoRoom",
	"publish: a slow callback stops publishing":                          "TestCloseReturnsWhatASlowCallbackHeldUp",
	"publish: a callback that ends its goroutine ends all":               "TestACallbackThatEndsItsGoroutineHoldsNoOtherBack",
	"publish: callbacks run side by side":                                "Callback|TestPublish|Order|Close",
	"publish: a flush does not wait for what an earlier one waits for":   "TestClose",
	"publish: what Close gives up is not counted":                        "TestCloseGivesUpAfterTheDrainTime",
	"publish: a topic made anew is never learned":                        "TestATopicMadeAnewWithFewerPartitionsIsLearned",
}

// TestEveryMutantHasItsPlace proves that each mistake can still be planted.
func TestEveryMutantHasItsPlace(t *testing.T) {
	for _, m := range mutants {
		t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) { plant(t, m) })
	}
}

// TestEveryMutantIsKilled prints each mutant and what killed it.
func TestEveryMutantIsKilled(t *testing.T) {
	checks := os.Getenv("MUTANTS")
	if checks == "" {
		t.Skip("takes minutes: MUTANTS=2000 runs it, with so many random histories for each mutant")
	}
	for _, m := range mutants {
		t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) {
			if strings.HasPrefix(m.file, "engine/") {
				t.Parallel() // its tests have a clock of their own
			} else if seenBy[m.name] == "" {
				t.Fatal("seenBy does not say which tests see it")
			}
			overlay := plant(t, m)
			pkg := filepath.Dir(m.file)
			out, err := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-failfast", "-timeout", "60s", "-count=1", "-run", seenBy[m.name], filepath.Join(internal, cmp.Or(testedIn[pkg], pkg)),
				"-rapid.checks="+checks, "-rapid.nofailfile", "-rapid.shrinktime=1ms").CombinedOutput()
			if err == nil {
				t.Fatalf("SURVIVED: %s", m.name)
			}
			by := killer(string(out))
			if by == "" {
				t.Fatalf("does not build:\n%s", out)
			}
			t.Logf("%-50s killed by %s", m.name, by)
		})
	}
}

// plant writes the mutated file and the overlay that puts it in place.
func plant(t *testing.T, m mutant) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(internal, m.file))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), m.old); n == 0 {
		t.Fatalf("%s has no %q: the mutant needs mending", m.file, m.old)
	}
	mutated := filepath.Join(t.TempDir(), filepath.Base(m.file))
	if err := os.WriteFile(mutated, []byte(strings.Replace(string(source), m.old, m.replacement, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{path: mutated}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

var (
	failed    = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)
	invariant = regexp.MustCompile(`broken: \["(\d+): `)
	crashed   = regexp.MustCompile(`(?m)^(?:panic|fatal error): (.*)$`)
)

// killer returns what failed in a test run's output, empty when nothing ran.
func killer(out string) string {
	if strings.Contains(out, "[build failed]") {
		return ""
	}
	var by []string
	for _, m := range failed.FindAllStringSubmatch(out, -1) {
		by = append(by, m[1])
	}
	if m := invariant.FindStringSubmatch(out); m != nil {
		by = append(by, "(invariant "+m[1]+")")
	}
	if m := crashed.FindStringSubmatch(out); m != nil {
		by = append(by, "("+m[1]+")")
	}
	return strings.Join(by, " ")
}
