package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/internal/adopt"
	"github.com/ouroboros-forge/forge/internal/answers"
)

// Kafka is asked by one request that is made by hand: a client library would double
// the size of forge.
const (
	metadataVersion = 7       // Kafka 2.1 and all that came since, 4 too
	maxMetadata     = 1 << 20 // a broker tells of the topics that it was asked for
)

// errNotKafka is of what listens and speaks something else.
var errNotKafka = errors.New("answers, but not as a Kafka broker in plain text")

// askTopics asks a broker about topics. It creates none.
func askTopics(ctx context.Context, conn net.Conn, topics []string) ([]kmsg.MetadataResponseTopic, error) {
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, err
		}
	}
	r := kmsg.NewPtrMetadataRequest()
	r.Version, r.AllowAutoTopicCreation = metadataVersion, false
	for _, topic := range topics {
		wanted := kmsg.NewMetadataRequestTopic()
		wanted.Topic = &topic
		r.Topics = append(r.Topics, wanted)
	}
	const question = 1
	if _, err := conn.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("forge")).AppendRequest(nil, r, question)); err != nil {
		return nil, unanswered(err)
	}
	var head [8]byte // how much follows, and which question it answers
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return nil, unanswered(err)
	}
	size := int(binary.BigEndian.Uint32(head[:])) - 4
	if size < 0 || size > maxMetadata || binary.BigEndian.Uint32(head[4:]) != question {
		return nil, errNotKafka
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(conn, body); err != nil {
		return nil, unanswered(err)
	}
	answer := kmsg.NewPtrMetadataResponse()
	answer.Version = metadataVersion
	if err := answer.ReadFrom(body); err != nil {
		return nil, errNotKafka
	}
	return answer.Topics, nil
}

func unanswered(err error) error {
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return errors.New("accepts connections but does not answer Kafka requests")
	}
	return errNotKafka // it hangs up on what it does not understand
}

// topicsHere are those that the main cluster has: where a further consumer has brokers of
// its own, nobody knows which are its topics but those of the record.
func (s *site) topicsHere(dotEnv []variable) []string {
	names := os.Environ()
	for _, v := range dotEnv {
		names = append(names, v.name+"="+v.value)
	}
	if slices.ContainsFunc(names, hasOwnBrokers.MatchString) {
		return s.record.Answers.Topics
	}
	return s.topics()
}

var hasOwnBrokers = regexp.MustCompile(`^[A-Z0-9_]+_KAFKA_BOOTSTRAP_SERVERS=.`)

// topics are those of the record, and then those that are registered by hand, with a
// further consumer say.
func (s *site) topics() []string {
	all := slices.Clone(s.record.Answers.Topics)
	for _, topic := range s.registered() {
		if answers.CheckTopics([]string{topic}) == nil && !slices.Contains(all, topic) {
			all = append(all, topic)
		}
	}
	return all
}

// registered are the topics that the code registers handlers of.
func (s *site) registered() (topics []string) {
	for _, name := range s.disk.GoFiles() {
		source, err := s.disk.File(name)
		if err == nil && !strings.HasSuffix(name, "_test.go") {
			topics = append(topics, adopt.Registered(name, source.Content)...)
		}
	}
	return topics
}

// checkTopics says which of the service's topics a broker has.
func checkTopics(address string, found []kmsg.MetadataResponseTopic) []check {
	var checks []check
	for _, t := range found {
		if t.Topic == nil {
			continue
		}
		const unknown, denied = 3, 29
		switch t.ErrorCode {
		case 0:
			checks = append(checks, fine("topic", "%s has %s", *t.Topic, count(len(t.Partitions), "partition")))
		case unknown:
			checks = append(checks, wrong("topic", "create it: `kafka-topics.sh --bootstrap-server "+address+" --create --topic "+*t.Topic+"`", "%s is not there", *t.Topic))
		case denied:
			checks = append(checks, wrong("topic", "give the service the right to describe and read it", "access to %s is denied", *t.Topic))
		default:
			checks = append(checks, wrong("topic", "look at the broker's log", "%s is in trouble: Kafka's error code %d", *t.Topic, t.ErrorCode))
		}
	}
	return checks
}

// inquireTopics returns what asks one of Kafka's brokers for the service's topics.
func inquireTopics(s *site, dotEnv []variable) (ask asker, whyNot string) {
	if whyNot = isSecured(dotEnv); whyNot != "" {
		return func(context.Context, net.Conn) ([]kmsg.MetadataResponseTopic, error) { return nil, nil }, whyNot
	}
	wanted := s.topicsHere(dotEnv)
	return func(ctx context.Context, conn net.Conn) ([]kmsg.MetadataResponseTopic, error) {
		return askTopics(ctx, conn, wanted)
	}, ""
}

// isSecured says which setting asks for more than a plain connection, "" if none.
func isSecured(dotEnv []variable) string {
	if protocol := setting(dotEnv, "KAFKA_SECURITY_PROTOCOL"); protocol != "" && !strings.EqualFold(protocol, "PLAINTEXT") {
		return fmt.Sprintf("KAFKA_SECURITY_PROTOCOL is %q", protocol)
	}
	return ""
}
