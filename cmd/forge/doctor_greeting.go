package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/internal/answers"
)

// greeting is how a broker begins to talk.
type greeting struct {
	hello  string // what a client says first
	begins string // what the broker says then
}

var greetings = map[string]greeting{
	answers.JetStream: {begins: "INFO "}, // NATS' client protocol
}

// askGreeting returns who finds out whether it is that source that answers.
func askGreeting(source string) asker {
	return func(ctx context.Context, conn net.Conn) ([]kmsg.MetadataResponseTopic, error) {
		g := greetings[source]
		if deadline, ok := ctx.Deadline(); ok {
			if err := conn.SetDeadline(deadline); err != nil {
				return nil, err
			}
		}
		if _, err := conn.Write([]byte(g.hello)); err != nil {
			return nil, err
		}
		begins, name := make([]byte, len(g.begins)), answers.Answers{Source: source}.BrokerName()
		_, err := io.ReadFull(conn, begins)
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			return nil, fmt.Errorf("accepts connections but does not speak as %s does", name)
		}
		if string(begins) != g.begins { // or it hangs up
			return nil, fmt.Errorf("answers, but is no %s", name)
		}
		return nil, nil
	}
}

// hostPort returns what of a broker's URL says where it is; port is the one that stands
// for none.
func hostPort(broker, port string) string {
	if !strings.Contains(broker, "://") {
		return broker
	}
	u, err := url.Parse(broker)
	if err != nil {
		return broker
	}
	if u.Port() == "" {
		return net.JoinHostPort(u.Hostname(), port)
	}
	return u.Host
}
