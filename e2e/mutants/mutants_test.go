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
		"t.places[seq-t.base].terminal = true\n", "for t.base <= seq { t.low = t.places.pop().offset; t.base++ }\n"},
	{"mark what is delivered", "engine/lane.go",
		"it.seq = l.tracker.add(it.msg.Offset)", "it.seq = l.tracker.add(it.msg.Offset); l.tracker.done(it.seq)"},
	{"terminal before the dead letter's acknowledgement", "engine/lane.go",
		"\terr := e.dead.DeadLetter(", "\te.mu.Lock(); l.tracker.done(it.seq); e.mu.Unlock()\n\terr := e.dead.DeadLetter("},
	{"a refused dead letter counts as written", "engine/lane.go",
		"err := e.dead.DeadLetter(l.ctx, &it.msg, f)\n", "err := e.dead.DeadLetter(l.ctx, &it.msg, f)\n\terr = nil\n"},
	{"a refused dead letter is not counted", "engine/lane.go",
		"\t\tl.setWait(it, waitRefused, err)\n", ""},
	{"a refused dead letter is counted without end", "engine/lane.go",
		"\t\tl.setWait(it, waitNot, nil)\n", ""},
	{"dead letters do not hear of the drain", "engine/lane.go",
		"\t\tif l.ctx.Err() != nil {\n\t\t\treturn\n\t\t}\n", ""},
	{"dead letters do not bring the commit forward", "engine/lane.go",
		"if e.terminal++; e.terminal", "if it.msg.Attempt > 1 || it.msg.Offset%2 == 1 {\n\t\te.terminal++\n\t}\n\tif e.terminal"},
	{"what was committed still brings the next commit forward", "engine/engine.go",
		"\te.terminal = 0\n", ""},
	{"no commit at claim exit", "engine/drain.go",
		"err = errors.Join(err, l.commit(ctx))", "err = errors.Join(err)"},
	{"no mark at claim exit", "engine/drain.go",
		"\tif mark {\n\t\tl.mark()\n\t}\n", ""},
	{"a lost lane is marked", "engine/drain.go",
		"\tl.detach(false)", "\tl.detach(true)"},
	{"a lost commit at claim exit is believed", "engine/drain.go",
		"\t\tif err == nil {\n\t\t\treturn nil", "\t\tif err == nil || true {\n\t\t\treturn nil"},
	{"intake waits on a full queue", "engine/lane.go",
		"\titems := make([]*item", "\tfor (l.pauser != nil && l.paused) { time.Sleep(time.Millisecond) }\n\titems := make([]*item"},
	{"key freed at timeout", "engine/worker.go",
		"err = e.handler.Handle(ctx, &m)\n", "ret := make(chan error, 1)\n\tgo func() { ret <- e.handler.Handle(ctx, &m) }()\n\tselect {\n\tcase err = <-ret:\n\tcase <-ctx.Done():\n\t\terr = ctx.Err()\n\t}\n"},
	{"a timeout forgets what its error asks for", "engine/outcome.go",
		"late.Outcome, late.After = failed.Outcome, failed.After", "_ = failed"},
	{"attempts share one copy of the message", "engine/worker.go",
		"err = e.handler.Handle(ctx, &m)\n", "err = e.handler.Handle(ctx, &it.msg)\n"},
	{"a message shares the bytes of its source", "engine/lane.go",
		"\t\treturn part\n", "\t\tif len(part) > 0 {\n\t\t\treturn b\n\t\t}\n\t\treturn part\n"},
	{"a message shares its headers with its source", "engine/lane.go",
		"h.Value = own(h.Value)", "_ = own(h.Value)"},
	{"what is appended to a key is written over the value", "engine/lane.go",
		"block[:len(b):len(b)]", "block[:len(b)]"},
	{"headers count for nothing", "engine/lane.go",
		"it.size += int64(headerOverhead + len(h.Key))", ""},
	{"a message counts for its bytes only", "engine/lane.go",
		"int64(overhead + len(block))", "int64(len(block))"},
	{"what is done stays in memory", "engine/tracker.go",
		"\tclear((*f)[:1])\n", ""},
	{"an ended lane's timers stay", "engine/drain.go",
		"\t\ttimer.Stop()\n", "\t\t_ = timer\n"},
	{"an ended lane keeps its turn", "engine/drain.go",
		"\te.turns = slices.DeleteFunc(e.turns, func(other *Lane) bool { return other == l })\n\tl.ready, l.keys", "\tl.keys, l.keys"},
	{"resume forgotten", "engine/lane.go",
		"!full {\n\t\tl.pauser.Resume()\n", "!full {\n"},
	{"no resume at claim end", "engine/drain.go",
		"\tif l.paused {\n\t\tl.pauser.Resume()\n\t}\n", ""},
	{"no resume at claim start", "engine/engine.go",
		"l.pauser.Resume() // a", "// a"},
	{"resumed as soon as it is below its limit", "engine/lane.go",
		"\t\tnth = 2\n", "\t\tnth = 1\n"},
	{"records pause nothing", "engine/lane.go",
		"l.records > c.MaxPollRecords/nth || ", ""},
	{"bytes pause nothing", "engine/lane.go",
		" || l.bytes > bytes", " || l.bytes > bytes && false"},
	{"what is uncommitted pauses nothing", "engine/lane.go",
		"len(l.tracker.places) > c.MaxUncommitted/nth", "false"},
	{"each lane may hold what all may", "engine/lane.go",
		"int64(max(len(l.engine.lanes), 1)*nth)", "int64(nth)"},
	{"what a lane that ended leaves helps no other at once", "engine/drain.go",
		"\t\tother.adjustFlow()\n", "\t\t_ = other\n"},
	{"a lane that ended keeps its share", "engine/drain.go",
		"\te.lanes = slices.DeleteFunc(e.lanes, func(other *Lane) bool { return other == l })\n", ""},
	{"commits that fail are not told", "engine/engine.go",
		"e.commitErr, e.failingSince = err, time.Now()", "_ = time.Now"},
	{"the last failed commit counts, not the first", "engine/engine.go",
		"if err == nil || e.commitErr == nil {", "{"},
	{"a failed commit counts as committed", "engine/engine.go",
		"\t\te.failedCommits.Add(1)\n\t\treturn\n", "\t\te.failedCommits.Add(1)\n"},
	{"a lane that one message holds back is ready", "engine/stats.go",
		"case l.paused && span >", "case false && l.paused && span >"},
	{"a lane that is busy is not ready", "engine/stats.go",
		" && l.records <= e.cfg.MaxPollRecords/2", ""},
	{"what ended late is terminal in a dead epoch", "engine/lane.go",
		"\tcase l.detached:\n", "\tcase false:\n"},
	{"a failed message is passed by its key's next", "engine/lane.go",
		"\t\tl.later(d.delay, it,", "\t\tl.releaseKey(it)\n\t\tl.later(d.delay, it,"},
	{"a retry waits for nothing", "engine/lane.go",
		"time.AfterFunc(delay, func", "time.AfterFunc(0*delay, func"},
	{"keys share no queue", "engine/lane.go",
		"last := l.keys[it.hash]\n", "last := l.keys[it.hash^uint64(l.records)]\n"},
	{"keys take no turns", "engine/lane.go",
		"l.ready = append(l.ready, it)", "l.ready = append(fifo[*item]{it}, l.ready...)"},
	{"a key does not wait for its handler of an earlier life", "engine/lane.go",
		"\t\t\tl.keys[it.hash] = it\n\t\t}\n\t}\n}", "\t\t}\n\t}\n}"},
	{"a key waits for its handler of an earlier life without end", "engine/lane.go",
		"\t\t\tit.heir.releaseKey(it)\n", "\t\t\t_ = it\n"},
	{"a key of an ended lane comes back", "engine/lane.go",
		"\tswitch {\n\tcase l.ending:\n\tcase it.next", "\tswitch {\n\tcase it.next"},
	{"unavailable counts as an attempt", "engine/lane.go",
		"d.wait != waitUnavailable {", "true {"},
	{"unavailable is left to the error policy", "engine/outcome.go",
		"case outcome == message.OutcomeUnavailable:", "case outcome == message.OutcomeUnavailable && it.msg.Attempt < it.msg.Retry.MaxAttempts && e.cfg.ErrorPolicy == PolicyRetry:"},
	{"what is available again still counts as waiting", "engine/lane.go",
		"\tl.waits[it.wait]--\n", ""},
	{"the backoff goes on from unavailable to retry", "engine/outcome.go",
		" || (it.wait == waitUnavailable) != (why == waitUnavailable)", " || why == waitNot"},
	{"RetryAfter is ignored", "engine/outcome.go",
		"case ok && failed.After > 0:", "case ok && failed.After < 0:"},
	{"RetryAfter takes a step of the backoff", "engine/outcome.go",
		"\t\td.delay = failed.After\n", "\t\tit.nextDelay(d.wait)\n\t\td.delay = failed.After\n"},
	{"a handler's time begins when it first asks for it", "engine/worker.go",
		"context.WithDeadlineCause(c.lane, c.deadline, errTimeout)", "context.WithTimeoutCause(c.lane, time.Second, errTimeout)"},
	{"a handler's context outlives its attempt", "engine/worker.go",
		"\tdefer ctx.end()\n", ""},
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
		"\t\tit.lane.deadLetters.resume()\n", ""},
	{"what never reached a handler ends the pause", "engine/outcome.go",
		"if permanent && isAnswer(err) {", "if permanent {"},
	{"permanent errors count towards the pause", "engine/outcome.go",
		"case permanent, it.lane.deadLetters.admit(err):", "case it.lane.deadLetters.admit(err):"},
	{"the pause is of all topics", "engine/lane.go",
		"if e.deadLettered[topic] == nil {", "for _, any := range e.deadLettered {\n\t\te.deadLettered[topic] = any\n\t}\n\tif e.deadLettered[topic] == nil {"},
	{"the pause is forgotten with its lane", "engine/lane.go",
		"if e.deadLettered[topic] == nil {", "if true {"},
	{"one worker too many", "engine/worker.go",
		"len(e.workers) < e.cfg.MaxWorkers", "len(e.workers) <= e.cfg.MaxWorkers"},
	{"a lane may take all workers", "engine/worker.go",
		"return l.running < most })", "return l.running <= e.cfg.MaxWorkers })"},
	{"a lane alone may take half of the workers", "engine/worker.go",
		"if len(e.lanes) > 1 {", "if true {"},
	{"a lane has more than half of the workers", "engine/worker.go",
		"most = (most + 1) / 2", "most--"},
	{"lanes take no turns", "engine/worker.go",
		"e.turns = append(e.turns, l)", "e.turns = slices.Insert(e.turns, 0, l)"},
	{"only one worker starts for many messages", "engine/worker.go",
		"for len(e.workers)", "if len(e.workers)"},
	{"what a lane that ended leaves starts no worker", "engine/drain.go",
		"\te.startWorkers()\n\treturn mark", "\treturn mark"},
	{"a due retry starts no worker", "engine/lane.go",
		"\t\t\tl.engine.startWorkers()\n", ""},
	{"an acknowledged dead letter starts no worker", "engine/lane.go",
		"\t\tl.finish(it)\n\t\te.startWorkers()\n", "\t\tl.finish(it)\n"},
	{"a handler that ends its goroutine takes the worker with it", "engine/worker.go",
		"\t\t\tgo w.run()\n", ""},
	{"a handler that ends its goroutine succeeds", "engine/worker.go",
		"err := errNoReturn // unless it returns", "var err error"},
	{"a handler that panics ends the service", "engine/worker.go",
		"\t\tif v := recover(); v != nil {\n\t\t\terr =", "\t\tif v := any(nil); v != nil {\n\t\t\terr ="},
	{"an error that panics ends the service", "engine/outcome.go",
		"\terr = safeError(err)\n", "\t_ = safeError\n"},
	{"handlers start after the drain began", "engine/drain.go",
		"\tl.ready, l.keys, l.waiting = nil, nil" + ", nil\n", "\tl.waiting = nil\n\tif len(l.ready) > 0 {\n\t\te.turns = append(e.turns, l)\n\t}\n"},
	{"handlers start after the engine stopped", "engine/worker.go",
		" || e.closed", ""},
	{"the drain waits for ever", "engine/drain.go",
		"case <-time.After(timeout / 10):", "case <-time.After(100 * timeout):"},
	{"the drain does not wait for handlers", "engine/drain.go",
		"case <-time.After(timeout * 4 / 5):", "case <-time.After(0):"},
	{"handlers do not hear of the drain", "engine/drain.go",
		"\tl.cancel(errDraining)\n\tvar err error", "\tvar err error"},
	{"a lost lane's handlers do not hear of it", "engine/drain.go",
		"\tl.cancel(errDraining)\n\te := l.engine", "\tif mark {\n\t\tl.cancel(errDraining)\n\t}\n\te := l.engine"},
	{"shutdown is dead-lettered", "engine/outcome.go",
		"if errors.Is(cause, errDraining) {", "if false {"},
	{"a stuck handler is alive", "engine/stats.go",
		"running >= e.cfg.StuckAfter", "false"},
	{"an idle worker is stuck", "engine/worker.go",
		"\t\tdelete(e.workers, w)\n", ""},
	{"the window leaves out what runs", "engine/stats.go",
		"l.tracker.base + uint64(len(l.tracker.places)) - l.committed", "l.tracker.base - l.committed"},
	{"an outage is logged at each attempt", "engine/event.go",
		"!ev.repeated && r.log.Enabled", "r.log.Enabled"},
	{"a commit that hangs keeps the engine from stopping", "engine/engine.go",
		"\tdefer context.AfterFunc(e.stopped, cancel)()\n", "\tgo func() { <-e.stopped.Done(); time.Sleep(time.Hour); cancel() }()\n"},
	{"a refused commit passes", "kafka/session.go",
		"kerr.ErrorForCode(p.ErrorCode)\n", "error(nil)\n"},
	{"what was refused is not committed again", "kafka/session.go",
		"case own == nil || own == c:\n", "case own == nil || own == c:\n\t\t\t\t\tc.committed = c.requested\n"},
	{"a claim commits its own marks alone", "kafka/session.go",
		"s.newCommit()\n", "s.newCommit()\n\t\tfor p := range claims {\n\t\t\tif own != nil && p != own.place {\n\t\t\t\tclaims[p].requested = claims[p].committed\n\t\t\t}\n\t\t}\n"},
	{"where a claim begins is not committed", "kafka/session.go",
		"\t\t\tc.next.Store(batch[0].Offset)\n", ""},
	{"what no attempt can commit is repeated", "kafka/session.go",
		"return message.Permanent(refused)", "return refused"},
	{"a commit that a rebalance refuses is an alarm", "kafka/session.go",
		"case !old && !errors.Is(refused, kerr.RebalanceInProgress), ", "case old || errors.Is(refused, kerr.RebalanceInProgress), "},
	{"a draining claim's marks are not the committer's", "kafka/session.go",
		"defer s.removeClaim(c) // a claim that drains still has marks for the engine's committer\n\tlane := s.consumer.engine.Assign(c)\n\tdeliver(cs.Context(), sc.Messages(), c, lane)\n",
		"lane := s.consumer.engine.Assign(c)\n\tdeliver(cs.Context(), sc.Messages(), c, lane)\n\ts.removeClaim(c)\n"},
	{"a lane is not drained when its claim ends", "kafka/session.go",
		"err := lane.Drain(context.WithoutCancel(cs.Context()))", "err := error(nil)"},
	{"a member that the group has forgotten commits", "kafka/session.go",
		"isForgotten(ended) {", "isForgotten(nil) {"},
	{"a lost partition is no work left", "kafka/session.go",
		"\t\ts.consumer.unfinished.Add(1)\n\t\tlog.Warn(\"partition lost", "\t\tlog.Warn(\"partition lost"},
	{"what another member has taken over is work left", "kafka/session.go",
		"if ended != nil { // else", "if true { // else"},
	{"a claim cannot pause", "kafka/session.go",
		"c.session.group.Pause(", "_ = any("},
	{"the consume loop does not back off", "kafka/run.go",
		"\t\tsleep(ctx, delay)\n\t}\n}\n\n// consumeSession", "\t\t_ = delay\n\t}\n}\n\n// consumeSession"},
	{"a broker that does not answer is well again between two errors", "kafka/run.go",
		"within += max(c.cfg.ReadTimeout, dialTimeout)", ""},
	{"a consumer runs twice", "kafka/run.go",
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
		"size.bytes = int32(min(n, maxBatchBytes))", "_ = n"},
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
	{"publish: dead letters wait behind events for room", "kafka/publisher.go",
		"\to.deadline = time.Now().Add(o.timeout)\n", "\to.deadline = time.Now().Add(o.timeout)\n\tif !o.event && p.acquireRoom(ctx, o.deadline, 0) != nil {\n\t\treturn errAbandoned\n\t}\n"},
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
		"kerr.UnknownTopicID):\n\t\tp.sizes.forget(client, o.message.Topic)\n", "kerr.UnknownTopicID):\n"},
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
	"a claim commits its own marks alone":                                "TestClaimsThatEndTogetherCommitTogether",
	"where a claim begins is not committed":                              "TestWhereAClaimBeginsIsCommitted",
	"what no attempt can commit is repeated":                             "TestWhatNoAttemptCanCommitIsNotRepeated",
	"a refused commit passes":                                            "TestARefusedCommit",
	"what was refused is not committed again":                            "TestARefusedCommit",
	"a commit that a rebalance refuses is an alarm":                      "TestACommitWaitsUntilTheGroupHasRebalanced",
	"a lost partition is no work left":                                   "TestALostPartitionIsWorkLeft",
	"what another member has taken over is work left":                    "TestPartitionsThatMoveInASessionAreLogged",
	"a broker that does not answer is well again between two errors":     "TestABrokerThatDoesNotAnswerIsTroubleUntilItDoes",
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
	"publish: dead letters wait behind events for room":                  "TestADeadLetterIsFirstWhereEventsWaitForRoom",
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
