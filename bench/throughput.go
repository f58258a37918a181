package main

import (
	"context"
	"fmt"
	"slices"
)

// field are the contenders of the trivial handler, and what the table calls
// them.
var field = []struct{ name, title string }{
	{"franz", "franz-go, no decode"},
	{bare, "sarama, no decode"},
	{oursMethod, "**forge**, the model's own `Validate() error`"},
	{fastMethod, "**forge** `--with fast`, the model's own `Validate() error`"},
	{"franz-json-experiment", "franz-go by hand, go-json-experiment"},
	{oursTags, "**forge**, validate tags"},
	{fastTags, "**forge** `--with fast`, validate tags"},
	{"sarama-json-experiment", "sarama by hand, go-json-experiment"},
	{"franz-json", "franz-go by hand, encoding/json"},
	{"sarama-json", "sarama by hand, encoding/json"},
	{byHand, "franz-go by hand, encoding/json, validator/v10 on bodies"},
	{"watermill", "watermill, encoding/json"},
}

// What others are compared with.
const (
	bare   = "sarama"
	byHand = "franz-json-validator"
	quick  = "franz-json-experiment" // reads the same JSON by the library that ours uses, and checks nothing
)

// throughput is the trivial handler: what consuming costs by itself.
func (b *bench) throughput(ctx context.Context) error {
	name, err := b.fill(ctx, topic{b.messages, 1_000, 6})
	if err != nil {
		return err
	}
	var jobs []job
	for _, f := range field {
		if len(b.only) > 0 && !slices.Contains(b.only, f.name) {
			continue
		}
		jobs = append(jobs, job{name: f.name, topic: name, messages: b.messages})
	}
	all, err := b.interleave(ctx, jobs)
	if err != nil {
		return err
	}
	t := newTable("trivial handler", "messages/s", "to bare sarama", "to franz-go with validator/v10", "CPU us/message", "CPU to franz-go with go-json-experiment", "allocs/message", "MiB")
	for _, f := range field {
		v, ok := all[f.name]
		if !ok {
			continue
		}
		t.add(f.title, thousands(v.rate), fmt.Sprintf("%.2f", v.rate/all[bare].rate), fmt.Sprintf("%.2f", v.rate/all[byHand].rate),
			fmt.Sprintf("%.1f", v.cpu), fmt.Sprintf("%.2f", v.cpu/all[quick].cpu), fmt.Sprintf("%.1f", v.allocs), fmt.Sprintf("%.0f", v.mib))
	}
	return b.publish("throughput", t.String()+b.weather())
}
