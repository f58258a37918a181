package contender

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/bench/meter"
)

// bySaramaAsync publishes values of 1,024 bytes by sarama's AsyncProducer as its
// examples have it: no callback, one loop that writes and one that reads the
// answers.
func bySaramaAsync(adjust func(*sarama.Config), value func(key string) sarama.Encoder) contender {
	return func(ctx context.Context, s settings, m *meter.Meter) error {
		messages, err := strconv.Atoi(os.Getenv("BENCH_MESSAGES"))
		if err != nil {
			return err
		}
		c := sarama.NewConfig()
		c.Version = sarama.V2_8_0_0
		c.Producer.Return.Successes = true
		adjust(c)
		p, err := sarama.NewAsyncProducer(s.brokers, c)
		if err != nil {
			return err
		}
		go func() {
			for i := range messages {
				key := fmt.Sprintf("payment-%04d", i*7919%1000)
				p.Input() <- &sarama.ProducerMessage{Topic: s.topic, Key: sarama.StringEncoder(key), Value: value(key)}
			}
		}()
		for {
			select {
			case msg := <-p.Successes():
				m.Handle(msg.Partition, nil)
			case failed := <-p.Errors():
				return failed
			case <-ctx.Done(): // the meter has seen all
				return p.Close()
			}
		}
	}
}

// byFranzAsync publishes the same by franz-go, not compressed either: its default is
// idempotent, and acknowledged by all replicas.
func byFranzAsync(ctx context.Context, s settings, m *meter.Meter) error {
	messages, err := strconv.Atoi(os.Getenv("BENCH_MESSAGES"))
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		return err
	}
	defer client.Close()
	failed := make(chan error, 1)
	for i := range messages {
		r := &kgo.Record{Topic: s.topic, Key: fmt.Appendf(nil, "payment-%04d", i*7919%1000), Value: made}
		client.Produce(ctx, r, func(r *kgo.Record, err error) {
			if err == nil {
				m.Handle(r.Partition, nil)
				return
			}
			select {
			case failed <- err:
			default:
			}
		})
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done(): // the meter has seen all
		return nil
	}
}

var made = sarama.ByteEncoder(bytes.Repeat([]byte("n"), 1024))

// beforehand has the bytes already.
func beforehand(string) sarama.Encoder { return made }

// envelope makes them for each event, as most would, by encoding/json.
func envelope(key string) sarama.Encoder {
	type header struct {
		MessageType   string    `json:"messageType"`
		SchemaName    string    `json:"schemaName"`
		SchemaVersion string    `json:"schemaVersion"`
		MessageID     string    `json:"messageId"`
		Timestamp     time.Time `json:"timestamp"`
		Producer      string    `json:"producer"`
	}
	type body struct {
		ID     string  `json:"id"`
		Amount float64 `json:"amount"`
		Note   string  `json:"note"`
	}
	value, err := json.Marshal(struct {
		Header header `json:"header"`
		Body   body   `json:"body"`
	}{
		header{"PaymentReceived", "PaymentReceived", "1", uuid.NewString(), time.Now().UTC(), "bench"},
		body{key, 12.5, note},
	})
	if err != nil {
		panic(err)
	}
	return sarama.ByteEncoder(value)
}

var note = strings.Repeat("n", 738) // for 1,024 bytes in all, or two less

// bare leaves sarama's defaults: a leader's acknowledgement is enough, and a
// retry may write a message twice.
func bare(*sarama.Config) {}

// safe promises what the service's publisher does, as far as sarama can.
func safe(c *sarama.Config) {
	c.Producer.Idempotent = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Net.MaxOpenRequests = 1
	c.Producer.Retry.Max = 10
	c.Producer.Partitioner = sarama.NewMurmur2Partitioner
}
