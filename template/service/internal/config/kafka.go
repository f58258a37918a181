package config

import "time"

// Kafka holds the settings of the Kafka client and of the engine that runs the
// handlers.
type Kafka struct {
	Brokers         []string `env:"KAFKA_BOOTSTRAP_SERVERS" required:"true" check:"brokers" doc:"brokers to ask first; the others are found from there"`
	GroupID         string   `env:"KAFKA_GROUP_ID" required:"true" check:"name" doc:"the consumer group; services that share it share the work"`
	AutoOffsetReset string   `env:"KAFKA_AUTO_OFFSET_RESET" envDefault:"earliest" oneof:"earliest latest" doc:"where a group without a committed offset starts; latest skips what came before"`
	AutoCommit      bool     `env:"KAFKA_ENABLE_AUTO_COMMIT" envDefault:"false" oneof:"false" doc:"always false: a message is committed when it is done, never by the clock"`

	MaxWorkers     int    `env:"KAFKA_MAX_WORKERS" envDefault:"16" min:"1" max:"100000" doc:"handlers that run at once, over all partitions"`
	Ordering       string `env:"KAFKA_ORDERING" envDefault:"key" oneof:"key partition none" doc:"which messages wait for each other: those of one key, of one partition, or none"`
	MaxPollRecords int    `env:"KAFKA_MAX_POLL_RECORDS" envDefault:"4096" min:"1" max:"1000000" doc:"messages of one partition held in memory before its fetching pauses"`
	MaxPollBytes   int64  `env:"KAFKA_MAX_POLL_BYTES" envDefault:"8388608" min:"1024" max:"1073741824" doc:"bytes of one partition held in memory before its fetching pauses"`
	MaxBufferBytes int64  `env:"KAFKA_MAX_BUFFER_BYTES" envDefault:"268435456" min:"1024" max:"1099511627776" doc:"bytes of all partitions held in memory before fetching pauses; each may hold its share"`

	ErrorPolicy      string        `env:"KAFKA_ERROR_POLICY" envDefault:"dead-letter" oneof:"dead-letter retry skip stop" doc:"what becomes of a message that failed for good; only dead-letter needs the .dlq topics"`
	UnknownTypes     string        `env:"KAFKA_UNKNOWN_TYPES" envDefault:"default-handler" oneof:"default-handler dead-letter" doc:"where a message goes whose type no handler of its topic takes; without a default handler it is a dead letter"`
	RetryPolicy      string        `env:"KAFKA_RETRY_POLICY" envDefault:"exponential" oneof:"exponential fibonacci fixed" doc:"how the delays between attempts grow"`
	RetryMaxAttempts int           `env:"KAFKA_RETRY_MAX_ATTEMPTS" envDefault:"5" min:"1" max:"1000000" doc:"attempts, the first included, before the error policy decides"`
	RetryDelay       time.Duration `env:"KAFKA_RETRY_DELAY" envDefault:"100ms" min:"1ms" max:"1h" doc:"delay before the second attempt"`
	RetryMaxDelay    time.Duration `env:"KAFKA_RETRY_MAX_DELAY" envDefault:"10s" min:"1ms" max:"24h" doc:"no delay grows beyond this"`
	RetryPlainErrors bool          `env:"KAFKA_RETRY_PLAIN_ERRORS" envDefault:"false" doc:"retry errors that are neither message.Retry nor message.Permanent too"`
	BreakerFailures  int           `env:"KAFKA_BREAKER_FAILURES" envDefault:"50" min:"0" max:"1000000" doc:"failures that ask for a retry, if they are most within 10 s, hold all handlers back but one; 0 is never"`

	PublishRetryPolicy      string        `env:"KAFKA_PUBLISH_RETRY_POLICY" envDefault:"exponential" oneof:"exponential fibonacci fixed" doc:"how the delays grow between attempts to publish, each 20 % more or less"`
	PublishRetryMaxAttempts int           `env:"KAFKA_PUBLISH_RETRY_MAX_ATTEMPTS" envDefault:"0" min:"0" max:"1000000" doc:"attempts to publish, the first included; 0 is as many as KAFKA_PUBLISH_TIMEOUT has time for"`
	PublishRetryDelay       time.Duration `env:"KAFKA_PUBLISH_RETRY_DELAY" envDefault:"100ms" min:"1ms" max:"1h" doc:"delay before the second attempt to publish"`
	PublishRetryMaxDelay    time.Duration `env:"KAFKA_PUBLISH_RETRY_MAX_DELAY" envDefault:"5s" min:"1ms" max:"24h" doc:"no delay between attempts to publish grows beyond this"`
	PublishTimeout          time.Duration `env:"KAFKA_PUBLISH_TIMEOUT" envDefault:"5m" min:"1ms" max:"24h" doc:"when an event that cannot be published comes back as an error"`
	PublishBufferBytes      int64         `env:"KAFKA_PUBLISH_BUFFER_BYTES" envDefault:"33554432" min:"1024" max:"17179869184" doc:"bytes on their way to the broker before publishing waits"`

	CommitInterval time.Duration `env:"KAFKA_COMMIT_INTERVAL" envDefault:"1s" min:"10ms" max:"1m" doc:"time between two commits; what was handled since the last comes again after a crash"`
	DrainTimeout   time.Duration `env:"KAFKA_DRAIN_TIMEOUT" envDefault:"15s" min:"10ms" max:"10m" doc:"time for running handlers to end on shutdown or when a partition moves"`
	HandlerTimeout time.Duration `env:"KAFKA_HANDLER_TIMEOUT" envDefault:"30s" min:"0s" max:"24h" doc:"when a handler's context ends; 0s is never"`
	StuckAfter     time.Duration `env:"KAFKA_STUCK_AFTER" envDefault:"5m" min:"0s" max:"24h" doc:"when a handler that does not return fails /livez; 0s is never"`

	ClientID          string        `env:"KAFKA_CLIENT_ID" check:"name" doc:"this client's name in the broker's logs and quotas; empty is SERVICE_NAME"`
	InstanceID        string        `env:"KAFKA_GROUP_INSTANCE_ID" check:"instance" doc:"makes the member static: a restart within the session timeout moves no partition"`
	RebalanceStrategy string        `env:"KAFKA_REBALANCE_STRATEGY" envDefault:"sticky" oneof:"sticky cooperative-sticky range roundrobin" doc:"how partitions are shared out in the group"`
	SessionTimeout    time.Duration `env:"KAFKA_SESSION_TIMEOUT" envDefault:"20s" min:"1s" max:"30m" doc:"silence after which the broker gives a member's partitions to others"`
	HeartbeatInterval time.Duration `env:"KAFKA_HEARTBEAT_INTERVAL" envDefault:"3s" min:"50ms" max:"10m" doc:"time between heartbeats, a third of the session timeout at most"`
	RebalanceTimeout  time.Duration `env:"KAFKA_REBALANCE_TIMEOUT" envDefault:"60s" min:"1s" max:"30m" doc:"time for a member to drain and join again when partitions move"`
	ReadTimeout       time.Duration `env:"KAFKA_READ_TIMEOUT" envDefault:"30s" min:"1s" max:"10m" doc:"time to wait for a broker's answer"`
	FetchMaxWait      time.Duration `env:"KAFKA_FETCH_MAX_WAIT" envDefault:"100ms" min:"10ms" max:"10s" doc:"how long a broker may hold a fetch without data; commits wait behind it"`
	IsolationLevel    string        `env:"KAFKA_ISOLATION_LEVEL" envDefault:"read_uncommitted" oneof:"read_uncommitted read_committed" doc:"whether messages of transactions that are not committed, or never will be, are handled too"`
	MetadataBackoff   time.Duration `env:"KAFKA_METADATA_BACKOFF" envDefault:"250ms" min:"1ms" max:"10s" doc:"time between questions for topics and leaders, ten at most"`
	Compression       string        `env:"KAFKA_COMPRESSION_TYPE" envDefault:"none" oneof:"none gzip snappy lz4 zstd" doc:"compression of what the service publishes"`

	SecurityProtocol string `env:"KAFKA_SECURITY_PROTOCOL" envDefault:"PLAINTEXT" oneof:"PLAINTEXT SSL SASL_PLAINTEXT SASL_SSL" doc:"whether the connection is encrypted and authenticated"`
	SASLMechanism    string `env:"KAFKA_SASL_MECHANISM" envDefault:"PLAIN" oneof:"PLAIN SCRAM-SHA-256 SCRAM-SHA-512" doc:"how the service proves who it is, with SASL_*"`
	SASLUsername     string `env:"KAFKA_SASL_USERNAME" doc:"the user, with SASL_*"`
	SASLPassword     Secret `env:"KAFKA_SASL_PASSWORD" file:"true" doc:"the user's password, with SASL_*"`
	SSLCA            string `env:"KAFKA_SSL_CA" file:"true" check:"certificates" doc:"PEM certificates that sign the brokers'; empty is the system's"`
	SSLCert          string `env:"KAFKA_SSL_CERT" file:"true" check:"certificates" doc:"PEM certificate of this client, for brokers that ask for one"`
	SSLKey           Secret `env:"KAFKA_SSL_KEY" file:"true" check:"key" doc:"PEM private key of that certificate, not encrypted"`
}

// TLS reports whether connections are encrypted.
func (k Kafka) TLS() bool { return k.SecurityProtocol == "SSL" || k.SecurityProtocol == "SASL_SSL" }

// SASL reports whether the client gives a user and a password.
func (k Kafka) SASL() bool {
	return k.SecurityProtocol == "SASL_PLAINTEXT" || k.SecurityProtocol == "SASL_SSL"
}
