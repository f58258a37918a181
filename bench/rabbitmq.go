package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/bench/payload"
)

// rabbitmq compares the service's source with bare amqp091-go and with watermill, on one
// quorum queue. It is made anew for each run, as the service would make it.
func (b *bench) rabbitmq(ctx context.Context) error {
	service, err := b.buildSource(ctx, "rabbitmq")
	if err != nil {
		return err
	}
	url, stop, err := startRabbitMQ(ctx, b.dir)
	if err != nil {
		return err
	}
	defer stop()
	conn, err := amqp.Dial(url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	t := newSourceTable("RabbitMQ")
	for _, of := range []struct {
		handler  string
		messages int
		env      []string
		others   bool
	}{{"trivial", trivially, nil, true}, {"5 ms, 100 at once", slowly, slow, false}} {
		with := func(name, binary string, env ...string) job {
			return job{name: name, topic: "bench", messages: of.messages, binary: binary,
				env: slices.Concat(of.env, env, []string{"RABBITMQ_URL=" + url, "SERVICE_NAME=bench", "MAX_POLL_RECORDS=1000"})} // the prefetch, which is the service's anyway
		}
		sides := []side{
			{of.handler + ": bare amqp091-go", with("rabbitmq", "")},
			{of.handler + ": **forge**, order by key", with(inOrder, service)},
			{of.handler + ": **forge**, `ORDERING=none`", with("forge-rabbitmq-none", service, "ORDERING=none")},
		}
		if of.others {
			sides = append(sides, side{of.handler + ": watermill, encoding/json", with("watermill-rabbitmq", "")})
		}
		fill := func(ctx context.Context, j job) error {
			return onChannel(conn, func(ch *amqp.Channel) error { return fillQueue(ctx, ch, j) })
		}
		if err := b.beside(ctx, t, sides, fill, func(ctx context.Context, j job) error {
			return onChannel(conn, func(ch *amqp.Channel) error {
				left, err := leftInQueue(ctx, ch, j)
				if left > 0 && j.name != "watermill-rabbitmq" { // which leaves a slow queue before that has taken its acknowledgements
					err = errors.Join(err, fmt.Errorf("%d messages are not acknowledged", left))
				}
				return err
			})
		}); err != nil {
			return err
		}
	}
	return b.publish("rabbitmq", t.String()+b.weather())
}

const inOrder = "forge-rabbitmq"

// startRabbitMQ returns the URL of a broker and what ends it: that of RABBITMQ_URL, or of
// a broker of its own by the script BENCH_RABBITMQ_SH.
func startRabbitMQ(ctx context.Context, dir string) (url string, stop func(), err error) {
	if given := os.Getenv("RABBITMQ_URL"); given != "" {
		return given, func() {}, nil
	}
	script := os.Getenv("BENCH_RABBITMQ_SH")
	if script == "" {
		return "", nil, errors.New("set RABBITMQ_URL to a broker's, or BENCH_RABBITMQ_SH to a script that starts one")
	}
	run := func(ctx context.Context, verb string, more ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "bash", append([]string{script, verb, filepath.Join(dir, "rabbitmq-broker")}, more...)...) //nolint:gosec // given by who runs it
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), err
	}
	stop = func() { _, _ = run(context.WithoutCancel(ctx), "stop") }
	if url, err = run(ctx, "start", "29672"); err != nil {
		stop()
		return "", nil, fmt.Errorf("start a broker by %s: %w", script, err)
	}
	return url, stop, nil
}

// onChannel calls f with a channel of its own.
func onChannel(conn *amqp.Connection, f func(*amqp.Channel) error) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	err = f(ch)
	_ = ch.Close() // which is closed already after some errors
	return err
}

// fillQueue makes the job's queue anew and fills it. All is confirmed when it returns.
func fillQueue(ctx context.Context, ch *amqp.Channel, j job) error {
	if _, err := ch.QueueDelete(j.topic, false, false, false); err != nil {
		return err
	}
	arguments := amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": 1_000_000_000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": j.topic + ".dlq",
		"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}
	if j.name == inOrder {
		arguments["x-single-active-consumer"] = true
	}
	if _, err := ch.QueueDeclare(j.topic, true, false, false, false, arguments); err != nil {
		return err
	}
	if err := ch.Confirm(false); err != nil {
		return err
	}
	source := payload.NewSource(seed, 1_000)
	for sent := 0; sent < j.messages; {
		var open []*amqp.DeferredConfirmation
		for ; len(open) < 2_000 && sent < j.messages; sent++ {
			key, value := source.Next()
			confirmation, err := ch.PublishWithDeferredConfirm("", j.topic, true, false,
				amqp.Publishing{DeliveryMode: amqp.Persistent, Headers: amqp.Table{"forge-key": string(key)}, Body: value})
			if err != nil {
				return err
			}
			open = append(open, confirmation)
		}
		for _, confirmation := range open {
			if ok, err := confirmation.WaitContext(ctx); err != nil || !ok {
				return errors.Join(err, errors.New("the broker did not take a message"))
			}
		}
	}
	return nil
}

// leftInQueue returns how many messages the job has left in its queue.
func leftInQueue(ctx context.Context, ch *amqp.Channel, j job) (int, error) {
	for ctx.Err() == nil {
		q, err := ch.QueueDeclarePassive(j.topic, true, false, false, false, nil)
		if err != nil || q.Consumers == 0 { // with its consumer comes back what was not acknowledged
			return q.Messages, err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return 0, ctx.Err()
}
