package service

import (
	"context"
	"fmt"
	"io"

	"github.com/ouroboros-forge/forge/template/service/internal/dlq"
)

// deadLetters does what `dlq` and its arguments ask for, with the dead letters of
// all consumers, and returns the exit code.
func deadLetters[S any](ctx context.Context, name string, build Build[S], o Options, stdout, stderr io.Writer) int {
	s, err := assemble(ctx, name, build, o)
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return 1
	}
	var consumers []dlq.Consumer
	for _, c := range s.b.consumers {
		if topics := c.registry.Topics(); len(topics) > 0 {
			consumers = append(consumers, dlq.Consumer{Group: c.source.GroupID, Topics: topics, Source: c.source, Open: c.registry.Open})
		}
	}
	if len(consumers) == 0 {
		fmt.Fprintf(stderr, "%s: the service consumes nothing, so it has no dead letters\n", name)
		return 1
	}
	return dlq.Command(ctx, consumers, s.b.Config.DLQ.RedriveTopics, o.dlqArgs, stdout, stderr)
}
