package main

import (
	"context"
	"fmt"
	"time"
)

// memory is a handler that never returns, with two million messages behind it.
func (b *bench) memory(ctx context.Context) error {
	stuck := time.Minute
	if b.full {
		stuck = 5 * time.Minute
	}
	name, err := b.fill(ctx, topic{2_000_000, 1_000, 6})
	if err != nil {
		return err
	}
	defer b.drop(ctx, name)
	f, err := b.run(ctx, job{name: oursMethod, topic: name, env: []string{"BENCH_STUCK=" + stuck.String()}, limit: stuck + time.Minute})
	if err != nil {
		return err
	}
	t := newTable("handlers stuck, 2,000,000 messages behind them", "")
	t.add(fmt.Sprintf("most memory resident within %v", stuck), fmt.Sprintf("%.0f MiB", f.mib))
	return b.publish("memory", t.String())
}
