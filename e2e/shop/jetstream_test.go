package shop

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// partitions of a topic, as the service makes them.
const partitions = 6

// natsServer is a NATS server with JetStream.
type natsServer struct {
	t   *testing.T
	url string
	js  jetstream.JetStream
}

func newJetStream(t *testing.T) broker {
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
	return &natsServer{t: t, url: s.ClientURL(), js: js}
}

func (s *natsServer) address() string {
	u, err := url.Parse(s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	return u.Host
}

func (s *natsServer) send(first, end int) {
	s.t.Helper()
	for m := range toSend(first, end) {
		h := fnv.New32a()
		_, _ = h.Write([]byte(m.key))
		message := nats.NewMsg(fmt.Sprintf("%s.%d", m.topic, h.Sum32()%partitions))
		message.Header.Set("Forge-Key", url.QueryEscape(m.key))
		message.Data = m.value
		if _, err := s.js.PublishMsg(s.t.Context(), message); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *natsServer) awaitDone(groups ...string) {
	s.t.Helper()
	await(s.t, func() (bool, string) {
		durables := 0
		for name := range s.js.StreamNames(s.t.Context()).Name() {
			for info := range s.stream(name).ListConsumers(s.t.Context()).Info() {
				if n := int(info.NumPending) + info.NumAckPending; n != 0 {
					return false, fmt.Sprintf("%s of %s is %d behind", info.Name, name, n)
				}
				durables++
			}
		}
		return durables >= len(groups), fmt.Sprint(durables, " durable consumers")
	})
}

func (s *natsServer) stream(name string) jetstream.Stream {
	s.t.Helper()
	stream, err := s.js.Stream(s.t.Context(), name)
	if err != nil {
		s.t.Fatal(err)
	}
	return stream
}

func (s *natsServer) deadLetters() (n int64) {
	s.t.Helper()
	for _, name := range []string{"orders_dlq", "payments_dlq", "order-accepted_dlq"} {
		n += int64(s.stream(name).CachedInfo().State.Msgs)
	}
	return n
}

func (s *natsServer) accepted() []string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	stream := s.stream("order-accepted")
	reader, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		s.t.Fatal(err)
	}
	all, err := reader.Messages()
	if err != nil {
		s.t.Fatal(err)
	}
	defer all.Stop()
	var ids []string
	for range stream.CachedInfo().State.Msgs {
		m, err := all.Next(jetstream.NextContext(ctx))
		if err != nil {
			s.t.Fatal(err)
		}
		ids = append(ids, messageID(s.t, m.Data()))
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
