package answers

import (
	"slices"
	"strings"
)

// The sources of messages. A service has one.
const (
	Kafka      = "kafka"
	KafkaShare = "kafka-share"
	JetStream  = "jetstream"
	RabbitMQ   = "rabbitmq"
)

type source struct {
	name   string
	broker string   // where its programs look for it by default
	parts  []string // of the template
}

// sources are what there is to choose from, the default first.
var sources = []source{
	{Kafka, "localhost:9092", []string{"kafka", "group"}},
	{KafkaShare, "localhost:9092", []string{"kafka", "share"}},
	{JetStream, "localhost:4222", []string{"jetstream"}},
	{RabbitMQ, "localhost:5672", []string{"rabbitmq"}},
}

// ofKafka are the extras that speak Kafka's protocol themselves, or scale by its groups.
var ofKafka = []string{DLQ, K8s}

// Sources returns the sources of messages, of which a service has exactly one;
// the first is the default.
func Sources() []string {
	var names []string
	for _, s := range sources {
		names = append(names, s.name)
	}
	return names
}

// SetSource makes name the source of messages. A broker that is the default of
// another source becomes the default of this one.
func (a *Answers) SetSource(name string) {
	a.Source = name
	for _, s := range sources {
		if s.name == name && a.hasDefaultBroker() {
			a.Brokers = []string{s.broker}
		}
	}
}

// hasDefaultBroker reports whether the brokers are those that nobody chose.
func (a *Answers) hasDefaultBroker() bool {
	return len(a.Brokers) == 1 && slices.ContainsFunc(sources, func(s source) bool { return s.broker == a.Brokers[0] })
}

// sourceParts returns the parts of the template that are a source's.
func sourceParts(source string) []string {
	for _, s := range sources {
		if s.name == source {
			return s.parts
		}
	}
	return nil
}

// CheckSource checks the name of the source, and that each of the extras is for it.
func CheckSource(source string, with []string) error {
	if !slices.Contains(Sources(), source) {
		return &Problem{Question: Source, Value: source, Reason: "is not a source", Hint: "the sources are " + strings.Join(Sources(), ", ")}
	}
	if slices.Contains(sourceParts(source), Kafka) {
		return nil
	}
	for _, extra := range ofKafka {
		if slices.Contains(with, extra) {
			return &Problem{Question: With, Value: extra, Reason: "is for Kafka, and the source is " + source, Hint: "leave it out, or take --source " + Kafka}
		}
	}
	return nil
}
