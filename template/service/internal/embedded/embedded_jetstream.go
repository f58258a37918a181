//go:build jetstream

// Package embedded is a NATS server with JetStream inside this process, for
// `make dev` and for tests. It keeps nothing.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	client "github.com/nats-io/nats.go"
	nats "github.com/nats-io/nats.go/jetstream"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/jetstream"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// What those who start the broker know of it.
const (
	Port       = 4222       // where clients look for NATS by default
	Address    = "NATS_URL" // the setting that says where the broker is
	Partitions = 6          // of each topic that CreateTopics creates
)

const (
	startTimeout = 10 * time.Second
	retryDelay   = 100 * time.Millisecond
)

// Start starts a broker on loopback, on the port, or on another when that is
// taken; port 0 is any. It returns its URL and what ends the broker.
func Start(port int) (broker string, stop func(), err error) {
	if port == 0 {
		port = server.RANDOM_PORT
	}
	if broker, stop, err = start(port); err != nil {
		broker, stop, err = start(server.RANDOM_PORT)
	}
	if err != nil {
		return "", nil, fmt.Errorf("starting the embedded NATS: %w", err)
	}
	return broker, stop, nil
}

func start(port int) (broker string, stop func(), err error) {
	dir, err := os.MkdirTemp("", "jetstream-")
	if err != nil {
		return "", nil, err
	}
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	go s.Start()
	stop = func() {
		s.Shutdown()
		s.WaitForShutdown()
		_ = os.RemoveAll(dir) // it is temporary
	}
	if !s.ReadyForConnections(startTimeout) {
		stop()
		return "", nil, fmt.Errorf("it does not listen on port %d", port)
	}
	return s.ClientURL(), stop, nil
}

// Settings lead a service of the group to a broker without encryption or a password,
// whatever other settings say of its own, and keep nobody waiting.
func Settings(broker, group string) map[string]string {
	if broker != "" && !strings.Contains(broker, "://") {
		broker = "nats://" + broker
	}
	all := map[string]string{
		Address: broker, "JETSTREAM_GROUP": group, "JETSTREAM_DELIVER": "all", "JETSTREAM_REPLICAS": "1", "JETSTREAM_ACK_WAIT": "10s",
		"COMMIT_INTERVAL": "50ms", "OPS_ADDR": "127.0.0.1:0", "LOG_LEVEL": "warn",
	}
	for _, unused := range []string{"USER", "PASSWORD", "TOKEN", "CREDENTIALS", "CA", "CERT", "KEY"} {
		all["NATS_"+unused] = ""
	}
	return all
}

// CreateTopics creates topics at the broker, which may be any. Those that exist
// stay as they are.
func CreateTopics(ctx context.Context, broker string, topics ...string) error {
	js, err := connect(broker)
	if err != nil {
		return err
	}
	defer js.Conn().Close()
	for _, topic := range topics {
		if _, _, err := jetstream.EnsureStream(ctx, js, own(broker), topic, true); err != nil {
			return fmt.Errorf("creating topic %s: %w", topic, err)
		}
	}
	return nil
}

// Send sends messages in their order, and notes in each where it landed.
func Send(ctx context.Context, broker string, messages ...*message.Message) error {
	p := jetstream.NewPublisher(own(broker), "embedded", message.NewRegistry(envelope.JSON{}, envelope.NewRules()), slog.New(slog.DiscardHandler))
	defer func() { _ = p.Close(0) }() // nothing is on its way
	for _, m := range messages {
		if err := p.Send(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// Read returns the first n messages of a topic, or fewer when ctx ends before.
func Read(ctx context.Context, broker, topic string, n int) (all []*message.Message, err error) {
	js, err := connect(broker)
	if err != nil {
		return nil, err
	}
	defer js.Conn().Close()
	stream, layout, err := jetstream.EnsureStream(ctx, js, own(broker), topic, true)
	if err != nil {
		return nil, err
	}
	reader, err := stream.OrderedConsumer(ctx, nats.OrderedConsumerConfig{})
	if err != nil {
		return nil, err
	}
	messages, err := reader.Messages()
	if err != nil {
		return nil, err
	}
	defer messages.Stop()
	for len(all) < n {
		next, err := messages.Next(nats.NextContext(ctx))
		if err != nil {
			return all, nil // ctx has ended
		}
		meta, err := next.Metadata()
		if err != nil {
			return all, err
		}
		m := jetstream.NewMessage(layout, next, meta)
		all = append(all, &m)
	}
	return all, nil
}

func connect(broker string) (nats.JetStream, error) {
	conn, err := client.Connect(broker)
	if err != nil {
		return nil, fmt.Errorf("NATS at %s: %w", broker, err)
	}
	return nats.New(conn)
}

// own are the settings of this package's own connections.
func own(broker string) config.JetStream {
	return config.JetStream{
		URLs: []string{broker}, Client: "embedded", Partitions: Partitions, Replicas: 1,
		Publish: config.Publish{PublishRetryPolicy: "fixed", PublishRetryDelay: retryDelay, PublishRetryMaxDelay: retryDelay},
	}
}
