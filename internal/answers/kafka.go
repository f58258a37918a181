package answers

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxKafkaName is how long Kafka lets a topic's name be. Groups have no such
// bound; they get the same.
const maxKafkaName = 249

// deadLetterSuffix ends the names of the topics that the service writes itself.
const deadLetterSuffix = ".dlq"

// CheckTopics checks the topics: each by itself, and that no two of them give
// the same name to a file, to something in Go, or to a topic.
func CheckTopics(topics []string) error {
	if len(topics) == 0 {
		return &Problem{Question: Topics, Reason: "names no topic", Hint: "name at least one, as in orders"}
	}
	var problems []error
	given := make(map[string]bool)
	taken := make(map[string]string) // by what they call, the topics that were first
	for _, topic := range topics {
		p := checkTopic(topic)
		switch {
		case p != nil:
		case given[topic]:
			p = &Problem{Question: Topics, Value: topic, Reason: "is given twice", Hint: "name each topic once"}
		default:
			p = checkShared(topic, taken)
		}
		given[topic] = true
		if p != nil {
			problems = append(problems, p)
		}
	}
	return errors.Join(problems...)
}

func checkTopic(topic string) *Problem {
	p := &Problem{Question: Topics, Value: topic, Hint: "use letters, digits, . _ and -, as in orders or billing.invoices"}
	switch bad := strings.IndexFunc(topic, func(r rune) bool { return !isNameChar(r) }); {
	case topic == "":
		p.Reason = "has an empty name"
		p.Hint = "name a topic between its commas, or leave one comma out"
	case topic == "." || topic == "..":
		p.Reason = "is a name that Kafka refuses"
	case bad >= 0:
		p.Reason = "has " + describe(topic[bad:])
	case len(topic) > maxKafkaName:
		p.Reason = fmt.Sprintf("has %d characters, Kafka allows %d", len(topic), maxKafkaName)
		p.Hint = "use a shorter name"
	case topic == "__consumer_offsets" || topic == "__transaction_state":
		p.Reason = "is a topic that Kafka keeps for itself"
		p.Hint = "name a topic that holds messages, as in orders"
	case strings.HasSuffix(topic, deadLetterSuffix):
		p.Reason = "is the name of a dead-letter topic"
		p.Hint = "name the topic itself: failed messages of x go to x" + deadLetterSuffix
	case len(topic)+len(deadLetterSuffix) > maxKafkaName:
		p.Reason = fmt.Sprintf("has %d characters, which leaves no room for its dead-letter topic's %s", len(topic), deadLetterSuffix)
		p.Hint = fmt.Sprintf("use at most %d characters", maxKafkaName-len(deadLetterSuffix))
	default:
		return nil
	}
	return p
}

// checkShared tells what a valid topic would share with one before it, and
// otherwise notes what it takes for itself.
func checkShared(topic string, taken map[string]string) *Problem {
	n := NamesOf(topic)
	known := func(topic string) string {
		return fmt.Sprintf("the topic %s: dead letters have topics too, and Kafka takes . and _ for the same", strings.ReplaceAll(topic, ".", "_"))
	}
	claims := []string{
		"the Go name " + n.Handler,
		"the Go name " + n.Model + " of a model",
		"the file name " + n.File + ".go",
		known(topic),
		known(topic + deadLetterSuffix),
	}
	for _, claim := range claims {
		if other, ok := taken[claim]; ok {
			return &Problem{
				Question: Topics, Value: topic,
				Reason: fmt.Sprintf("and %q would share %s", other, claim),
				Hint:   "one service cannot have both: leave one of them to another service",
			}
		}
	}
	for _, claim := range claims {
		taken[claim] = topic
	}
	return nil
}

// CheckGroup checks a consumer group's name.
func CheckGroup(group string) error {
	p := &Problem{Question: Group, Value: group, Hint: "use a name of one line, as in my-service"}
	hidden := strings.IndexFunc(group, func(r rune) bool { return !unicode.IsPrint(r) })
	switch {
	case group == "":
		p.Reason = "is empty"
	case strings.TrimSpace(group) == "":
		p.Reason = "is blank"
	case !utf8.ValidString(group):
		p.Reason = "is not valid UTF-8"
	case hidden >= 0:
		p.Reason = "has " + describe(group[hidden:])
	case len(group) > maxKafkaName:
		p.Reason = fmt.Sprintf("has %d bytes, at most %d are allowed", len(group), maxKafkaName)
		p.Hint = "use a shorter name"
	default:
		if _, err := EnvQuote(group); err != nil {
			p.Reason = err.Error()
			p.Hint = "do not end it with a quote or a backslash"
			return p
		}
		return nil
	}
	return p
}

// CheckBrokers checks the bootstrap servers, each host:port.
func CheckBrokers(brokers []string) error {
	if len(brokers) == 0 {
		return &Problem{Question: Brokers, Reason: "names no broker", Hint: "name at least one, as in localhost:9092"}
	}
	var problems []error
	for i, broker := range brokers {
		reason := checkBroker(broker)
		if reason == "" && slices.Contains(brokers[:i], broker) {
			reason = "is given twice"
		}
		if reason != "" {
			problems = append(problems, &Problem{Question: Brokers, Value: broker, Reason: reason,
				Hint: "use host:port, as in localhost:9092 or [::1]:9092"})
		}
	}
	return errors.Join(problems...)
}

// checkBroker tells what is wrong with host:port, or returns "".
func checkBroker(broker string) string {
	if strings.Contains(broker, "://") {
		return "has a scheme"
	}
	colon := strings.LastIndexByte(broker, ':')
	if colon < 0 || strings.HasSuffix(broker, "]") {
		return "has no port"
	}
	host, port := broker[:colon], broker[colon+1:]
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || port[0] == '0' {
		return fmt.Sprintf("has the port %q, which is not a number from 1 to 65535", port)
	}
	return checkHost(host)
}

func checkHost(host string) string {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		if addr, err := netip.ParseAddr(inner); !ok || err != nil || !addr.Is6() || addr.Zone() != "" {
			return fmt.Sprintf("has the host %q, which is not an IPv6 address in brackets", host)
		}
		return ""
	}
	switch bad := strings.IndexFunc(host, func(r rune) bool { return !isNameChar(r) }); {
	case host == "":
		return "has no host"
	case strings.Contains(host, ":"):
		return "has an IPv6 address without brackets"
	case bad >= 0:
		return fmt.Sprintf("has %s in its host", describe(host[bad:]))
	case len(host) > 253:
		return "has a host of more than 253 characters"
	case host[0] == '-' || host[0] == '.' || strings.Contains(host, ".."):
		return fmt.Sprintf("has the host %q, which is not a host name", host)
	}
	return ""
}

// isNameChar reports whether r may be in a topic, a service's name, a host.
func isNameChar(r rune) bool {
	return isAlnum(r) || r == '.' || r == '_' || r == '-'
}

func isAlnum(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// describe names the first character of text, which is not allowed, so that a
// person can see it.
func describe(text string) string {
	r, _ := utf8.DecodeRuneInString(text)
	switch r {
	case ' ':
		return "a space"
	case '\n', '\r':
		return "a line break"
	case '\t':
		return "a tab"
	}
	if !unicode.IsPrint(r) {
		return fmt.Sprintf("the invisible character %U", r)
	}
	return fmt.Sprintf("the character %q", r)
}
