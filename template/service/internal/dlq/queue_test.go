//go:build jetstream || rabbitmq

package dlq

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func TestADryRunChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.fill(30)
	before := w.letters()
	out := w.run(0, "redrive") + w.run(0, "purge", "--all") + w.run(0, "ls") + w.run(0, "show", "payments.dlq@3")
	for _, want := range []string{"order # is unknown", "to be redriven 30", "to be deleted 30", "selected 30", "nothing was written"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if after := w.letters(); !slices.Equal(after, before) || w.count("payments") > 0 {
		t.Errorf("%d letters are left of %d, %d were sent", len(after), len(before), w.count("payments"))
	}
}

func TestARedriveByClassSendsEachOnceAndToTheByte(t *testing.T) {
	w := newWorld(t)
	wrote := w.fill(300)
	sent := 0
	for class, messages := range wrote {
		out := w.run(0, "redrive", "--class", string(class), "--execute")
		if want := fmt.Sprintf("dead letters %d: redriven 100", 300-sent); !strings.Contains(out, want) {
			t.Errorf("no %q: the summary does not add up: %s", want, out)
		}
		sent += 100
		came := w.read("payments")
		if n := lost(messages, came); n > 0 || len(came) != sent {
			t.Errorf("class %s: %d are lost, %d of %d were sent", class, n, len(came), sent)
		}
		if left := len(w.letters()); left != 300-sent {
			t.Errorf("class %s: %d letters are left, want %d", class, left, 300-sent)
		}
	}
	if out := w.run(0, "redrive", "--execute"); !strings.Contains(out, "dead letters 0: none") {
		t.Errorf("what was sent by class is sent again: %s", out)
	}
}

// TestMoreThanAreBroughtAtOnceStay: a broker brings no more than so many that are held, and
// those that are not selected are held until the end.
func TestMoreThanAreBroughtAtOnceStay(t *testing.T) {
	w := newWorld(t)
	var letters []*message.Message
	for i := range 2100 {
		class := message.ClassHandler
		if i%700 == 699 {
			class = message.ClassPanic
		}
		letters = append(letters, w.letter("shop", class, "no", message.Message{Value: strconv.AppendInt(nil, int64(i), 10)}))
	}
	w.send(letters...)
	before := w.letters()
	if out := w.run(0, "redrive", "--class", "panic", "--execute"); !strings.Contains(out, "dead letters 2100: redriven 3, not selected 2097") {
		t.Error(out)
	}
	want := slices.DeleteFunc(before, func(v string) bool {
		return strings.Contains(v, `:699,`) || strings.Contains(v, `:1399,`) || strings.Contains(v, `:2099,`)
	})
	if after := w.letters(); !slices.Equal(after, want) {
		t.Errorf("%d letters are left, want %d in their order", len(after), len(want))
	}
}

func TestAKilledRedriveGoesOnAndLosesNothing(t *testing.T) {
	w := newWorld(t)
	wrote := w.fill(1000)
	for round := range 3 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "redrive", "--execute", "--rate", "400")
		cmd.Env = append(os.Environ(), brokerVariable+"="+w.broker)
		from := w.count("payments")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for sent := 0; sent < 40*(round+1) && t.Context().Err() == nil; {
			sent = w.count("payments") - from
		}
		_ = cmd.Process.Kill()
		if err := cmd.Wait(); err == nil {
			t.Fatal("it was done before it was killed")
		}
	}
	if n := w.count("payments"); n >= 1000 {
		t.Errorf("%d were sent before the last: nothing was left to go on with", n)
	}
	came := func() (n int) {
		messages := w.read("payments")
		for _, class := range wrote {
			n += lost(class, messages)
		}
		return n
	}
	for came() > 0 && t.Context().Err() == nil { // the broker may take a while to know that a reader is gone
		w.run(0, "redrive", "--execute")
		if n := came(); n > 0 && w.count("payments.dlq") > 0 {
			t.Fatalf("%d are lost", n)
		}
	}
	if n := w.count("payments.dlq"); n > 0 {
		t.Errorf("%d letters are left", n)
	}
	t.Logf("%d messages of 1,000 letters", w.count("payments"))
}

// TestALetterThatCannotBeWrittenStays: with what is behind it for its topic, and nothing
// else.
func TestALetterThatCannotBeWrittenStays(t *testing.T) {
	w := newWorld(t)
	w.fill(60)
	w.remove("payments")
	out := w.run(1, "redrive", "--execute")
	if !strings.Contains(out, "write to payments") || !strings.Contains(out, "dead letters 60: not written 60\n") {
		t.Errorf("it does not say what became of them: %s", out)
	}
	if n := len(w.letters()); n != 60 {
		t.Errorf("%d letters are left, want 60", n)
	}
	w.run(0, "redrive", "--execute", "--to", "other", "--class", "handler")
	if other, left := w.count("other"), len(w.letters()); other != 20 || left != 40 {
		t.Errorf("%d were sent elsewhere, %d letters are left", other, left)
	}
}

