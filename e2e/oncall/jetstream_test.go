package oncall

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// streams are those of a NATS server with JetStream.
type streams struct {
	t   *testing.T
	url string
	js  jetstream.JetStream
}

func newStreams(t *testing.T) queues {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS does not start")
	}
	conn, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return &streams{t: t, url: s.ClientURL(), js: js}
}

func (s *streams) settings() []string {
	return []string{"NATS_URL=" + s.url, "JETSTREAM_GROUP=shop", "JETSTREAM_DELIVER=all"}
}

func (s *streams) send(all []sent) {
	s.t.Helper()
	for i, m := range all {
		partition := uint32(i % 6)
		out := nats.NewMsg("")
		if m.key != nil {
			h := fnv.New32a()
			_, _ = h.Write(m.key)
			partition = h.Sum32() % 6
			out.Header.Set("Forge-Key", url.QueryEscape(string(m.key)))
		}
		out.Subject, out.Data = fmt.Sprintf("orders.%d", partition), m.value
		out.Header["n"] = []string{m.number}
		if _, err := s.js.PublishMsg(s.t.Context(), out); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *streams) waiting(topic string) int {
	s.t.Helper()
	stream, err := s.js.Stream(s.t.Context(), strings.ReplaceAll(topic, ".", "_"))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return int(stream.CachedInfo().State.Msgs)
}

func (s *streams) redriven() (all []sent) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	reader, err := s.js.OrderedConsumer(ctx, "orders", jetstream.OrderedConsumerConfig{})
	if err != nil {
		s.t.Fatal(err)
	}
	messages, err := reader.Messages()
	if err != nil {
		s.t.Fatal(err)
	}
	defer messages.Stop()
	for range s.waiting("orders") {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			s.t.Fatal(err)
		}
		h := m.Headers()
		if len(h["forge-redrive-group"]) == 0 || h["forge-redrive-group"][0] != "shop" {
			continue
		}
		got := sent{value: m.Data(), number: strings.Join(h["n"], ",")}
		if escaped, ok := h["Forge-Key"]; ok {
			key, err := url.QueryUnescape(escaped[0])
			if err != nil {
				s.t.Fatal(err)
			}
			got.key = []byte(key)
		}
		all = append(all, got)
	}
	return all
}
