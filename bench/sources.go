package main

import (
	"context"
	"fmt"
	"path/filepath"
)

// side is a contender in the comparison of a source of messages with its bare client.
type side struct {
	title string
	job   job
}

const (
	trivially        = 200_000 // messages of the trivial handler,
	slowly           = 60_000  // and of the one that waits
	sourcePartitions = 6
)

// The 5 ms handler, and how many of it run at once.
var slow = []string{"BENCH_SLEEP=5ms", "MAX_WORKERS=100"}

// buildSource compiles a service with the source.
func (b *bench) buildSource(ctx context.Context, source string) (binary string, err error) {
	project, err := renderService(ctx, filepath.Join(b.dir, source), "--source", source)
	if err != nil {
		return "", err
	}
	return compile(ctx, project, ".")
}

func newSourceTable(source string) *table {
	return newTable(source, "messages", "messages/s", "to the bare client", "in each round", "CPU us/message", "allocs/message", "MiB")
}

// beside has each side consume what is in its topic once a round, rounds beginning with
// another one each time, and adds them to the table: each is compared with the first, which is
// the bare client's. None may lose a message or handle one twice. Before and after a run
// the source has its say.
func (b *bench) beside(ctx context.Context, t *table, sides []side, before, after func(context.Context, job) error) error {
	rounds := make([][]figures, len(sides))
	for round := range b.rounds {
		for i := range sides {
			at := (round + i) % len(sides)
			j := sides[at].job
			j.group = b.newName(j.name)
			j.env = append([]string{"BENCH_ONCE=yes"}, j.env...)
			if err := before(ctx, j); err != nil {
				return err
			}
			f, err := b.run(ctx, j)
			if err != nil {
				return err
			}
			if err := after(ctx, j); err != nil {
				return fmt.Errorf("%s: %w", j.name, err)
			}
			rounds[at] = append(rounds[at], f)
		}
	}
	for i, s := range sides {
		v := median(rounds[i])
		ratio, _ := ratios(rounds[i], rounds[0], func(f figures) float64 { return f.rate })
		low, high := spread(rounds[i], rounds[0])
		t.add(s.title, comma(s.job.messages), thousands(v.rate), ratio, fmt.Sprintf("%.2f to %.2f", low, high),
			fmt.Sprintf("%.1f", v.cpu), fmt.Sprintf("%.1f", v.allocs), fmt.Sprintf("%.0f", v.mib))
	}
	return nil
}
