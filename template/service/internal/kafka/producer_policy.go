package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"
	"github.com/sethvargo/go-retry"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// publishPolicy says when, and how often, a message is tried again that the
// client could not bring to the broker.
type publishPolicy struct {
	kind            string
	delay, maxDelay time.Duration
}

// publishJitter keeps partitions that failed together from coming back together.
const publishJitter = 20 // percent

func policyOf(cfg config.Kafka) publishPolicy {
	return publishPolicy{kind: cfg.PublishRetryPolicy, delay: cfg.PublishRetryDelay, maxDelay: cfg.PublishRetryMaxDelay}
}

// begin starts the sequence of delays.
func (p publishPolicy) begin() retry.Backoff {
	var b retry.Backoff
	switch p.kind {
	case "fixed":
		b = retry.NewConstant(p.delay)
	case "fibonacci":
		b = retry.NewFibonacci(p.delay)
	default:
		b = retry.NewExponential(p.delay)
	}
	return retry.WithCappedDuration(p.maxDelay, retry.WithJitterPercent(publishJitter, b))
}

// next returns the next delay: the sequence has no end, only messages have.
func next(b retry.Backoff) time.Duration {
	d, _ := b.Next()
	return d
}

// sift parts a queue in those that go on and those that do not, and notes those
// that the publisher's end lost. It is called with the lock.
func (q *queues) sift(queue []*outgoing) (stay, gone []*outgoing) {
	abandoned, now := q.abandoned(), time.Now()
	leaves := func(o *outgoing) bool { return abandoned || o.cancelled.Load() || o.over(now) }
	if !slices.ContainsFunc(queue, leaves) {
		return queue, nil
	}
	for _, o := range queue {
		if !leaves(o) {
			stay = append(stay, o)
			continue
		}
		gone = append(gone, o)
		switch {
		case o.cancelled.Load():
			o.end = context.Canceled // nobody hears it
		case abandoned:
			o.end = errAbandoned
			q.lost = append(q.lost, o.message)
		case o.exhausted():
			o.end = fmt.Errorf("given up after %d attempts", o.attempts)
		default:
			o.end = fmt.Errorf("given up after %v", o.patience.timeout)
		}
	}
	return stay, gone
}

// giveUp tells those that sift found gone why.
func (q *queues) giveUp(gone []*outgoing, trouble error) {
	for _, o := range gone {
		err := o.end
		if trouble != nil {
			err = fmt.Errorf("%w; the last attempt: %w", err, trouble)
		}
		q.finish([]*outgoing{o}, -1, -1, err)
	}
}

func earliest(queue []*outgoing) time.Time {
	return slices.MinFunc(queue, func(a, b *outgoing) int { return a.deadline.Compare(b.deadline) }).deadline
}

// tooLarge reports whether err is one of the ways to say so.
func tooLarge(err error) bool {
	return errors.Is(err, sarama.ErrMessageSizeTooLarge) || errors.Is(err, sarama.ErrMessageSetSizeTooLarge)
}

// isRefusal reports whether err is about what is in the messages, so that some of
// a batch may be taken where all are not.
func isRefusal(err error) bool {
	return tooLarge(err) || isOneOf(err, sarama.ErrInvalidRecord, sarama.ErrInvalidTimestamp)
}

// beforeWriting reports whether err is an answer that Kafka gives before it
// writes anything. All others may come after it: a leader that moves while the
// replicas are waited for answers like one that never was.
func beforeWriting(err error) bool {
	return hopeless(err) || forgotten(err) || errors.Is(err, sarama.ErrNotEnoughReplicas)
}

// forgotten reports whether the broker does not go on with the producer's
// sequence, so that a new one must begin. That it knows what it was never sent
// is a way to say so.
func forgotten(err error) bool {
	return isOneOf(err, sarama.ErrOutOfOrderSequenceNumber, sarama.ErrDuplicateSequenceNumber, sarama.ErrUnknownProducerID, sarama.ErrInvalidProducerEpoch,
		sarama.ErrInvalidProducerIDMapping, sarama.ErrProducerFenced)
}

// hopeless reports whether err is an answer that the broker will give again,
// and that waiting is for somebody who mends it.
func hopeless(err error) bool {
	return isRefusal(err) || errors.As(err, new(sarama.PacketEncodingError)) ||
		isOneOf(err, ErrTooLarge, ErrClosed, sarama.ErrTopicAuthorizationFailed, sarama.ErrClusterAuthorizationFailed,
			sarama.ErrInvalidTopic, sarama.ErrPolicyViolation,
			sarama.ErrUnsupportedForMessageFormat, sarama.ErrUnsupportedVersion, sarama.ErrUnsupportedCompressionType)
}

func isOneOf(err error, all ...error) bool {
	return slices.ContainsFunc(all, func(other error) bool { return errors.Is(err, other) })
}

// mayPass lets a handler that returns err as it is have its message again, once
// the broker is back, and not in the dead letters. What no attempt can mend, and
// what says itself what it asks for, stays as it is.
func mayPass(err error) error {
	if _, ok := errors.AsType[*message.Error](err); ok || isRefusal(err) || errors.Is(err, ErrTooLarge) {
		return err
	}
	return message.Retry(err)
}

// murmur2 is the hash by which Java's client, and most others, choose a key's
// partition.
func murmur2(key []byte) uint32 {
	const m = 0x5bd1e995
	h := uint32(0x9747b28c) ^ uint32(len(key))
	for ; len(key) >= 4; key = key[4:] {
		k := uint32(key[0]) | uint32(key[1])<<8 | uint32(key[2])<<16 | uint32(key[3])<<24
		k *= m
		k ^= k >> 24
		h = h*m ^ k*m
	}
	switch len(key) {
	case 3:
		h ^= uint32(key[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(key[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(key[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	h ^= h >> 15
	return h
}
