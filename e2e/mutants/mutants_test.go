// Package mutants proves that the tests of the engine, and of what reads from and
// writes to Kafka, would notice its mistakes. It plants each of them, one at a
// time, by overlaying a source file, and expects the tests to fail.
package mutants

import (
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
	{"mark what is delivered", "engine/lane.go",
		"it.seq = l.tracker.add(it.msg.Offset)", "it.seq = l.tracker.add(it.msg.Offset); l.tracker.done(it.seq)"},
	{"terminal before the dead letter's acknowledgement", "engine/fail.go",
		"\trefused := false\n", "\trefused := false\n\tl.mu.Lock(); l.tracker.done(it.seq); l.mu.Unlock()\n"},
	{"a refused dead letter counts as written", "engine/fail.go",
		"if err == nil {\n\t\t\tbreak", "if err == nil || true {\n\t\t\tbreak"},
	{"no commit at claim exit", "engine/drain.go",
		"if cerr := l.commit(ctx); cerr != nil", "if cerr := error(nil); cerr != nil"},
	{"no mark at claim exit", "engine/drain.go",
		"marked := l.mark()", "marked := l.marked"},
	{"a lost commit at claim exit is believed", "engine/drain.go",
		"\t\tif err == nil {\n\t\t\treturn nil", "\t\tif err == nil || true {\n\t\t\treturn nil"},
	{"intake waits on a full queue", "engine/lane.go",
		"\titems := make([]item", "\tfor (l.pauser != nil && l.paused) { time.Sleep(time.Millisecond) }\n\titems := make([]item"},
	{"key freed at timeout", "engine/worker.go",
		"err = w.call(c, handle)\n", "ret := make(chan error, 1)\n\tgo func() { ret <- w.call(c, handle) }()\n\tselect {\n\tcase err = <-ret:\n\tcase <-c.Done():\n\t\terr = c.Err()\n\t}\n"},
	{"resume forgotten", "engine/flow.go",
		"l.paused = false\n\t\tl.pauser.Resume()", "l.paused = false"},
	{"commits that fail are not told", "engine/commits.go",
		"\t\t\te.commits.fail(err)\n", ""},
	{"commits that succeed again are not told", "engine/commits.go",
		"\te.commits.succeed()\n\tfor", "\tfor"},
	{"a lane that one message holds back is ready", "engine/flow.go",
		"held || !span {\n\t\treturn nil", "true || held || !span {\n\t\treturn nil"},
	{"a lane that is busy is not ready", "engine/flow.go",
		"held || !span {\n\t\treturn nil", "held && !span || !span {\n\t\treturn nil"},
	{"each lane may hold what all may", "engine/flow.go",
		"e.cfg.MaxBytes/int64(max(len(e.lanes), 1))", "e.cfg.MaxBytes"},
	{"a lane that ended keeps its bytes", "engine/schedule.go",
		"\te.share()\n\te.shares.reset", "\te.shares.reset"},
	{"no resume at claim end", "engine/drain.go",
		"\t\tl.paused = false\n\t\tl.pauser.Resume()\n", ""},
	{"records pause nothing", "engine/flow.go",
		"l.records > c.MaxPollRecords/nth || ", ""},
	{"successes are not counted", "engine/worker.go",
		"\t\t\tw.countPassed()\n", ""},
	{"the breaker does not know of the turn's successes", "engine/worker.go",
		"\t\tw.countPassed() // the breaker compares failures with successes\n", ""},
	{"bytes pause nothing", "engine/flow.go",
		" || l.bytes > l.limit.Load()/int64(nth)", ""},
	{"what is uncommitted pauses nothing", "engine/flow.go",
		"return held, l.tracker.span() > c.MaxUncommitted/nth", "return held, false"},
	{"a slow message keeps what its worker took", "engine/watch.go",
		"\t\tl.relieve(w)\n", ""},
	{"what was taken back is handled all the same", "engine/worker.go",
		"if !r.own() {", "if r.own(); false {"},
	{"what was taken back is still waited for", "engine/run.go",
		"\t\t\tl.busy--\n", ""},
	{"what was begun is taken back", "engine/run.go",
		"r := &w.runs[i]; r.own() {", "r := &w.runs[i]; r.queue != nil {"},
	{"no resume at claim start", "engine/schedule.go",
		"l.pauser.Resume() // a", "// a"},
	{"a dead epoch marks", "engine/lane.go",
		"if !l.dead && l.tracker.base > l.marked", "if l.tracker.base > l.marked"},
	{"a failed message is passed by its key's next", "engine/lane.go",
		"\t\tcase tryAgain:\n\t\t\tit.msg.Attempt++\n\t\t\tl.retry(q, it)\n", "\t\tcase tryAgain:\n\t\t\tit.msg.Attempt++\n\t\t\tl.retry(q, it)\n\t\t\tl.ready.push(q)\n"},
	{"what is away counts as an attempt", "engine/lane.go",
		"\t\tcase awaitIt:\n", "\t\tcase awaitIt:\n\t\t\tit.msg.Attempt++\n"},
	{"what is away is left to the error policy", "engine/fail.go",
		"again := away || e.again(it)", "again := e.again(it)"},
	{"what is back is still waited for", "engine/lane.go",
		"\t\tl.away--\n", ""},
	{"keys share no queue", "engine/lane.go",
		"q, ok := l.keys[hash]", "q, ok := l.keys[hash^uint64(l.records)]"},
	{"one worker too many", "engine/schedule.go",
		"len(e.workers) < e.cfg.MaxWorkers", "len(e.workers) <= e.cfg.MaxWorkers"},
	{"handlers start after the drain began", "engine/worker.go",
		"if l.ending.Load() ||", "if false ||"},
	{"the drain waits for ever", "engine/drain.go",
		"case <-time.After(l.engine.cfg.DrainTimeout / 10):", "case <-time.After(100 * l.engine.cfg.DrainTimeout):"},
	{"dead letters do not hear of the drain", "engine/drain.go",
		"\tl.giveUp()\n", ""},
	{"an ended lane is offered by a retry", "engine/fail.go",
		"if !l.ending.Load() {\n\t\t\tl.ready", "if true {\n\t\t\tl.ready"},
	{"an ended lane's queues come back", "engine/lane.go",
		"\tif l.ending.Load() {\n\t\treturn\n\t}\n\tif q.length > 0", "\tif q.length > 0"},
	{"shutdown is dead-lettered", "engine/fail.go",
		"case l.ending.Load() && (aborted || again):", "case false && (aborted || again):"},
	{"the window leaves out what runs", "engine/stats.go",
		"l.tracker.end - l.committed.Load()", "l.tracker.base - l.committed.Load()"},
	{"an open breaker lets attempts run out", "engine/fail.go",
		" || e.breaker.open.Load())", ")"},
	{"handlers that were told to give up open the breaker", "engine/fail.go",
		"if !aborted {", "if true {"},
	{"an open breaker holds nobody back", "engine/schedule.go",
		"if e.breaker.open.Load() && !e.probe", "if false"},
	{"a success does not close the breaker", "engine/fail.go",
		"\t\te.closeBreaker()\n", ""},
	{"a bad row takes its batch with it", "engine/worker.go",
		"it.failed = outcomes[i]", "it.failed = err"},
	{"an error that panics ends the service", "engine/worker.go",
		"return askable(handle(ctx))", "return handle(ctx)"},
	{"a batch's error that panics takes its batch with it", "engine/worker.go",
		"outcomes[i] = askable(err)", "outcomes[i] = err"},
	{"what a handler changed stays changed", "engine/worker.go",
		"\t\t\tit.restore(came)\n", "\t\t\t_ = came\n"},
	{"what a batch handler changed stays changed", "engine/worker.go",
		"\t\tit.restore(came[i])\n", ""},
	{"a batch waits for ever", "engine/batch.go",
		"l.timer, l.due = nil, true", "l.timer = nil"},
	{"a batch waits for what its partition's order holds back", "engine/batch.go",
		" || l.engine.cfg.Ordering == OrderPartition {", " {"},
	{"a batch waits for what is not fetched", "engine/batch.go",
		" || l.paused || l.engine", " || l.engine"},
	{"a full batch leaves its timer to the next", "engine/batch.go",
		"\t\tl.timer.Stop()\n\t}\n\tl.timer, l.due = nil, false", "\t}\n\tl.due = false"},
	{"a batch is larger than its size", "engine/batch.go",
		"n := min(l.ready.length, l.batch.Size)", "n := l.ready.length"},
	{"a stuck lane takes the last worker", "engine/shares.go",
		"free > s.missing+s.spare", "free > s.missing"},
	{"a worker that was woken for two lanes starts nobody", "engine/schedule.go",
		"\t\t\te.stir()\n\t\t\treturn l", "\t\t\tif e.idle > 0 {\n\t\t\t\te.stir()\n\t\t\t}\n\t\t\treturn l"},
	{"a worker that was woken looks for no other", "engine/schedule.go",
		"\t\t\te.stir()\n\t\t\treturn l", "\t\t\treturn l"},
	{"a lane that ended keeps its reserve", "engine/schedule.go",
		"\te.stir()\n}\n\n// activate", "}\n\n// activate"},
	{"a lane may take all workers", "engine/shares.go",
		"return l.workers < s.reserved || free > s.missing+s.spare", "return true"},
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
	{"a message shares the client's bytes", "kafka/session.go",
		"Value: bytes.Clone(m.Value)", "Value: m.Value"},
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
		"context.WithTimeout(context.Background(), o.timeout)", "context.WithTimeout(ctx, o.timeout)"},
	{"publish: there is always room", "kafka/publisher.go",
		"semaphore.NewWeighted(bytes)", "semaphore.NewWeighted(1 << 40)"},
	{"publish: a slow callback stops publishing", "kafka/publisher.go",
		"run: p.runInOrder,", "run: func(f func()) { f() },"},
	{"publish: a flush does not wait for what an earlier one waits for", "kafka/publisher.go",
		"before.Wait(); after.Done()", "after.Done(); before.Wait()"},
	{"publish: what Close gives up is not counted", "kafka/publisher.go",
		"\t\tp.lost.Add(1)\n", ""},
	{"publish: a topic made anew is never learned", "kafka/publisher.go",
		"kerr.UnknownTopicID):\n\t\tp.relearnTopic(client, o)\n", "kerr.UnknownTopicID):\n"},
}

// TestEveryMutantIsKilled prints each mutant and what killed it.
func TestEveryMutantIsKilled(t *testing.T) {
	checks := os.Getenv("MUTANTS")
	if checks == "" {
		t.Skip("takes minutes: MUTANTS=2000 runs it, with so many random histories for each mutant")
	}
	for _, m := range mutants {
		t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) {
			timeout := "90s"
			if strings.HasPrefix(m.file, "engine/") {
				t.Parallel() // its tests have a clock of their own
				timeout = "60s"
			}
			overlay := plant(t, m)
			out, err := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-failfast", "-timeout", timeout, "-count=1", filepath.Join(internal, filepath.Dir(m.file)),
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
