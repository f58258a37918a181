package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// greeting is how a broker begins to talk.
type greeting struct {
	hello  string // what a client says first
	begins string // what the broker says then
}

// inquire returns what finds out whether it is the site's source that answers.
func (g greeting) inquire(s *site, _ []variable) (ask asker, whyNot string) {
	name := s.record.Answers.BrokerName()
	return func(ctx context.Context, conn net.Conn) ([]kmsg.MetadataResponseTopic, error) {
		if deadline, ok := ctx.Deadline(); ok {
			if err := conn.SetDeadline(deadline); err != nil {
				return nil, err
			}
		}
		if _, err := conn.Write([]byte(g.hello)); err != nil {
			return nil, err
		}
		begins := make([]byte, len(g.begins))
		_, err := io.ReadFull(conn, begins)
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			return nil, fmt.Errorf("accepts connections but does not speak as %s does", name)
		}
		if string(begins) != g.begins { // or it hangs up
			return nil, fmt.Errorf("answers, but is no %s", name)
		}
		return nil, nil
	}, ""
}
