//go:build !jetstream && !rabbitmq

package service

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/dlq"
)

// writeACL writes the least rights with which the service works and says all that is
// wrong, and then those of `dlq`, as commands of Kafka's own tool. Read and Write have
// Describe in them. Where the service may not see a topic's settings, it takes a
// broker's defaults and does not check the topics for dead letters.
func (s *Service) writeACL(w io.Writer) error {
	if _, err := fmt.Fprint(w, "# As an administrator, with --command-config where the brokers ask who that is. What the service needs:\n"); err != nil {
		return err
	}
	for _, c := range s.b.consumers {
		g := grant{w, c.source}
		topics := c.registry.Topics()
		if len(topics) > 0 {
			g.allow("--group", c.source.GroupID, groupRights...)
		}
		for _, topic := range topics {
			g.allow("--topic", topic, "Read", "DescribeConfigs")
			if c.source.ErrorPolicy == "dead-letter" {
				g.allow("--topic", deadletter.Topic(topic), "Write", "Create", "DescribeConfigs")
			}
		}
	}
	own := grant{w, s.b.Config.Source}
	for _, topic := range s.Published() {
		own.allow("--topic", topic, "Write", "DescribeConfigs")
	}
	fmt.Fprint(w, "# What its command dlq needs beside that:\n")
	for _, c := range s.b.consumers {
		g := grant{w, c.source}
		topics := c.registry.Topics()
		if len(topics) > 0 {
			g.allow("--resource-pattern-type prefixed --group", c.source.GroupID+dlq.RedriveSuffix, "Read")
		}
		for _, topic := range topics {
			g.allow("--topic", deadletter.Topic(topic), "Read", "Delete")
			g.allow("--topic", topic, "Write")
			g.allow("--topic", topic+dlq.ParkedSuffix, "Read", "Write", "Create", "Delete", "DescribeConfigs")
		}
	}
	for _, topic := range s.b.Config.DLQ.RedriveTopics {
		own.allow("--topic", topic, "Write", "DescribeConfigs")
	}
	return nil
}

// grant writes what a user of the brokers is allowed.
type grant struct {
	w   io.Writer
	cfg config.Source
}

// principal is who the service is to the brokers. What a certificate or a token says is
// not in the settings.
func (g grant) principal() string {
	switch {
	case g.cfg.SASL():
		return "User:" + cmp.Or(g.cfg.SASLUsername, "NAME")
	case g.cfg.TLS():
		return "User:CN=NAME"
	}
	return "User:ANONYMOUS"
}

// allow writes the command that allows operations on what a flag and a name say.
func (g grant) allow(flag, name string, operations ...string) {
	fmt.Fprintf(g.w, "kafka-acls.sh --bootstrap-server %s --add --allow-principal %s --operation %s %s %s\n",
		quoted(strings.Join(g.cfg.Brokers, ",")), quoted(g.principal()), strings.Join(operations, " --operation "), flag, quoted(name))
}

// quoted is a word as a shell takes it.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
