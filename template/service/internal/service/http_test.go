//go:build http

package service

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/dev/samples"
)

// posting is a sample's body with the path that takes it.
type posting struct{ path, body string }

// postings are the samples that are handled, as far as a path takes them.
func postings(t *testing.T) []posting {
	t.Helper()
	var all []posting
	for _, op := range operations() {
		for _, s := range load(t) {
			if body, ok := s.Posted(); ok && s.Topic == op.Topic && s.Expect == samples.Handled {
				all = append(all, posting{op.Path, body})
			}
		}
	}
	if len(all) == 0 {
		t.Skip("no path in web/ takes a sample of dev/samples")
	}
	return all
}

// answer is what came back for a posting.
type answer struct {
	status     int
	retryAfter string
	id         string // of the message, when it was accepted
}

func (s *service) post(p posting) (answer, error) {
	response, err := http.Post(s.web+p.path, "application/json", strings.NewReader(p.body))
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	var body struct{ MessageID string }
	err = json.NewDecoder(response.Body).Decode(&body)
	return answer{response.StatusCode, response.Header.Get("Retry-After"), body.MessageID}, err
}

var handledEvents = regexp.MustCompile(`(?m)^consumer_events_total\{(?:.*,)?event="handled".*\} (\d+)$`)

// awaitHandled returns once /metrics says that n messages were handled.
func (s *service) awaitHandled(t *testing.T, n int) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	late := time.After(patience)
	for {
		handled := 0
		if response, err := http.Get(s.ops + "/metrics"); err == nil {
			text, _ := io.ReadAll(response.Body)
			_ = response.Body.Close()
			for _, line := range handledEvents.FindAllSubmatch(text, -1) {
				of, _ := strconv.Atoi(string(line[1]))
				handled += of
			}
		}
		if handled >= n {
			return
		}
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("%d messages were handled, want %d", handled, n)
		}
	}
}

// published returns the ids of all messages in the samples' topics.
func published(t *testing.T, broker string) map[string]bool {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumeTopics(samples.Topics(load(t))...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, samples.Topics(load(t))...)
	if err != nil {
		t.Fatal(err)
	}
	left := 0
	ends.Each(func(o kadm.ListedOffset) { left += int(o.Offset) })
	ids := make(map[string]bool)
	for left > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("reading the topics, %d messages are left: %v", left, err)
		}
		for _, r := range fetches.Records() {
			ids[messageID(r)] = true
			left--
		}
	}
	return ids
}

// messageID finds a message's id in its envelope or among its headers.
func messageID(r *kgo.Record) string {
	for _, h := range r.Headers {
		if h.Key == "messageId" {
			return string(h.Value)
		}
	}
	var value struct{ Header struct{ MessageID string } }
	_ = json.Unmarshal(r.Value, &value) // then it has none
	return value.Header.MessageID
}

// What is posted is published, and the service handles it itself.
func TestWhatIsPostedIsHandled(t *testing.T) {
	kafka := startKafka(t, 0, load(t))
	service := startService(t, kafka.ListenAddrs()[0])
	service.awaitReady(t, http.StatusOK)
	all := postings(t)
	ids := make(map[string]bool)
	for _, p := range all {
		got, err := service.post(p)
		if err != nil || got.status != http.StatusAccepted || got.id == "" {
			t.Fatalf("%v: %+v %v", p, got, err)
		}
		ids[got.id] = true
	}
	service.awaitHandled(t, len(all))
	service.stop(t)
	there := published(t, kafka.ListenAddrs()[0])
	for id := range ids {
		if !there[id] {
			t.Errorf("%s was accepted and is not in its topic", id)
		}
	}
}

// While Kafka is away a request is told to come again, in good time; when it is
// back the same request is accepted.
func TestAnswers503WhileKafkaIsAway(t *testing.T) {
	_, port, _ := net.SplitHostPort(freeAddress(t))
	cfg := testSettings(t, "127.0.0.1:"+port)
	cfg.HTTP.RequestTimeout = 300 * time.Millisecond
	service := startWith(t, cfg)
	p := postings(t)[0]
	service.awaitReady(t, http.StatusServiceUnavailable)
	began := time.Now()
	got, err := service.post(p)
	if err != nil || got.status != http.StatusServiceUnavailable {
		t.Fatalf("%+v %v", got, err)
	}
	if wait, err := strconv.Atoi(got.retryAfter); err != nil || wait < 1 {
		t.Errorf("Retry-After: %q", got.retryAfter)
	}
	if took := time.Since(began); took > patience/2 {
		t.Errorf("the answer took %v, the request had %v", took, cfg.HTTP.RequestTimeout)
	}

	number, _ := strconv.Atoi(port)
	startKafka(t, number, load(t))
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	late := time.After(patience)
	for {
		if got, err := service.post(p); err == nil && got.status == http.StatusAccepted {
			break
		}
		select {
		case <-again.C:
		case <-late:
			t.Fatal("Kafka is back, and nothing is accepted")
		}
	}
	service.stop(t)
}

// Whatever was answered with 202 is in its topic, also when the service is
// stopped in the middle of it.
func TestNothingAcceptedIsLostAtTheEnd(t *testing.T) {
	kafka := startKafka(t, 0, load(t))
	service := startService(t, kafka.ListenAddrs()[0])
	service.awaitReady(t, http.StatusOK)
	p := postings(t)[0]

	const senders, before = 8, 200
	var (
		all    sync.WaitGroup
		mu     sync.Mutex
		ids    []string
		enough = make(chan struct{})
	)
	for range senders {
		all.Go(func() {
			for {
				got, err := service.post(p)
				if err != nil {
					return // nobody listens any more
				}
				if got.status != http.StatusAccepted {
					continue
				}
				mu.Lock()
				if ids = append(ids, got.id); len(ids) == before {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	select {
	case <-enough:
	case <-time.After(patience):
		t.Fatal("nothing is accepted")
	}
	service.stop(t)
	all.Wait()
	there := published(t, kafka.ListenAddrs()[0])
	lost := 0
	for _, id := range ids {
		if !there[id] {
			lost++
		}
	}
	t.Logf("%d were accepted, %d are in their topics", len(ids), len(there))
	if lost > 0 {
		t.Errorf("%d of %d that were accepted are not in their topics", lost, len(ids))
	}
}

// curlLine is a line of the README: a command, and the status that it is
// answered with.
var curlLine = regexp.MustCompile(`(?m)^(curl .*?) +# (\d{3})\b`)

// The README's curl lines work as they stand there. Only the port that they are
// sent to is another, which curl is told in its settings.
func TestReadmesCurlLinesWork(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Skip("there is no README.md")
	}
	commands := curlLine.FindAllSubmatch(text, -1)
	if len(commands) == 0 {
		t.Skip("README.md has no curl lines")
	}
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl")
	}
	kafka := startKafka(t, 0, load(t))
	service := startService(t, kafka.ListenAddrs()[0])
	service.awaitReady(t, http.StatusOK)
	home := t.TempDir()
	settings := "silent\nshow-error\nwrite-out = \"\\n%{http_code}\"\nconnect-to = \"localhost:8081:" + strings.TrimPrefix(service.web, "http://") + "\"\n"
	if err := os.WriteFile(filepath.Join(home, ".curlrc"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range commands {
		line, status := string(c[1]), string(c[2])
		cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
		cmd.Env = append(os.Environ(), "CURL_HOME="+home)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.HasSuffix(string(out), "\n"+status) {
			t.Errorf("%s: %v, want %s:\n%s", line, err, status, out)
		}
	}
	service.stop(t)
}
