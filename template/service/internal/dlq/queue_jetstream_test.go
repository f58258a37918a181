//go:build jetstream

package dlq

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	nats "github.com/nats-io/nats.go/jetstream"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// TestAMessageThatIsSentBackIsNoDuplicateOfItself: the server knows the first by its id.
func TestAMessageThatIsSentBackIsNoDuplicateOfItself(t *testing.T) {
	w := newWorld(t)
	first := &message.Message{Topic: "payments", Key: []byte("k"), Value: []byte("1"), Header: message.Header{MessageID: "m-1"}}
	w.send(first)
	w.write(message.ClassHandler, "no", w.read("payments")[0])
	w.run(0, "redrive", "--execute")
	if came := w.read("payments"); len(came) != 2 || came[1].Partition != came[0].Partition {
		t.Errorf("%d messages, want the first and the one that was sent back beside it: %v", len(came), came)
	}
}

// TestWhatWasWrittenAndNotRemovedIsNotWrittenAgain: who was killed in between goes on.
func TestWhatWasWrittenAndNotRemovedIsNotWrittenAgain(t *testing.T) {
	w := newWorld(t)
	w.fill(3)
	b := w.open("payments.dlq")
	defer b.close()
	j := newJudge(t.Context(), b.consumersOfTests(w), options{})
	err := b.read(t.Context(), "payments.dlq", 0, func(m message.Message) error {
		l, _ := j.judge(m)
		to, _ := j.target(l)
		return b.newSender().send(t.Context(), l, &to)
	})
	if err != nil || w.count("payments") != 3 {
		t.Fatalf("%d were written: %v", w.count("payments"), err)
	}
	w.run(0, "redrive", "--execute")
	if n, left := w.count("payments"), w.count("payments.dlq"); n != 3 || left != 0 {
		t.Errorf("%d messages, want 3; %d letters are left", n, left)
	}
}

func (*broker) consumersOfTests(w *world) []Consumer {
	return []Consumer{consumerOf(w.broker, "shop", "payments")}
}

// TestWhoMayNotRemoveSendsNoMoreThanOne: each would be sent once more the next time.
func TestWhoMayNotRemoveSendsNoMoreThanOne(t *testing.T) {
	w := newWorld(t)
	w.remove("payments.dlq")
	b := w.open("payments")
	defer b.close()
	if _, err := b.js.CreateStream(t.Context(), nats.StreamConfig{Name: "payments_dlq", Subjects: []string{"payments.dlq"}, DenyDelete: true}); err != nil {
		t.Fatal(err)
	}
	w.fill(30)
	for range 2 {
		out := w.run(1, "redrive", "--execute")
		if !strings.Contains(out, "payments.dlq@1: remove it") || !strings.Contains(out, "it is in payments again") || !strings.Contains(out, "dead letters 1: redriven 1\n") {
			t.Error(out)
		}
	}
	if out := w.run(1, "purge", "--all", "--execute"); strings.Contains(out, "deleted") {
		t.Errorf("nothing was deleted: %s", out)
	}
	if n, left := w.count("payments"), w.count("payments.dlq"); n != 1 || left != 30 {
		t.Errorf("%d were sent, %d letters are left", n, left)
	}
}

// TestWhatIsGoneIsRemoved: two commands may meet.
func TestWhatIsGoneIsRemoved(t *testing.T) {
	w := newWorld(t)
	w.fill(1)
	b := w.open("payments.dlq")
	defer b.close()
	for range 2 {
		if err := b.remove(t.Context(), &Letter{Message: message.Message{Topic: "payments.dlq", Offset: 1}}); err != nil {
			t.Error(err)
		}
	}
}

// TestTheRightsThatAreDocumentedAreEnough for a user that lists, shows, sends back, parks and
// deletes.
func TestTheRightsThatAreDocumentedAreEnough(t *testing.T) {
	rights := &server.Permissions{
		Publish: &server.SubjectPermission{Allow: []string{
			"payments.*", "payments.dlq", "$JS.API.STREAM.INFO.*", "$JS.API.STREAM.CREATE.*", "$JS.API.CONSUMER.>", "$JS.ACK.>",
			"payments.parked.0", "$JS.API.STREAM.MSG.DELETE.*", "$JS.API.STREAM.MSG.GET.*",
		}},
		Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
	}
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true, NoAuthUser: "all",
		Users: []*server.User{{Username: "all", Password: "all"}, {Username: "service", Password: "secret", Permissions: rights}},
	})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("no server")
	}
	w := &world{t: t, broker: s.ClientURL()}
	w.createTopics()
	w.fill(6)
	w.write(message.ClassHandler, "no", message.Message{Value: []byte("1"), Headers: []message.Field{{Key: countHeader, Value: []byte("3")}}})
	shop := consumerOf(w.broker, "shop", "payments")
	shop.Source.User, shop.Source.Password = "service", "secret"
	for _, c := range []struct{ args, want string }{
		{"ls", "selected 7"},
		{"show payments.dlq@2", "payments.dlq@2"},
		{"redrive --execute --class handler", "parked 1"},
		{"purge --execute --class invalid", "deleted 2"},
		{"redrive payments.parked --execute", "redriven 1"},
	} {
		var stdout, stderr bytes.Buffer
		if code := Command(t.Context(), []Consumer{shop}, nil, strings.Fields(c.args), &stdout, &stderr); code != 0 || !strings.Contains(stdout.String()+stderr.String(), c.want) {
			t.Errorf("%s: %d, no %q in\n%s%s", c.args, code, c.want, &stdout, &stderr)
		}
	}
}
