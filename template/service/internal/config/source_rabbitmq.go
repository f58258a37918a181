//go:build rabbitmq

package config

import "net/url"

// Source is where messages come from, and where events go.
type Source = RabbitMQ

const (
	sourcePrefix = "RABBITMQ_" // begins the names of settings that no other program has
	groupID      = "SERVICE_NAME"
	noGroup      = "a consumer needs a name for its dead letters and metrics"
)

// finishSource sets what follows other settings where it is not set, and refuses
// settings that do not fit together. What stands behind # in the URL begins the names of
// queues, in the place of the service's prefix and before one of the consumer's own: so one
// value leads tests and `make dev` to queues that are nobody else's.
func (s *scope) finishSource(service string) {
	r := s.source
	r.files = s.files
	if r.GroupID = service; s.consumer != "" {
		r.GroupID += "-" + s.consumer
	}
	if s.isWrong(consumerSettings) {
		return
	}
	s.require(isAMQP(r.URL), "RABBITMQ_URL", "must be amqp://user:password@host:port/vhost, or amqps://")
	if u, err := url.Parse(string(r.URL)); err == nil {
		r.Temporary = u.Fragment != ""
		if _, isOwn := s.find("RABBITMQ_QUEUE_PREFIX"); r.Temporary && (s.consumer == "" || !isOwn) {
			r.QueuePrefix = ""
		}
		r.QueuePrefix = u.Fragment + r.QueuePrefix
	}
	s.checkEngine(&r.Engine)
	s.checkPublish(r.Publish)
	for _, c := range []struct{ name, value string }{{"RABBITMQ_CA", r.CA}, {"RABBITMQ_CERT", r.Cert}, {"RABBITMQ_KEY", string(r.Key)}} {
		s.require(r.TLS() || c.value == "", c.name, "is not used with a RABBITMQ_URL that begins with amqp://; amqps:// would use it")
	}
	s.require((r.Key == "") == (r.Cert == ""), "RABBITMQ_KEY", "must be set with RABBITMQ_CERT, and only with it")
}

// isRival is never true: who consumes a queue shares its messages with whoever else does.
func (r RabbitMQ) isRival(RabbitMQ) bool { return false }

// isAMQP reports whether text is the URL of a broker.
func isAMQP(text Secret) bool {
	u, err := url.Parse(string(text))
	return err == nil && (u.Scheme == "amqp" || u.Scheme == "amqps") && u.Hostname() != ""
}

// What settings are when they are not set, and what they are for, if that is not what it is
// with other sources.
var (
	// With more, what is done out of order costs the broker more: it searches what it has
	// delivered for each.
	sourceDefaults = map[string]string{"MAX_POLL_RECORDS": "1000"}
	sourceHelp     = map[string]string{
		"SERVICE_NAME":     "the service's name in logs, message headers and at the broker",
		"MAX_POLL_RECORDS": "messages of one queue that the broker delivers before one is done (the prefetch), at most 65535",
		"MAX_BUFFER_BYTES": "bytes of all queues in memory above which one handler of each queue runs at a time; only MAX_POLL_RECORDS holds the broker back",
		"ERROR_POLICY":     "what becomes of a message that failed for good (continue means skip)",
		"COMMIT_INTERVAL":  "time between two questions whether the broker has the acknowledgements, which go out as messages are done, by then at the latest",
		"DRAIN_TIMEOUT":    "time for running handlers to end on shutdown",
	}
)
