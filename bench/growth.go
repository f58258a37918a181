package main

import (
	"context"
	"fmt"
)

// curve is how the cost of a message goes with one measure of the work, the
// others left as they are in the first scenario.
type curve struct {
	name   string
	points []point
}

type point struct {
	x   int
	cpu float64 // us a message
	all figures
}

// growth is the trivial handler with more and more workers, keys and
// partitions.
func (b *bench) growth(ctx context.Context) error {
	t := newTable("trivial handler", "how many", "messages/s", "CPU us/message", "MiB")
	var curves []curve
	for _, c := range []struct {
		name string
		xs   []int
	}{
		{"workers", []int{1, 10, 100, 1_000, 10_000}},
		{"keys", []int{10, 100, 1_000, 10_000, 100_000, 1_000_000}},
		{"partitions", []int{1, 3, 10, 30, 100}},
	} {
		drawn := curve{name: c.name}
		for _, x := range c.xs {
			f, err := b.grown(ctx, c.name, x)
			if err != nil {
				return err
			}
			drawn.points = append(drawn.points, point{x: x, cpu: f.cpu, all: f})
			t.add(c.name, comma(x), thousands(f.rate), fmt.Sprintf("%.1f", f.cpu), fmt.Sprintf("%.0f", f.mib))
		}
		curves = append(curves, drawn)
	}
	if err := b.draw("growth.svg", curves); err != nil {
		return err
	}
	return b.publish("growth", "![CPU a message as workers, keys and partitions grow](growth.svg)\n\n"+t.String()+b.weather())
}

// grown is the first scenario with one measure changed.
func (b *bench) grown(ctx context.Context, measure string, x int) (figures, error) {
	at, env := topic{b.messages, 1_000, 6}, []string(nil)
	switch measure {
	case "workers":
		env = []string{fmt.Sprintf("MAX_WORKERS=%d", x)}
	case "keys":
		at.keys = x
	case "partitions":
		at.partitions = x
	}
	name, err := b.fill(ctx, at)
	if err != nil {
		return figures{}, err
	}
	if at != (topic{b.messages, 1_000, 6}) {
		defer b.drop(ctx, name)
	}
	return b.run(ctx, job{name: oursMethod, topic: name, messages: at.messages, env: env})
}