func TestALetterThatFailsAgainThreeTimesIsParked(t *testing.T) {
	w := newWorld(t)
	m := message.Message{Key: []byte("k"), Value: []byte(`{"n":1}`), Headers: []message.Field{{Key: "a", Value: []byte("b")}}}
	for n := range maxRedrives {
		w.write(message.ClassHandler, "no", m)
		w.run(0, "redrive", "--execute")
		came := w.read("payments")
		if len(came) != n+1 {
			t.Fatalf("%d came back, want %d", len(came), n+1)
		}
		m = came[n]
		if group, _ := m.Get(message.RedriveGroup); string(group) != "shop" {
			t.Fatalf("it was redriven for group %q", group)
		}
	}
	w.write(message.ClassHandler, "no", m)
	letter := w.letters()[0]
	if out := w.run(0, "redrive", "--execute"); !strings.Contains(out, "parked 1") {
		t.Errorf("it is not parked: %s", out)
	}
	is := w.read("payments.parked")
	if len(is) != 1 || string(is[0].Value) != letter || w.count("payments") != maxRedrives || w.count("payments.dlq") != 0 {
		t.Errorf("%d parked, %d in payments, %d letters", len(is), w.count("payments"), w.count("payments.dlq"))
	}
	w.run(0, "redrive", "payments.parked", "--execute")
	came := w.read("payments")
	if count, _ := came[len(came)-1].Get(countHeader); len(came) != maxRedrives+1 || string(count) != "1" || w.count("payments.parked") != 0 {
		t.Errorf("it does not come out: %d in payments, the last redriven %s times, %d parked", len(came), count, w.count("payments.parked"))
	}
}

func TestOnlyWhatIsSelectedIsRedriven(t *testing.T) {
	envelopeOf := func(kind string) []byte {
		h := message.NewHeader(kind, "test")
		return fmt.Appendf(nil, `{"header":{"messageType":%q,"schemaName":"s","schemaVersion":"1","messageId":%q,"timestamp":"2026-01-02T12:00:00Z","producer":"p"},"body":{}}`, kind, h.MessageID)
	}
	for name, c := range map[string]struct {
		args []string
		want int
	}{
		"all of the group":     {nil, 3},
		"a class":              {[]string{"--class", "invalid"}, 1},
		"a reason":             {[]string{"--reason", "order 99"}, 2},
		"a type":               {[]string{"--type", "PaymentMade"}, 1},
		"a key":                {[]string{"--key", "b"}, 1},
		"since then":           {[]string{"--since", "1h"}, 3},
		"until then":           {[]string{"--until", "1h"}, 0},
		"of all groups":        {[]string{"--any-group"}, 4},
		"at most two":          {[]string{"--max", "2"}, 2},
		"a class and a reason": {[]string{"--class", "handler", "--reason", "order 5"}, 1},
		"the topic's name":     {[]string{"payments"}, 3},
		"the letters' topic":   {[]string{"payments.dlq"}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.send(
				w.letter("shop", message.ClassHandler, "order 17 is unknown", message.Message{Key: []byte("a"), Value: envelopeOf("PaymentMade")}),
				w.letter("shop", message.ClassInvalid, "order 18 is unknown", message.Message{Key: []byte("b"), Value: envelopeOf("PaymentPlanned")}),
				w.letter("shop", message.ClassPanic, "nil", message.Message{Key: []byte("cc"), Value: []byte("?")}),
				w.letter("billing", message.ClassHandler, "no", message.Message{Value: []byte("1")}),
			)
			w.run(0, append([]string{"redrive", "--execute"}, c.args...)...)
			if came, left := w.count("payments"), len(w.letters()); came != c.want || left != 4-c.want {
				t.Errorf("%d were redriven, want %d; %d are left", came, c.want, left)
			}
		})
	}
}

func TestPurgeDeletesOnlyWhatItSays(t *testing.T) {
	w := newWorld(t)
	w.send(
		w.letter("shop", message.ClassHandler, "no", message.Message{Value: []byte("1")}),
		w.letter("shop", message.ClassInvalid, "no", message.Message{Value: []byte("2")}),
		w.letter("billing", message.ClassHandler, "no", message.Message{Value: []byte("3")}),
		&message.Message{Topic: "payments.dlq", Value: []byte("4"), Headers: []message.Field{{Key: "topic_poisoned", Value: []byte("payments")}}},
		&message.Message{Topic: "payments.dlq", Value: []byte("no dead letter")},
	)
	for _, args := range [][]string{{}, {"--execute"}, {"--any-group", "--execute"}, {"--all", "--class", "handler", "--execute"}} {
		if out := w.run(2, append([]string{"purge"}, args...)...); !strings.Contains(out, "--all") {
			t.Errorf("%v: %s", args, out)
		}
	}
	for _, c := range []struct {
		args []string
		want string
		left int
	}{
		{[]string{"--class", "handler"}, "dead letters 5: to be deleted 1, of another group (--any-group takes them) 1, not selected 2, unreadable 1\n", 5},
		{[]string{"--until", "1h", "--execute"}, "dead letters 5: of another group (--any-group takes them) 1, not selected 3, unreadable 1\n", 5},
		{[]string{"--class", "handler", "--execute"}, "dead letters 5: deleted 1, of another group (--any-group takes them) 1, not selected 2, unreadable 1\n", 4},
		{[]string{"--all", "--execute"}, "dead letters 4: deleted 1, stays 1, of another group (--any-group takes them) 1, unreadable 1\n", 3},
		{[]string{"--all", "--any-group", "--execute"}, "dead letters 3: deleted 2, unreadable 1\n", 1},
	} {
		if out := w.run(1, append([]string{"purge"}, c.args...)...); !strings.Contains(out, c.want) { // 1: one cannot be read
			t.Errorf("%v: no %q in\n%s", c.args, c.want, out)
		}
		if n := len(w.letters()); n != c.left {
			t.Errorf("%v: %d letters are left, want %d", c.args, n, c.left)
		}
	}
	if n := w.count("payments"); n > 0 {
		t.Errorf("%d were sent", n)
	}
}

