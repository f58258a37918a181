//go:build jetstream || rabbitmq

package service

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// errNoDeadLetters is what the commands about dead letters say where they do not know the
// source of messages.
var errNoDeadLetters = errors.New("lag, acl and dlq are commands for Kafka: use those of the broker")

func deadLetters[S any](_ context.Context, name string, _ Build[S], _ Options, _, stderr io.Writer) int {
	fmt.Fprintf(stderr, "%s: %v\n", name, errNoDeadLetters)
	return 1
}

func (s *Service) writeLag(context.Context, io.Writer) error { return errNoDeadLetters }

func (s *Service) writeACL(w io.Writer) { fmt.Fprintln(w, errNoDeadLetters) }
