package schema

import (
	"context"
	"errors"
	"time"
)

// An instance of the registry learns from a topic of Kafka what others have
// registered, so it may not know yet what a producer uses already, and a load balancer
// may choose it. What is unknown to one counts only when all say so, and still do
// after some time.

// pauses are how long an instance that is behind has to catch up, before each time
// that all are asked again.
var pauses = []time.Duration{200 * time.Millisecond, 800 * time.Millisecond}

// confirm asks until an instance knows what is asked for, or all have said often
// enough that they do not.
func confirm[T any](ctx context.Context, r *Registry, ask func(*Registry) (T, error)) (found T, err error) {
	for _, pause := range append([]time.Duration{0}, pauses...) {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return found, ctx.Err()
		}
		for _, instance := range append([]*Registry{r}, r.others...) {
			if found, err = ask(instance); !errors.Is(err, errUnknown) && !errors.Is(err, errReferences) {
				return found, err
			}
		}
	}
	return found, err
}

// mostDoubted is how many ids are asked for again. Who sends more that the registry
// does not know sends garbage, for which no other message should wait.
const mostDoubted = 1000

// byID returns the schema with an id, which nothing but garbage names before it is
// registered.
func (c *Codec) byID(ctx context.Context, id uint32) (registered, error) {
	ask := func(r *Registry) (registered, error) { return r.byID(ctx, id) }
	_, again := c.doubted.get(id)
	if again || len(c.doubted.all()) >= mostDoubted {
		return ask(c.registry)
	}
	found, err := confirm(ctx, c.registry, ask)
	if errors.Is(err, errUnknown) {
		c.doubted.set(id, struct{}{})
	}
	return found, err
}