func TestOneLetterIsShownWhole(t *testing.T) {
	w := newWorld(t)
	w.write(message.ClassInvalid, "first", message.Message{Value: []byte("1")})
	w.write(message.ClassHandler, "no\x1b[2J", message.Message{Partition: 1, Key: []byte("k"), Value: []byte("{\"n\":\t1}")})
	out := w.run(0, "show", "payments.dlq@2")
	for _, want := range []string{"payments.dlq@2", "payments/1@2", "handler", "key", `no\u001b[2J`, "{\"n\":\t1}"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	var got struct {
		Topic, At, Class string
		Value            struct{ Text string }
	}
	if err := json.Unmarshal([]byte(w.run(0, "show", "payments@2", "--json")), &got); err != nil || got.Topic != "payments" || got.Value.Text != "{\"n\":\t1}" {
		t.Errorf("%+v, %v", got, err)
	}
	w.run(1, "show", "payments.dlq@3")
	w.run(2, "show", "payments.dlq/0@2@")
}

// TestWhatComesLaterIsNotRead: what fails again would be redriven for ever.
func TestWhatComesLaterIsNotRead(t *testing.T) {
	w := newWorld(t)
	w.fill(3)
	b := w.open("payments.dlq")
	defer b.close()
	w.fill(3)
	n := 0
	err := b.read(t.Context(), "payments.dlq", 0, func(message.Message) error { n++; return nil })
	if err != nil || n != 3 {
		t.Errorf("%d were read, want 3: %v", n, err)
	}
}

// TestTwoRedrivesDoNotWaitForEachOther: what one has taken is not waited for by the other.
func TestTwoRedrivesDoNotWaitForEachOther(t *testing.T) {
	w := newWorld(t)
	w.fill(30)
	b := w.open("payments.dlq")
	defer b.close()
	w.run(0, "purge", "--all", "--execute")
	n := 0
	err := b.read(t.Context(), "payments.dlq", 0, func(message.Message) error { n++; return nil })
	if err != nil || n != 0 {
		t.Errorf("%d were read: %v", n, err)
	}
}

// TestLettersOfAKeyKeepTheirOrder: however many are on their way at once.
func TestLettersOfAKeyKeepTheirOrder(t *testing.T) {
	w := newWorld(t)
	var letters []*message.Message
	for i := range 300 {
		letters = append(letters, w.letter("shop", message.ClassHandler, "no", message.Message{Key: []byte{byte(i % 5)}, Value: strconv.AppendInt(nil, int64(i), 10)}))
	}
	w.send(letters...)
	w.run(0, "redrive", "--execute")
	last := make(map[string]int)
	for _, m := range w.read("payments") {
		n, err := strconv.Atoi(string(m.Value))
		if before, ok := last[string(m.Key)]; err != nil || ok && n < before {
			t.Fatalf("key %x: %d comes after %d: %v", m.Key, n, before, err)
		}
		last[string(m.Key)] = n
	}
	if len(last) != 5 {
		t.Errorf("%d keys came", len(last))
	}
}

func TestWhatIsNotThereIsNamed(t *testing.T) {
	w := newWorld(t)
	for _, args := range []string{"ls payment", "redrive payment --execute", "purge payments payment --all"} {
		if out := w.run(1, strings.Fields(args)...); !strings.Contains(out, `there is no topic "payment": the service's are payments.dlq`) {
			t.Errorf("%s: %s", args, out)
		}
	}
	w.remove("payments.dlq")
	w.run(0, "ls", "payments")
}

func TestWithoutABrokerItsAddressIsNamed(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := Command(t.Context(), []Consumer{consumerOf("127.0.0.1:1", "shop", "payments")}, nil, []string{"ls"}, &stdout, &stderr)
	if code != 1 || !strings.Contains(stderr.String(), "127.0.0.1:1") || !strings.Contains(stderr.String(), "no connection to") {
		t.Errorf("%d, %s", code, &stderr)
	}
}

func TestHelpSaysHowAPlaceIsWritten(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := Command(t.Context(), nil, nil, []string{"help"}, &stdout, &stderr); code != 0 || !strings.Contains(stdout.String(), "dlq show TOPIC@NUMBER") {
		t.Errorf("%d, %s%s", code, &stdout, &stderr)
	}
}
