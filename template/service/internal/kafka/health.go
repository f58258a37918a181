package kafka

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
)

// errStopped is the state after the last session.
var errStopped = errors.New("stopped")

const (
	// Brokers are asked every probeInterval whether they answer, and have
	// probeTimeout to do so: one that hangs is known after both at most.
	probeInterval = 3 * time.Second
	probeTimeout  = 5 * time.Second
	// askTimeout bounds how long the questions for topics or offsets may take, after which
	// the log says where nobody answers.
	askTimeout = 10 * time.Second
	// retryDelay is the pause between attempts to consume: short, to go on soon after Kafka
	// is back.
	retryDelay = 500 * time.Millisecond
	// lasting is how long a failure lasts that the client reports once.
	lasting = 5 * fetchBackoff
)

// place names a partition.
type place struct {
	topic     string
	partition int32
}

func (p place) String() string { return fmt.Sprintf("%s/%d", p.topic, p.partition) }

// health is why a consumer does not consume, if it does not.
type health struct {
	mu         sync.Mutex
	state      error            // the step towards a session, nil in one
	unanswered error            // brokers that hang
	all        part             // why that step failed, or the session gets no messages
	parts      map[string]*part // that are not consumed while others are, by topic or topic/partition
}

// part is what is not consumed.
type part struct {
	err    error
	failed time.Time // when the client said so last, zero if it did not
	outage ops.Outage
}

func newHealth(log *slog.Logger) *health {
	return &health{state: errors.New("not connected to Kafka yet"), all: part{outage: ops.Outage{Log: log}}, parts: map[string]*part{}}
}

// why returns why the consumer does not consume, nil when it does.
func (h *health) why() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if errors.Is(h.state, errStopped) {
		return h.state
	}
	var parts []error
	for _, name := range slices.Sorted(maps.Keys(h.parts)) {
		parts = append(parts, h.parts[name].err)
	}
	return cmp.Or(h.unanswered, h.all.err, h.state, errors.Join(parts...))
}

// enter notes that the consumer goes on to the next step, nil for a session. Why the
// last one failed stays until there is a session: it says more than the next step.
func (h *health) enter(state error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state = state; state == nil {
		h.all.err = nil
	}
	h.log()
}

// stop notes that there is no step any more, and returns which brokers hang.
func (h *health) stop() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.state = errStopped
	return h.unanswered
}

// fail notes that a step failed, or that the client reports an error of a session.
func (h *health) fail(err error) { h.failAt(place{}, err) }

// failAt notes that the client reports an error of a partition, if it is of one.
func (h *health) failAt(at place, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	failed := &h.all
	if h.state == nil && at.topic != "" && !isNetwork(err) {
		failed = h.part(at.String())
	}
	failed.err, failed.failed = err, time.Now()
	h.log()
}

// part returns a part that is not consumed. It is called with h.mu held.
func (h *health) part(name string) *part {
	if h.parts[name] == nil {
		h.parts[name] = &part{outage: ops.Outage{Log: h.all.outage.Log.With("part", name)}}
	}
	return h.parts[name]
}

// noteParts notes what is wrong with which topics and partitions. Nothing is wrong with
// the others any more, unless the client said so just now.
func (h *health) noteParts(problems map[string]error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, err := range problems {
		h.part(name).err = err
	}
	for name, p := range h.parts {
		if problems[name] == nil && time.Since(p.failed) > lasting {
			delete(h.parts, name)
			p.outage.End(consumingAgain)
		}
	}
	h.log()
}

// probed notes which brokers hang, nil for none. In a session that is the time to see
// whether its last failure is over.
func (h *health) probed(unanswered error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unanswered = unanswered
	if h.state == nil && time.Since(h.all.failed) > lasting {
		h.all.err = nil
	}
	h.log()
}

const notConsuming, consumingAgain = "not consuming, retrying", "consuming again"

// log logs what outages go on or have ended. It is called with h.mu held.
func (h *health) log() {
	if errors.Is(h.state, errStopped) {
		return
	}
	for _, p := range h.parts {
		p.outage.Failed(notConsuming, p.err)
	}
	switch err := cmp.Or(h.unanswered, h.all.err); {
	case err != nil:
		h.all.outage.Failed(notConsuming, err)
	case h.state == nil:
		h.all.outage.End(consumingAgain)
	}
}

// isNetwork reports whether err is one of a connection, or of the time that an answer
// may take.
func isNetwork(err error) bool {
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, io.EOF)
}

// isAny reports whether err is one of others.
func isAny(err error, others ...error) bool {
	return slices.ContainsFunc(others, func(other error) bool { return errors.Is(err, other) })
}

// Explain adds to the failure of a connection where it was tried, and the settings that
// may be wrong.
func Explain(cfg config.Kafka, err error) error {
	if errors.Is(err, kerr.GroupAuthorizationFailed) {
		return fmt.Errorf("group %q: the service may not use it: %w", cfg.GroupID, err)
	}
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	if refused := errors.Is(err, kerr.IllegalSaslState) || errors.Is(err, kerr.SaslAuthenticationFailed); !refused && !noTLS && !untrusted && !isNetwork(err) {
		return err
	}
	return fmt.Errorf("no connection to Kafka at %s: %w: does that address speak KAFKA_SECURITY_PROTOCOL=%s, with these KAFKA_SASL_* and KAFKA_SSL_*?",
		strings.Join(cfg.Brokers, ", "), err, cfg.SecurityProtocol)
}

// probe asks brokers for the least that there is, and returns which do not answer.
func probe(ctx context.Context, client *kgo.Client, brokers map[int32]string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var mu sync.Mutex
	var errs []error
	var all sync.WaitGroup
	for id, address := range brokers {
		all.Go(func() {
			_, err := client.Broker(int(id)).RetriableRequest(ctx, kmsg.NewPtrApiVersionsRequest())
			if isNetwork(err) {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, fmt.Errorf("broker %d (%s) does not answer: %w", id, address, err))
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
