package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	letters     = 100_000
	franzPlain  = "franz-publish"
	redriveName = "forge-redrive"
)

// redriving is how quickly dead letters of messages of 1 KiB are sent back, beside
// publishers that have the bytes already.
func (b *bench) redriving(ctx context.Context) error {
	service, _, err := buildService(ctx, filepath.Join(b.dir, "dlq"), "--with", "dlq")
	if err != nil {
		return err
	}
	if err := b.awaitCoordinator(ctx); err != nil {
		return err
	}
	rounds := map[string][]figures{}
	for range b.rounds {
		for _, name := range []string{oursPublishMade, franzPlain, redriveName} {
			topic := b.newName("bench-redrive")
			if err := b.fresh(ctx, topic, 6); err != nil {
				return err
			}
			var f figures
			if name == redriveName {
				f, err = b.redrive(ctx, service, topic)
			} else {
				f, err = b.run(ctx, job{name: name, topic: topic, messages: letters, env: []string{"BENCH_CODEC=none"}})
			}
			if err != nil {
				return err
			}
			rounds[name] = append(rounds[name], f)
			b.drop(ctx, topic)
		}
	}
	t := newTable("100,000 messages of 1 KiB", "messages/s", "to the service's publisher", "in each round", "to franz-go", "in each round", "CPU us/message")
	for _, of := range []struct{ title, name string }{
		{"the service's publisher, bytes made beforehand", oursPublishMade},
		{"franz-go's producer, bytes made beforehand", franzPlain},
		{"`dlq redrive --execute`, from its start to its end", redriveName},
	} {
		these := rounds[of.name]
		cells := []string{of.title, thousands(median(these).rate)}
		for _, other := range []string{oursPublishMade, franzPlain} {
			low, high := spread(these, rounds[other])
			cells = append(cells, fmt.Sprintf("%.2f", median(these).rate/median(rounds[other]).rate), fmt.Sprintf("%.2f to %.2f", low, high))
		}
		t.add(append(cells, fmt.Sprintf("%.1f", median(these).cpu))...)
	}
	return b.publish("redrive", t.String()+b.weather())
}

// redrive makes dead letters of a topic and runs the command that sends them back.
func (b *bench) redrive(ctx context.Context, service, topic string) (figures, error) {
	if err := b.makeLetters(ctx, topic); err != nil {
		return figures{}, err
	}
	cmd := exec.CommandContext(ctx, service, "dlq", "redrive", "--execute")
	cmd.Env = append(os.Environ(), "KAFKA_BOOTSTRAP_SERVERS="+strings.Join(b.brokers, ","), "KAFKA_GROUP_ID="+topic, "GOGC=200", "BENCH_TOPIC="+topic)
	cmd.Dir = b.dir // where there is no .env
	began := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(began)
	if err != nil {
		return figures{}, fmt.Errorf("redrive: %w\n%s", err, out)
	}
	ends, err := b.admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return figures{}, err
	}
	there := int64(0)
	for _, end := range ends.Offsets()[topic] {
		there += end.At
	}
	if there != letters {
		return figures{}, fmt.Errorf("%d messages came back of %d\n%s", there, letters, out)
	}
	state := cmd.ProcessState
	f := figures{rate: letters / took.Seconds(), cpu: float64((state.UserTime() + state.SystemTime()).Microseconds()) / letters}
	b.logf("  %-24s %9.0f/s %6.2f us", redriveName, f.rate, f.cpu)
	return f, nil
}

// awaitCoordinator returns once groups have a coordinator: a broker that never had a
// group makes the topic for their offsets when it is asked for the first.
func (b *bench) awaitCoordinator(ctx context.Context) (err error) {
	for range 50 {
		if _, err = b.admin.FetchOffsets(ctx, "bench"); err == nil || errors.Is(err, kerr.GroupIDNotFound) {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("ask for the coordinator: %w", err)
}

// makeLetters writes dead letters as the service does.
func (b *bench) makeLetters(ctx context.Context, topic string) error {
	const partitions = 6
	if err := b.fresh(ctx, topic+".dlq", partitions); err != nil {
		return err
	}
	original := `{"note":"` + strings.Repeat("n", 1013) + `"}`
	now := time.Now().UTC().Format(time.RFC3339Nano)
	value := []byte(`{"original_message":` + original + `,"error":{"timestamp":"` + now + `","reason":"the amount is over the limit"}}`)
	var errs []error
	for i := range letters {
		r := &kgo.Record{Topic: topic + ".dlq", Key: fmt.Appendf(nil, "payment-%04d", i*7919%1000), Value: value}
		for _, h := range [][2]string{
			{"topic", topic},
			{"partition", strconv.Itoa(i * 7919 % 1000 % partitions)},
			{"offset", strconv.Itoa(i)},
			{"timestamp", now},
			{"group", topic},
			{"attempts", "1"},
			{"class", "handler"},
			{"reason", "the amount is over the limit"},
			{"failed-at", now},
			{"encoding", "json"},
		} {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: "forge-dlq-" + h[0], Value: []byte(h[1])})
		}
		b.client.Produce(ctx, r, func(_ *kgo.Record, err error) {
			if err != nil {
				errs = append(errs, err)
			}
		})
	}
	err := b.client.Flush(ctx)
	return errors.Join(append(errs, err)...)
}
