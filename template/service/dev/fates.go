package main

import (
	"context"
	"fmt"

	"github.com/ouroboros-forge/forge/template/service/dev/samples"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
)

// await returns once every sample has met its fate, or ctx ends. The error
// names those that met another than they expect, or none yet.
func (r *report) await(ctx context.Context, sent []samples.Sent) error {
	for {
		r.mu.Lock()
		changed, wrong, open := r.changed, "", 0
		for _, s := range sent {
			switch kind, ok := r.fates[s.String()]; {
			case !ok || kind == engine.Retrying || kind == engine.Waiting || kind == engine.DeadLetterRefused:
				open++
				wrong += fmt.Sprintf("\n  %s  %s: not done yet", s, s.Name)
			case kind.String() != string(s.Expect):
				wrong += fmt.Sprintf("\n  %s  %s: expected %s, met %s", s, s.Name, s.Expect, kind)
			}
		}
		r.mu.Unlock()
		if open > 0 {
			select {
			case <-changed:
				continue
			case <-ctx.Done():
			}
		}
		if wrong != "" {
			return fmt.Errorf("samples met another fate than they expect:%s", wrong)
		}
		return nil
	}
}
