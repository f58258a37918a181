package config

import "time"

const (
	groupID = "KAFKA_GROUP_ID"
	noGroup = "a consumer needs a group; instances with the same group split the partitions"
)

// Kafka holds the settings of one consumer, of the publisher, and of the engine
// that runs the handlers.
type Kafka struct {
	Brokers         []string `env:"KAFKA_BOOTSTRAP_SERVERS" kafka:"bootstrap.servers metadata.broker.list" validate:"required,dive,broker" help:"brokers to ask first; the others are found from there"`
	GroupID         string   `env:"KAFKA_GROUP_ID" kafka:"group.id" validate:"omitempty,name" help:"the consumer group; instances with the same group split the partitions"`
	AutoOffsetReset string   `env:"KAFKA_AUTO_OFFSET_RESET" kafka:"auto.offset.reset" envDefault:"earliest" validate:"oneof=earliest latest" help:"where a group without a committed offset starts; latest skips what came before"`
	AutoCommit      bool     `env:"KAFKA_ENABLE_AUTO_COMMIT" kafka:"enable.auto.commit" envDefault:"false" validate:"eq=false" allowed:"false: committing on a timer can skip unhandled messages, and a crash then loses them" help:"always false: an offset is committed when its message is handled, never by the clock"`

	MaxWorkers     int    `env:"KAFKA_MAX_WORKERS" envDefault:"16" validate:"min=1,max=100000" help:"handlers that run at once, over all partitions"`
	Ordering       string `env:"KAFKA_ORDERING" envDefault:"key" validate:"oneof=key partition none" help:"which messages wait for each other: those of one key, of one partition, or none"`
	MaxPollRecords int    `env:"KAFKA_MAX_POLL_RECORDS" kafka:"max.poll.records" envDefault:"4096" validate:"min=1,max=1000000" help:"messages of one partition held in memory before its fetching pauses"`
	MaxBufferBytes int64  `env:"KAFKA_MAX_BUFFER_BYTES" envDefault:"268435456" validate:"min=1024,max=1099511627776" help:"bytes of all partitions held in memory before fetching pauses; one compressed batch may become as many, or 64 MiB"`

	ErrorPolicy      string        `env:"KAFKA_ERROR_POLICY" envDefault:"dead-letter" validate:"oneof=dead-letter retry skip continue stop" help:"what becomes of a message that failed for good (continue means skip); only dead-letter needs the .dlq topics"`
	RetryPolicy      string        `env:"KAFKA_RETRY_POLICY" envDefault:"exponential" validate:"oneof=exponential fibonacci fixed" help:"how the delays between attempts grow"`
	RetryMaxAttempts int           `env:"KAFKA_RETRY_MAX_ATTEMPTS" envDefault:"5" validate:"min=1,max=1000000" help:"attempts, the first included, before the error policy decides"`
	RetryDelay       time.Duration `env:"KAFKA_RETRY_DELAY" envDefault:"100ms" validate:"min=1ms,max=1h" help:"delay before the second attempt"`
	RetryMaxDelay    time.Duration `env:"KAFKA_RETRY_MAX_DELAY" envDefault:"10s" validate:"min=1ms,max=24h" help:"the longest delay between two attempts"`

	PublishRetryPolicy      string        `env:"KAFKA_PUBLISH_RETRY_POLICY" envDefault:"exponential" validate:"oneof=exponential fibonacci fixed" help:"how the delays between attempts to publish grow"`
	PublishRetryMaxAttempts int           `env:"KAFKA_PUBLISH_RETRY_MAX_ATTEMPTS" envDefault:"0" validate:"min=0,max=1000000" help:"attempts to publish, the first included; 0 is as many as KAFKA_PUBLISH_TIMEOUT has time for"`
	PublishRetryDelay       time.Duration `env:"KAFKA_PUBLISH_RETRY_DELAY" kafka:"retry.backoff.ms" envDefault:"100ms" validate:"min=1ms,max=1h" help:"delay before the second attempt to publish"`
	PublishRetryMaxDelay    time.Duration `env:"KAFKA_PUBLISH_RETRY_MAX_DELAY" kafka:"retry.backoff.max.ms" envDefault:"5s" validate:"min=1ms,max=24h" help:"the longest delay between two attempts to publish"`
	PublishTimeout          time.Duration `env:"KAFKA_PUBLISH_TIMEOUT" kafka:"delivery.timeout.ms message.timeout.ms" envDefault:"5m" validate:"min=1ms,max=24h" help:"when an event that cannot be published comes back as an error"`

	CommitInterval time.Duration `env:"KAFKA_COMMIT_INTERVAL" kafka:"auto.commit.interval.ms" envDefault:"1s" validate:"min=10ms,max=1m" help:"time between two commits; what was handled since the last comes again after a crash"`
	DrainTimeout   time.Duration `env:"KAFKA_DRAIN_TIMEOUT" envDefault:"15s" validate:"min=10ms,max=10m" help:"time for running handlers to end on shutdown or when a partition moves"`
	HandlerTimeout time.Duration `env:"KAFKA_HANDLER_TIMEOUT" envDefault:"30s" validate:"min=0s,max=24h" help:"when a handler's context ends; 0s is never"`
	StuckAfter     time.Duration `env:"KAFKA_STUCK_AFTER" envDefault:"5m" validate:"min=0s,max=24h" help:"when a handler that does not return fails /livez; 0s is never"`

	ClientID          string        `env:"KAFKA_CLIENT_ID" kafka:"client.id" validate:"omitempty,name" help:"this client's name in the broker's logs and quotas; SERVICE_NAME when not set"`
	InstanceID        string        `env:"KAFKA_GROUP_INSTANCE_ID" kafka:"group.instance.id" validate:"omitempty,instance" help:"makes the member static: a restart within the session timeout moves no partition"`
	RebalanceStrategy []string      `env:"KAFKA_REBALANCE_STRATEGY" kafka:"partition.assignment.strategy" envDefault:"sticky" validate:"unique,dive,oneof=sticky cooperative-sticky range roundrobin" allowed:"sticky, cooperative-sticky, range, roundrobin; several separated by commas, the preferred one first" help:"how partitions are assigned: the group takes one that all its members have"`
	SessionTimeout    time.Duration `env:"KAFKA_SESSION_TIMEOUT" kafka:"session.timeout.ms" envDefault:"20s" validate:"min=1s,max=30m" help:"silence after which the broker gives a member's partitions to others"`
	HeartbeatInterval time.Duration `env:"KAFKA_HEARTBEAT_INTERVAL" kafka:"heartbeat.interval.ms" validate:"omitempty,min=50ms,max=10m" help:"time between heartbeats; 3s, or a quarter of the session timeout if that is less, when not set"`
	ReadTimeout       time.Duration `env:"KAFKA_READ_TIMEOUT" kafka:"request.timeout.ms socket.timeout.ms" validate:"omitempty,min=1s,max=15m" help:"time to wait for a broker's answer; 30s, or the drain timeout and 15s if that is more, when not set"`
	RebalanceTimeout  time.Duration `env:"KAFKA_REBALANCE_TIMEOUT" kafka:"max.poll.interval.ms" validate:"omitempty,min=1s,max=30m" help:"time for a member to drain and join again when partitions move; 60s, or drain and read timeout and 15s if that is more, when not set"`
	FetchMaxWait      time.Duration `env:"KAFKA_FETCH_MAX_WAIT" kafka:"fetch.max.wait.ms fetch.wait.max.ms" envDefault:"100ms" validate:"min=10ms,max=10s" help:"maximum wait of an empty fetch"`
	IsolationLevel    string        `env:"KAFKA_ISOLATION_LEVEL" kafka:"isolation.level" envDefault:"read_uncommitted" validate:"oneof=read_uncommitted read_committed" help:"whether messages of transactions that are open or aborted are handled too"`
	Compression       string        `env:"KAFKA_COMPRESSION_TYPE" kafka:"compression.type compression.codec" envDefault:"none" validate:"oneof=none gzip snappy lz4 zstd" help:"compression of what the service publishes"`

	SecurityProtocol string `env:"KAFKA_SECURITY_PROTOCOL" kafka:"security.protocol" envDefault:"PLAINTEXT" validate:"oneof=PLAINTEXT SSL SASL_PLAINTEXT SASL_SSL" help:"whether the connection is encrypted and authenticated"`
	SASLMechanism    string `env:"KAFKA_SASL_MECHANISM" kafka:"sasl.mechanism sasl.mechanisms" envDefault:"PLAIN" validate:"oneof=PLAIN SCRAM-SHA-256 SCRAM-SHA-512 OAUTHBEARER" help:"how the service proves who it is, with SASL_*"`
	SASLUsername     string `env:"KAFKA_SASL_USERNAME" kafka:"sasl.username" validate:"omitempty,name" help:"the user, with SASL_*; OAUTHBEARER has it in the token"`
	SASLPassword     Secret `env:"KAFKA_SASL_PASSWORD" kafka:"sasl.password" help:"the user's password, or with OAUTHBEARER the token, with SASL_*"`
	SSLCA            string `env:"KAFKA_SSL_CA" kafka:"ssl.ca.pem ssl.truststore.certificates ssl.ca.location" file:"true" validate:"omitempty,certificates" help:"PEM certificates that sign the brokers'; the system's when not set"`
	SSLCert          string `env:"KAFKA_SSL_CERT" kafka:"ssl.certificate.pem ssl.keystore.certificate.chain ssl.certificate.location" file:"true" validate:"omitempty,certificates" help:"PEM certificate of this client, for brokers that ask for one"`
	SSLKey           Secret `env:"KAFKA_SSL_KEY" kafka:"ssl.key.pem ssl.keystore.key ssl.key.location" validate:"omitempty,key" help:"PEM private key of that certificate, not encrypted"`

	files files
}

// Renewed returns the settings with what the files that hold secrets and certificates
// hold now: they are replaced while a service runs.
func (k Kafka) Renewed() (Kafka, error) {
	err := k.files.renew(&k)
	return k, err
}

// TLS reports whether connections are encrypted.
func (k Kafka) TLS() bool { return k.SecurityProtocol == "SSL" || k.SecurityProtocol == "SASL_SSL" }

// SASL reports whether the client gives a user and a password.
func (k Kafka) SASL() bool {
	return k.SecurityProtocol == "SASL_PLAINTEXT" || k.SecurityProtocol == "SASL_SSL"
}
