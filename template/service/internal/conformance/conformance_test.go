package conformance_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func TestTheServiceHandlesEachMessageInTheOrderOfItsKey(t *testing.T) {
	w := newWorld(t)
	s := w.start()
	w.sendMany(1000, "")
	w.expectAll()
	s.stop()
	if n := len(w.handled()); n != 1000 {
		t.Errorf("%d handled, and nothing went wrong: want 1000", n)
	}
}

func TestTheRetryOfAMessageHoldsItsKeyOnly(t *testing.T) {
	w := newWorld(t)
	s := w.start()
	w.send("waits", "retry", "", "")
	s.awaitReady(http.StatusOK)
	for range 20 {
		w.send("other", "")
	}
	w.expectAll()
	all := w.handled()
	first := slices.IndexFunc(all, func(l line) bool { return l.key == "waits" })
	if isOrdered && (all[first].n != 0 || all[first].attempt != 3) {
		t.Errorf("the first of the key that waits is %+v, want number 0 at attempt 3", all[first])
	}
}

func TestTheSlowKeyHoldsUpNoOther(t *testing.T) {
	w := newWorld(t)
	w.start("MAX_WORKERS", "4").awaitReady(http.StatusOK)
	w.send("slow", slices.Repeat([]string{"slow"}, 20)...)
	w.sendMany(400, "")
	w.expectAll()
	all := w.handled()
	quick := 0
	for _, l := range all[:len(all)*3/4] {
		if l.key != "slow" {
			quick++
		}
	}
	if quick < 300-10 {
		t.Errorf("of the first %d handled %d are quick ones", len(all)*3/4, quick)
	}
}

// A dead letter has the message byte for byte, and is there before the message is done.
func TestTheDeadLetterHasTheMessageByteForByte(t *testing.T) {
	w := newWorld(t)
	values := [][]byte{[]byte("no JSON \x00\xff"), []byte(`{"header": {"a":1 }}`), {}, nil}
	var sent []*message.Message
	for i, v := range values {
		sent = append(sent, &message.Message{Topic: "items" + w.suffix, Key: []byte{0, byte(i), 0xff}, Value: v, Headers: []message.Field{{Key: "tenant", Value: []byte("a b")}}})
	}
	if err := embedded.Send(t.Context(), w.broker, sent...); err != nil {
		t.Fatal(err)
	}
	w.send("k", "never", "")
	s := w.start()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	letters, err := embedded.Read(ctx, w.broker, deadletter.Topic("items"+w.suffix), len(values)+1)
	if err != nil || len(letters) != len(values)+1 {
		t.Fatalf("%d dead letters, want %d: %v", len(letters), len(values)+1, err)
	}
	s.kill()
	for i, m := range sent {
		at := slices.IndexFunc(letters, func(l *message.Message) bool { return bytes.Equal(l.Key, m.Key) })
		if at < 0 {
			t.Errorf("no dead letter has the key %q", m.Key)
			continue
		}
		got := original(t, letters[at])
		if tenant, _ := letters[at].Get("tenant"); !bytes.Equal(got, m.Value) || (got == nil) != (m.Value == nil) || string(tenant) != "a b" {
			t.Errorf("message %d: the dead letter has %q, tenant %q; want %q", i, got, tenant, m.Value)
		}
	}
}

// original returns the message that a dead letter has.
func original(t *testing.T, letter *message.Message) []byte {
	t.Helper()
	var value struct {
		Original json.RawMessage `json:"original_message"`
	}
	if err := json.Unmarshal(letter.Value, &value); err != nil {
		t.Fatalf("%q: %v", letter.Value, err)
	}
	switch encoding, _ := letter.Get(deadletter.Prefix + "encoding"); string(encoding) {
	case deadletter.EncodingNull:
		return nil
	case deadletter.EncodingBase64:
		var text string
		_ = json.Unmarshal(value.Original, &text) // the comparison says so
		decoded, _ := base64.StdEncoding.DecodeString(text)
		return append([]byte{}, decoded...)
	}
	return value.Original
}

func TestTheKilledServiceLosesNothing(t *testing.T) {
	w := newWorld(t)
	for range rounds() {
		w.sendMany(100, "")
		s := w.start()
		s.awaitReady(http.StatusOK)
		time.Sleep(rand.N(100 * time.Millisecond))
		s.kill()
	}
	w.start()
	w.expectAll()
}

// A service that is stopped lets what runs finish and gives back the rest. What it has
// done comes again only where a log has a message before it that was not: as many may run.
func TestTheStoppedServiceDrains(t *testing.T) {
	w := newWorld(t)
	const workers = 4
	s := w.start("MAX_WORKERS", strconv.Itoa(workers))
	w.sendMany(60, "slow")
	await(t, "some are handled", func() bool { return len(w.handled()) > 4 })
	if took := s.stop(); took > 5*time.Second {
		t.Errorf("the drain took %v, and may take 5 s", took)
	}
	before := len(w.handled())
	s = w.start("MAX_WORKERS", "30")
	w.expectAll()
	s.stop()
	if n := len(w.handled()); n >= 60+workers {
		t.Errorf("%d handled, %d of them by the first run; want 60 in all, and few twice", n, before)
	}
}

func TestTheCutConnectionLosesNothing(t *testing.T) {
	w := newWorld(t)
	w.needsLine()
	w.start().awaitReady(http.StatusOK)
	for range rounds() {
		w.sendMany(100, "")
		time.Sleep(rand.N(50 * time.Millisecond))
		w.line.cut()
	}
	w.expectAll()
}

// Readiness says it when the broker is away, at the start and in the middle, and the
// service goes on by itself.
func TestTheBrokerMayBeAway(t *testing.T) {
	w := newWorld(t)
	w.needsLine()
	w.line.setAway(true)
	w.sendMany(50, "")
	s := w.start()
	s.awaitReady(http.StatusServiceUnavailable)
	time.Sleep(time.Duration(rounds()) * time.Second) // the outage
	w.line.setAway(false)
	s.awaitReady(http.StatusOK)
	w.line.setAway(true)
	w.sendMany(50, "")
	s.awaitReady(http.StatusServiceUnavailable)
	time.Sleep(time.Duration(rounds()) * time.Second) // the outage
	w.line.setAway(false)
	s.awaitReady(http.StatusOK)
	w.expectAll()
}

// What handlers publish is there, in the order of its key, whatever happens to the line.
func TestTheServicePublishesInOrder(t *testing.T) {
	w := newWorld(t)
	s := w.start()
	s.awaitReady(http.StatusOK)
	w.sendMany(400, "publish")
	for range rounds() {
		time.Sleep(rand.N(30 * time.Millisecond))
		if w.line != nil {
			w.line.cut()
		}
	}
	w.expectAll()
	s.stop()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var all []line
	seen := map[line]bool{}
	for n := 400; len(seen) < 400 && ctx.Err() == nil; n++ { // some may be there twice
		published, err := embedded.Read(ctx, w.broker, "made"+w.suffix, n)
		if err != nil {
			t.Fatal(err)
		}
		all = nil // two readings may have the partitions in another order
		for _, m := range published {
			var value struct{ Body item }
			if err := json.Unmarshal(m.Value, &value); err != nil || value.Body.Key != string(m.Key) {
				t.Fatalf("%q: %v", m.Value, err)
			}
			all = append(all, line{key: value.Body.Key, n: value.Body.N})
			seen[all[len(all)-1]] = true
		}
	}
	if wrong := disorder(all); wrong > 0 || len(seen) != 400 {
		t.Errorf("%d events of 400, out of order %d", len(seen), wrong)
	}
}
