package chaos

import (
	"encoding/json"
	"math/rand/v2"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/e2e/faults/load"
	"github.com/ouroboros-forge/forge/e2e/faults/oracle"
)

// fates are what messages ask for, of a thousand; the rest asks for success.
var fates = []struct {
	of  int
	ask func(r *rand.Rand) load.Ask
}{
	{8, just("fail")},
	{6, just("plain")},
	{6, just("panic")},
	{4, just("exhaust")},
	{10, func(*rand.Rand) load.Ask { return load.Ask{Do: "retry", Times: 3} }},
	{4, just("away")},
	{10, func(r *rand.Rand) load.Ask { return load.Ask{Do: "slow", MS: 200 + r.IntN(800)} }},
	{4, func(r *rand.Rand) load.Ask { return load.Ask{Do: "stubborn", MS: 500 + r.IntN(2500)} }},
	{68, just("publish")},
	{60, just("async")},
	{6, just("garbage")},
	{6, just("invalid")},
	{4, just("unknown")},
	{3, just("tombstone")},
}

func just(what string) func(*rand.Rand) load.Ask {
	return func(*rand.Rand) load.Ask { return load.Ask{Do: what} }
}

// fate is what a message asks for.
func fate(r *rand.Rand, _ int) load.Ask {
	n := r.IntN(1000)
	for _, f := range fates {
		if n -= f.of; n < 0 {
			return f.ask(r)
		}
	}
	return load.Ask{Do: "slow", MS: r.IntN(6)}
}

// unanswered returns what is wrong with the answers to those that asked for one.
func (c *chaos) unanswered(sent []oracle.Sent) []string {
	c.Helper()
	records, err := c.observer.All(c.ctx, c.answers())
	c.must(err)
	slices.SortStableFunc(records, func(a, b *kgo.Record) int { return int(a.Offset - b.Offset) })
	copies := make([]oracle.Copy, len(records))
	for i, r := range records {
		var answer struct{ Body struct{ To string } }
		c.must(json.Unmarshal(r.Value, &answer))
		copies[i].ID = answer.Body.To
	}
	asked := slices.DeleteFunc(slices.Clone(sent), func(m oracle.Sent) bool { return m.Ask != "publish" && m.Ask != "async" })
	if len(asked) == 0 {
		return []string{"no message asked for an answer"}
	}
	return oracle.CheckCopies(asked, copies)
}
