package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ouroboros-forge/forge/bench/payload"
)

// jetstream compares the service's source with bare nats.go and with watermill, on a
// server in this process, which keeps its messages in files.
func (b *bench) jetstream(ctx context.Context) error {
	service, err := b.buildSource(ctx, "jetstream")
	if err != nil {
		return err
	}
	url, stop, err := startNATS()
	if err != nil {
		return err
	}
	defer stop()
	conn, err := nats.Connect(url)
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	t := newSourceTable("JetStream")
	for _, of := range []struct {
		handler  string
		messages int
		env      []string
		others   bool
	}{{"trivial", trivially, nil, true}, {"5 ms, 100 at once", slowly, slow, false}} {
		topic := fmt.Sprintf("bench-%d", of.messages)
		if err := fillStream(ctx, js, topic, of.messages); err != nil {
			return fmt.Errorf("fill stream %s: %w", topic, err)
		}
		with := func(name, binary string, env ...string) job {
			return job{name: name, topic: topic, messages: of.messages, binary: binary, env: slices.Concat(of.env, env, []string{"NATS_URL=" + url})}
		}
		sides := []side{
			{of.handler + ": bare nats.go", with("jetstream", "")},
			{of.handler + ": bare nats.go, a consumer for each partition", with("jetstream-6", "")},
			{of.handler + ": **forge**, order by key", with("forge-jetstream", service)},
			{of.handler + ": **forge**, `ORDERING=none`", with("forge-jetstream-none", service, "ORDERING=none")},
		}
		if of.others {
			sides = append(sides, side{of.handler + ": watermill, encoding/json", with("watermill-jetstream", "")})
		}
		nothing := func(context.Context, job) error { return nil }
		if err := b.beside(ctx, t, sides, nothing, func(ctx context.Context, j job) error {
			left, err := settled(ctx, js, j.topic)
			if left > 0 && j.name != "watermill-jetstream" { // which ends without a word about what it has just handled
				err = errors.Join(err, fmt.Errorf("%d messages are not acknowledged", left))
			}
			return err
		}); err != nil {
			return err
		}
	}
	return b.publish("jetstream", t.String()+b.weather())
}

// startNATS returns the URL of a server, and what ends it.
func startNATS() (url string, stop func(), err error) {
	dir, err := os.MkdirTemp("", "bench-nats-")
	if err != nil {
		return "", nil, err
	}
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	go s.Start()
	stop = func() {
		s.Shutdown()
		s.WaitForShutdown()
		_ = os.RemoveAll(dir) // it is temporary
	}
	if !s.ReadyForConnections(10 * time.Second) {
		stop()
		return "", nil, errors.New("the NATS server does not listen")
	}
	return s.ClientURL(), stop, nil
}

// fillStream makes a topic's stream as the service does, with a subject for each
// partition, and its messages.
func fillStream(ctx context.Context, js jetstream.JetStream, topic string, messages int) error {
	cfg := jetstream.StreamConfig{Name: topic}
	for p := range sourcePartitions {
		cfg.Subjects = append(cfg.Subjects, fmt.Sprintf("%s.%d", topic, p))
	}
	if _, err := js.CreateStream(ctx, cfg); err != nil {
		return err
	}
	source := payload.NewSource(seed, 1_000)
	for range messages {
		key, value := source.Next()
		h := fnv.New32a()
		_, _ = h.Write(key)
		msg := &nats.Msg{Subject: cfg.Subjects[h.Sum32()%sourcePartitions], Data: value, Header: nats.Header{"Forge-Key": {string(key)}}}
		if _, err := js.PublishMsgAsync(msg, jetstream.WithStallWait(time.Minute)); err != nil {
			return err
		}
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-ctx.Done():
		return ctx.Err()
	}
	s, err := js.Stream(ctx, topic)
	if err == nil && s.CachedInfo().State.Msgs != uint64(messages) {
		err = fmt.Errorf("it has %d messages of %d", s.CachedInfo().State.Msgs, messages)
	}
	return err
}

// settled returns how many messages of a stream are not acknowledged, and forgets who
// consumed it.
func settled(ctx context.Context, js jetstream.JetStream, stream string) (left int, err error) {
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return 0, err
	}
	consumers := s.ListConsumers(ctx)
	var names []string
	for c := range consumers.Info() {
		left += int(c.NumPending) + c.NumAckPending
		names = append(names, c.Name)
	}
	err = consumers.Err()
	for _, name := range names {
		err = errors.Join(err, s.DeleteConsumer(ctx, name))
	}
	if len(names) == 0 {
		err = errors.Join(err, errors.New("nobody consumed"))
	}
	return left, err
}
