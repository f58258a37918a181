package answers

import (
	"fmt"
	"net"
	"net/url"
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
	parts  []string // of the template
	title  string   // of the broker
	help   string   // what it is, in a line
	broker string   // where it is looked for by default
	url    string   // of a broker, as its setting has it
	apart  bool     // no such broker runs in a process of ours

	brokersIn, groupIn, loginIn string // settings
}

// sources are what there is to choose from, the default first.
var sources = []source{
	{
		name: Kafka, parts: []string{"kafka", "group"}, title: "Kafka", help: "messages from Kafka, shared by a consumer group", broker: "localhost:9092", url: "%s",
		brokersIn: "KAFKA_BOOTSTRAP_SERVERS", groupIn: "KAFKA_GROUP_ID", loginIn: "KAFKA_SASL_PASSWORD",
	},
	{
		name: KafkaShare, parts: []string{"kafka", "share"}, title: "Kafka", help: "messages from Kafka 4.2 or later, shared by a share group", broker: "localhost:9092", url: "%s",
		brokersIn: "KAFKA_BOOTSTRAP_SERVERS", groupIn: "KAFKA_GROUP_ID", loginIn: "KAFKA_SASL_PASSWORD",
	},
	{
		name: JetStream, parts: []string{"jetstream"}, title: "NATS", help: "messages from NATS JetStream", broker: "localhost:4222", url: "nats://%s",
		brokersIn: "NATS_URL", groupIn: "JETSTREAM_GROUP", loginIn: "NATS_PASSWORD",
	},
	{
		name: RabbitMQ, parts: []string{"rabbitmq"}, title: "RabbitMQ", help: "messages from RabbitMQ", broker: "localhost:5672", url: "amqp://guest:guest@%s/", apart: true,
		brokersIn: "RABBITMQ_URL", groupIn: "SERVICE_NAME", loginIn: "RABBITMQ_URL",
	},
}

// ofKafka are the extras that scale by the groups of Kafka.
var ofKafka = []string{K8s}

// Sources returns the sources of messages, of which a service has exactly one;
// the first is the default.
func Sources() []string {
	var names []string
	for _, s := range sources {
		names = append(names, s.name)
	}
	return names
}

// SourceHelp says in a line what a source is.
func SourceHelp(name string) string { return sourceOf(name).help }

// SetSource makes name the source of a. Brokers that nobody chose become those of this source.
func SetSource(a *Answers, name string) {
	a.Brokers = BrokersFor(name, a.Brokers)
	a.Source = name
}

// BrokersFor returns brokers, or where a source is looked for by default if they are
// where another one is.
func BrokersFor(source string, brokers []string) []string {
	is := sourceOf(source).broker
	if is == "" || len(brokers) != 1 {
		return brokers
	}
	for _, s := range sources {
		if brokers[0] == s.broker {
			return []string{is}
		}
	}
	return brokers
}

// SettingsOf returns the settings of a service with that source that hold its brokers and
// its group.
func SettingsOf(source string) (brokers, group string) {
	s := sourceOf(source)
	return s.brokersIn, s.groupIn
}

// BrokerName returns what people call the broker.
func (a Answers) BrokerName() string { return sourceOf(a.Source).title }

// BrokerURLs returns the brokers as their setting has them.
func (a Answers) BrokerURLs() string {
	var all []string
	for _, broker := range a.Brokers {
		all = append(all, fmt.Sprintf(sourceOf(a.Source).url, broker))
	}
	return strings.Join(all, ",")
}

// BrokersOf returns the brokers that the setting of a source names, as host:port. What is
// written otherwise is returned as it is.
func BrokersOf(source, setting string) []string {
	all := strings.Split(setting, ",")
	for i, broker := range all {
		all[i] = strings.TrimSpace(broker)
		u, err := url.Parse(all[i])
		switch {
		case !sourceOf(source).hasURLs() || err != nil || u.Host == "":
		case u.Port() == "":
			all[i] = net.JoinHostPort(u.Hostname(), portOf(source))
		default:
			all[i] = u.Host
		}
	}
	return all
}

// DevEnv returns what a new service's dev program has to have in its environment to find
// the broker that was answered: nothing if it brings its own.
func (a Answers) DevEnv() []string {
	s := sourceOf(a.Source)
	if !s.apart {
		return nil
	}
	return []string{s.brokersIn + "=" + a.BrokerURLs()}
}

// KeepsPositions reports whether the source remembers for each group how far it has read
// a topic: a queue has only what is not done.
func (a Answers) KeepsPositions() bool { return a.Source != RabbitMQ }

// hasURLs reports whether the setting has brokers as URLs, and not as host:port.
func (s source) hasURLs() bool { return strings.Contains(s.url, "://") }

// BrokerPort returns where on a machine the broker is looked for.
func (a Answers) BrokerPort() string { return portOf(a.Source) }

func portOf(source string) string {
	_, port, _ := strings.Cut(sourceOf(source).broker, ":")
	return port
}

// PasswordIn returns the setting that holds the password for the broker.
func (a Answers) PasswordIn() string { return sourceOf(a.Source).loginIn }

func sourceOf(name string) source {
	for _, s := range sources {
		if s.name == name {
			return s
		}
	}
	return source{}
}

// CheckSource checks the name of the source.
func CheckSource(source string) error {
	if !slices.Contains(Sources(), source) {
		return &Problem{Question: Source, Value: source, Reason: "is not a source", Hint: "the sources are " + strings.Join(Sources(), ", ")}
	}
	return nil
}

// CheckBrokersFor checks that the source takes as many brokers.
func CheckBrokersFor(source string, brokers []string) error {
	if source != RabbitMQ || len(brokers) < 2 {
		return nil
	}
	return &Problem{Question: Brokers, Value: strings.Join(brokers, ","), Reason: "are several, and a RabbitMQ has one address", Hint: "name one, or what stands before all of them"}
}

// CheckExtrasFor checks that the source has the extras.
func CheckExtrasFor(source string, with []string) error {
	if slices.Contains(sourceOf(source).parts, "kafka") {
		return nil
	}
	for _, extra := range ofKafka {
		if slices.Contains(with, extra) {
			return &Problem{Question: With, Value: extra, Reason: "is for Kafka, and the source is " + source, Hint: "leave it out, or choose the source " + Kafka + " or " + KafkaShare}
		}
	}
	return nil
}
