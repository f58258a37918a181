package jetstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// StreamName returns the name of a topic's stream, which may have no dot.
func StreamName(topic string) string { return strings.ReplaceAll(topic, ".", "_") }

// Layout is how a topic lies in its stream: each partition has a subject.
type Layout struct {
	topic    string
	subjects []string
}

// numbered returns the layout of a topic with n partitions.
func numbered(topic string, n int) Layout {
	l := Layout{topic: topic}
	for p := range n {
		l.subjects = append(l.subjects, topic+"."+strconv.Itoa(p))
	}
	return l
}

// alone returns the layout of a topic that is the subject of its only partition.
func alone(topic string) Layout { return Layout{topic, []string{topic}} }

// partition returns the number of the partition that a subject is of.
func (l Layout) partition(subject string) int32 {
	n, _ := strconv.ParseInt(strings.TrimPrefix(subject, l.topic+"."), 10, 32) // the topic itself is 0
	return int32(n)
}

// partitionOf returns the partition of a key; those without one take turns.
func (l Layout) partitionOf(key []byte, turn uint32) int32 {
	if key != nil {
		h := fnv.New32a()
		_, _ = h.Write(key)
		turn = h.Sum32()
	}
	return int32(turn % uint32(len(l.subjects)))
}

// layoutOf returns how a topic lies in a stream, or says that it is none of the topic's.
func layoutOf(topic string, c jetstream.StreamConfig) (Layout, error) {
	l := alone(topic)
	if !slices.Equal(c.Subjects, l.subjects) {
		l = numbered(topic, len(c.Subjects))
	}
	for _, s := range l.subjects {
		if !slices.Contains(c.Subjects, s) {
			return l, message.Permanent(fmt.Errorf("stream %s has the subjects %s, none of them %s: topic %q needs %s.0 and so on, or %s alone: give the stream those, or the topic another name",
				c.Name, strings.Join(c.Subjects, ", "), s, topic, topic, topic))
		}
	}
	if c.Retention != jetstream.LimitsPolicy {
		return l, message.Permanent(fmt.Errorf("stream %s has the retention %s, and so keeps what is not consumed only for some: make it limits", c.Name, c.Retention))
	}
	return l, nil
}

// minDuplicates is for how long a stream knows the ids of its messages at least.
const minDuplicates = 2 * time.Minute

// EnsureStream returns the stream of a topic and how the topic lies in it. If there is
// none, and create is set, it makes one.
func EnsureStream(ctx context.Context, js jetstream.JetStream, cfg config.JetStream, topic string, create bool) (jetstream.Stream, Layout, error) {
	name := StreamName(topic)
	s, err := js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) && create {
		l := numbered(topic, cfg.Partitions)
		if strings.HasSuffix(topic, deadletter.Suffix) {
			l = alone(topic)
		}
		s, err = js.CreateStream(ctx, jetstream.StreamConfig{
			Name: name, Subjects: l.subjects, Storage: jetstream.FileStorage, Replicas: cfg.Replicas,
			Duplicates: max(minDuplicates, cfg.PublishTimeout),
		})
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another instance was first
			s, err = js.Stream(ctx, name)
		}
	}
	if isCode(err, 10065) {
		other, _ := js.StreamNameBySubject(ctx, topic+".>") // "" if it has only the topic itself
		return nil, Layout{}, message.Permanent(fmt.Errorf("stream %s of topic %q cannot be made, as stream %s has some of its subjects: take them from that, or give the topic another name: %w", name, topic, cmp.Or(other, "another"), err))
	}
	if err != nil {
		err = fmt.Errorf("stream %s of topic %q: %w", name, topic, err)
		if isCode(err, 10025) || isCode(err, 10052) { // a name that it does not take, a configuration that it refuses
			err = message.Permanent(err)
		}
		return nil, Layout{}, err
	}
	l, err := layoutOf(topic, s.CachedInfo().Config)
	return s, l, err
}

// isCode reports whether an error is the server's of that code.
func isCode(err error, code jetstream.ErrorCode) bool {
	e, ok := errors.AsType[*jetstream.APIError](err)
	return ok && e.ErrorCode == code
}
