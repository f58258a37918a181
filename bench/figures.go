package main

import (
	"context"
	"slices"
	"time"

	"github.com/ouroboros-forge/forge/bench/meter"
)

// figures are a process's in the units of the tables.
type figures struct {
	rate          float64 // messages a second
	cpu           float64 // microseconds a message, user and system
	allocs        float64 // a message
	mib           float64 // most that was resident
	p50, p99, max time.Duration
}

func newFigures(f meter.Figures) figures {
	n := float64(f.Messages)
	return figures{
		rate:   (n - 1) / f.Elapsed.Seconds(), // the first message begins the measurement
		cpu:    float64(f.CPU.Microseconds()) / n,
		allocs: float64(f.Mallocs) / n,
		mib:    float64(f.PeakKiB) / 1024,
		p50:    f.P50, p99: f.P99, max: f.Max,
	}
}

// interleave runs every job once a round, so that all meet the same weather,
// and returns the medians over the rounds, by the jobs' names.
func (b *bench) interleave(ctx context.Context, jobs []job) (map[string]figures, error) {
	rounds := map[string][]figures{}
	for range b.rounds {
		for _, j := range jobs {
			f, err := b.run(ctx, j)
			if err != nil {
				return nil, err
			}
			rounds[j.name] = append(rounds[j.name], f)
		}
	}
	medians := map[string]figures{}
	for name, all := range rounds {
		medians[name] = median(all)
	}
	return medians, nil
}

// median returns the median of each figure by itself.
func median(all []figures) figures {
	return figures{
		rate:   middle(all, func(f figures) float64 { return f.rate }),
		cpu:    middle(all, func(f figures) float64 { return f.cpu }),
		allocs: middle(all, func(f figures) float64 { return f.allocs }),
		mib:    middle(all, func(f figures) float64 { return f.mib }),
		p50:    middle(all, func(f figures) time.Duration { return f.p50 }),
		p99:    middle(all, func(f figures) time.Duration { return f.p99 }),
		max:    middle(all, func(f figures) time.Duration { return f.max }),
	}
}

func middle[T float64 | time.Duration](all []figures, of func(figures) T) T {
	values := make([]T, len(all))
	for i, f := range all {
		values[i] = of(f)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
