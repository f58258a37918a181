package jetstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
)

// Connect returns a connection for a command, which a person waits for: it fails if there
// is no server now. Whoever has it closes it.
func Connect(ctx context.Context, cfg config.JetStream) (jetstream.JetStream, error) {
	log := slog.New(slog.DiscardHandler)
	h := ops.NewHealth(log, "", "")
	js, err := connect(cfg, h, log)
	if err != nil {
		return nil, err
	}
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if err := js.Conn().FlushWithContext(asking); err != nil {
		js.Conn().Close()
		if why := h.Why(); why != nil && !errors.Is(why, ops.ErrConnecting) {
			return nil, why
		}
		return nil, explain(cfg, err)
	}
	return js, nil
}

// Write publishes m to the partition that it came from, or else that of its key, and
// returns once its stream has it. By the id the server knows what it has had in the last
// minutes.
func Write(ctx context.Context, js jetstream.JetStream, l Layout, m *message.Message, id string) error {
	partition := m.Partition
	if partition < 0 || int(partition) >= len(l.subjects) {
		partition = l.partitionOf(m.Key, rand.Uint32()) //nolint:gosec // no secret
	}
	out := wire(l.subjects[partition], m, id)
	_, err := js.PublishMsg(ctx, out, jetstream.WithExpectStream(StreamName(m.Topic)))
	return cmp.Or(tooLarge(out, err), err)
}

// PartitionLag is how far a group is behind in a partition.
type PartitionLag struct {
	Topic     string
	Partition int32
	Committed int64 // what is before it is done, and it; -1 if there is no durable consumer
	End       int64 // the last message of the stream
	Lag       int64 // what waits and what is not acknowledged
}

// Lag returns how far the settings' group is behind in each partition of the topics, and an
// error for what could not be told. Where no order is wanted, a topic is one.
func Lag(ctx context.Context, cfg config.JetStream, topics []string) (all []PartitionLag, err error) {
	js, err := Connect(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer js.Conn().Close()
	var errs []error
	for _, topic := range topics {
		stream, l, err := EnsureStream(ctx, js, cfg, topic, false)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		c := Consumer{cfg: cfg}
		for _, p := range c.subscriptionsOf(stream, l) {
			lag, err := p.askLag(ctx)
			if err != nil {
				errs = append(errs, fmt.Errorf("durable consumer %s of topic %q: %w", p.config.Durable, topic, err))
				continue
			}
			all = append(all, lag)
		}
	}
	return all, errors.Join(errs...)
}

// askLag asks the server how far the durable consumer is.
func (p *subscription) askLag(ctx context.Context) (PartitionLag, error) {
	lag := PartitionLag{Topic: p.layout.topic, Partition: p.partition, Committed: -1, End: int64(p.stream.CachedInfo().State.LastSeq)}
	durable, err := p.stream.Consumer(ctx, p.config.Durable)
	if err == nil {
		now := durable.CachedInfo()
		lag.Committed, lag.Lag = int64(now.AckFloor.Stream), int64(now.NumPending)+int64(now.NumAckPending)
		return lag, nil
	}
	if !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return lag, err
	}
	if p.consumer.cfg.Deliver == "new" {
		return lag, nil
	}
	subjects := cmp.Or(p.config.FilterSubject, ">")
	info, err := p.stream.Info(ctx, jetstream.WithSubjectFilter(subjects))
	if err != nil {
		return lag, err
	}
	for _, n := range info.State.Subjects {
		lag.Lag += int64(n)
	}
	return lag, nil
}
