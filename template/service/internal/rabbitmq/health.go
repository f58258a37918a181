package rabbitmq

import (
	"cmp"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/ouroboros-forge/forge/template/service/internal/ops"
)

// The states before the first connection and after the last.
var (
	errConnecting = errors.New("not connected to RabbitMQ yet")
	errStopped    = errors.New("stopped")
)

// health is why a consumer does not consume, or nothing can be published, if it is so.
type health struct {
	failed, resumed string // as the log has it

	mu     sync.Mutex
	all    error            // why no queue is consumed, or nothing published
	queues map[string]error // why one is not
	outage ops.Outage
}

func newHealth(log *slog.Logger, failed, resumed string) *health {
	return &health{failed: failed, resumed: resumed, all: errConnecting, queues: map[string]error{}, outage: ops.Outage{Log: log}}
}

// why returns why the consumer does not consume, nil when it does.
func (h *health) why() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var parts []error
	for _, name := range slices.Sorted(maps.Keys(h.queues)) {
		parts = append(parts, h.queues[name])
	}
	return cmp.Or(h.all, errors.Join(parts...))
}

// note notes why a queue is not consumed, or why none is if its name is empty; nil if it is.
func (h *health) note(queue string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if queue == "" {
		h.all = err
	} else if h.queues[queue] = err; err == nil {
		delete(h.queues, queue)
	}
	if err != nil && !errors.Is(err, errStopped) && !errors.Is(err, errConnecting) {
		h.outage.Failed(h.failed, err)
	} else if h.all == nil && len(h.queues) == 0 {
		h.outage.End(h.resumed)
	}
}
