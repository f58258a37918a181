//go:build !kafka

package ops

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
)

// What Health has before there is a connection and after the last.
var (
	ErrConnecting = errors.New("not connected to the broker yet")
	ErrStopped    = errors.New("stopped")
)

// Connection is the part of a Health that all others need.
const Connection = ""

// Health is why a source is not consumed, in whole or in part, or why nothing can be
// published, if it is so. The log has when that begins and ends.
type Health struct {
	failed, resumed string // in the log

	mu      sync.Mutex
	parts   map[string]error // that do not work, by name
	stopped bool
	outage  Outage
}

// NewHealth returns that of what is not connected yet. The others are what the log has.
func NewHealth(log *slog.Logger, failed, resumed string) *Health {
	return &Health{failed: failed, resumed: resumed, parts: map[string]error{Connection: ErrConnecting}, outage: Outage{Log: log}}
}

// Set notes why a part does not work, nil if it does.
func (h *Health) Set(part string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		delete(h.parts, part)
	} else {
		h.parts[part] = err
	}
	switch why := h.first(); {
	case h.stopped, errors.Is(err, ErrConnecting), errors.Is(h.parts[Connection], ErrConnecting):
	case err != nil:
		h.outage.Failed(h.failed, why)
	case why == nil:
		h.outage.End(h.resumed)
	}
}

// Why returns what does not work, nil if all does.
func (h *Health) Why() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return ErrStopped
	}
	return h.first()
}

// Stop notes that nothing is to work any more, and returns what did not.
func (h *Health) Stop() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	return h.first()
}

// first returns what is wrong with the connection, or else with the parts.
func (h *Health) first() error {
	if err := h.parts[Connection]; err != nil {
		return err
	}
	var all []error
	for _, name := range slices.Sorted(maps.Keys(h.parts)) {
		all = append(all, fmt.Errorf("%s: %w", name, h.parts[name]))
	}
	return errors.Join(all...)
}
