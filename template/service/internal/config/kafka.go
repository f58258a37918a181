package config

import (
	"slices"
	"strings"
	"time"
)

// Kafka holds the settings of one consumer and of the publisher.
type Kafka struct {
	Brokers         []string `env:"KAFKA_BOOTSTRAP_SERVERS" also:"bootstrap.servers metadata.broker.list" validate:"required,dive,broker" help:"brokers to ask first; the others are found from there"`
	GroupID         string   `env:"KAFKA_GROUP_ID" also:"group.id" validate:"omitempty,name" help:"the consumer group; instances with the same group share the work"`
	AutoOffsetReset string   `env:"KAFKA_AUTO_OFFSET_RESET" also:"auto.offset.reset" envDefault:"earliest" validate:"oneof=earliest latest" help:"where a group without a committed offset starts; latest skips what came before"`
	AutoCommit      bool     `env:"KAFKA_ENABLE_AUTO_COMMIT" also:"enable.auto.commit" envDefault:"false" validate:"eq=false" allowed:"false: committing on a timer can skip unhandled messages, and a crash then loses them" help:"always false: an offset is committed when its message is handled, never by the clock"`

	Engine
	Publish

	ClientID          string        `env:"KAFKA_CLIENT_ID" also:"client.id" validate:"omitempty,name" help:"this client's name in the broker's logs and quotas; SERVICE_NAME when not set"`
	InstanceID        string        `env:"KAFKA_GROUP_INSTANCE_ID" also:"group.instance.id" validate:"omitempty,instance" help:"makes the member static: a restart within the session timeout moves no partition"`                                                                                                                                                                                    //forge:if group
	RebalanceStrategy []string      `env:"KAFKA_REBALANCE_STRATEGY" also:"partition.assignment.strategy" envDefault:"sticky" validate:"unique,dive,oneof=sticky cooperative-sticky range roundrobin" allowed:"sticky, cooperative-sticky, range, roundrobin; several separated by commas, the preferred one first" help:"how partitions are assigned: the group takes one that all its members have"` //forge:if group
	SessionTimeout    time.Duration `env:"KAFKA_SESSION_TIMEOUT" also:"session.timeout.ms" envDefault:"20s" validate:"min=1s,max=30m" help:"silence after which the broker gives a member's partitions to others"`                                                                                                                                                                                    //forge:if group
	HeartbeatInterval time.Duration `env:"KAFKA_HEARTBEAT_INTERVAL" also:"heartbeat.interval.ms" validate:"omitempty,min=50ms,max=10m" help:"time between heartbeats; 3s, or a quarter of the session timeout if that is less, when not set"`                                                                                                                                                         //forge:if group
	ReadTimeout       time.Duration `env:"KAFKA_READ_TIMEOUT" also:"request.timeout.ms socket.timeout.ms" validate:"omitempty,min=1s,max=15m" help:"time to wait for a broker's answer; 30s, or the drain timeout and 15s if that is more, when not set"`
	RebalanceTimeout  time.Duration `env:"KAFKA_REBALANCE_TIMEOUT" also:"max.poll.interval.ms" validate:"omitempty,min=1s,max=30m" help:"time for a member to drain and join again when partitions move; 60s, or drain and read timeout and 15s if that is more, when not set"` //forge:if group
	FetchMaxWait      time.Duration `env:"KAFKA_FETCH_MAX_WAIT" also:"fetch.max.wait.ms fetch.wait.max.ms" envDefault:"100ms" validate:"min=10ms,max=10s" help:"maximum wait of an empty fetch"`
	IsolationLevel    string        `env:"KAFKA_ISOLATION_LEVEL" also:"isolation.level" envDefault:"read_uncommitted" validate:"oneof=read_uncommitted read_committed" help:"whether messages of transactions that are open or aborted are handled too"`
	Compression       string        `env:"KAFKA_COMPRESSION_TYPE" also:"compression.type compression.codec" envDefault:"none" validate:"oneof=none gzip snappy lz4 zstd" help:"compression of what the service publishes"`

	SecurityProtocol string `env:"KAFKA_SECURITY_PROTOCOL" also:"security.protocol" envDefault:"PLAINTEXT" validate:"oneof=PLAINTEXT SSL SASL_PLAINTEXT SASL_SSL" help:"whether the connection is encrypted and authenticated"`
	SASLMechanism    string `env:"KAFKA_SASL_MECHANISM" also:"sasl.mechanism sasl.mechanisms" envDefault:"PLAIN" validate:"oneof=PLAIN SCRAM-SHA-256 SCRAM-SHA-512 OAUTHBEARER" help:"how the service proves who it is, with SASL_*"`
	SASLUsername     string `env:"KAFKA_SASL_USERNAME" also:"sasl.username" validate:"omitempty,name" help:"the user, with SASL_*; OAUTHBEARER has it in the token"`
	SASLPassword     Secret `env:"KAFKA_SASL_PASSWORD" also:"sasl.password" help:"the user's password, or with OAUTHBEARER the token, with SASL_*"`
	SSLCA            string `env:"KAFKA_SSL_CA" also:"ssl.ca.pem ssl.truststore.certificates ssl.ca.location" file:"true" validate:"omitempty,certificates" help:"PEM certificates that sign the brokers'; the system's when not set"`
	SSLCert          string `env:"KAFKA_SSL_CERT" also:"ssl.certificate.pem ssl.keystore.certificate.chain ssl.certificate.location" file:"true" validate:"omitempty,certificates" help:"PEM certificate of this client, for brokers that ask for one"`
	SSLKey           Secret `env:"KAFKA_SSL_KEY" also:"ssl.key.pem ssl.keystore.key ssl.key.location" validate:"omitempty,key" help:"PEM private key of that certificate, not encrypted"`

	files files
}

// Renewed returns the settings with what the files that hold secrets and certificates
// hold now: they are replaced while a service runs.
func (k Kafka) Renewed() (Kafka, error) {
	err := k.files.renew(&k)
	return k, err
}

// TLS reports whether connections are encrypted.
func (k Kafka) TLS() bool { return strings.HasSuffix(k.SecurityProtocol, "SSL") }

// SASL reports whether the client gives a user and a password.
func (k Kafka) SASL() bool { return strings.HasPrefix(k.SecurityProtocol, "SASL") }

// Doubt returns what is allowed and may not be meant, "" if nothing is.
func (k Kafka) Doubt() string {
	if k.SASL() && !k.TLS() {
		return "credentials and messages are not encrypted on their way to Kafka: KAFKA_SECURITY_PROTOCOL=" + k.SecurityProtocol
	}
	return ""
}

// isRival reports whether members of both consumers would be given partitions of topics
// that they do not read.
func (k Kafka) isRival(other Kafka) bool {
	return k.GroupID != "" && k.GroupID == other.GroupID && slices.Equal(k.Brokers, other.Brokers)
}

// checkSecurity refuses settings that do not fit together.
func (k Kafka) checkSecurity(s *scope) {
	// Whether a certificate and its key belong together is seen when they are used.
	for _, c := range []struct{ name, value string }{{"KAFKA_SASL_USERNAME", k.SASLUsername}, {"KAFKA_SASL_PASSWORD", string(k.SASLPassword)}} {
		inToken := c.name == "KAFKA_SASL_USERNAME" && k.SASLMechanism == "OAUTHBEARER"
		s.require(!k.SASL() || c.value != "" || inToken, c.name, "must be set with KAFKA_SECURITY_PROTOCOL=%s", k.SecurityProtocol)
		s.require(k.SASL() || c.value == "", c.name, "is not used with KAFKA_SECURITY_PROTOCOL=%s; SASL_SSL would use it", k.SecurityProtocol)
	}
	for _, c := range []struct{ name, value string }{{"KAFKA_SSL_CA", k.SSLCA}, {"KAFKA_SSL_CERT", k.SSLCert}, {"KAFKA_SSL_KEY", string(k.SSLKey)}} {
		s.require(k.TLS() || c.value == "", c.name, "is not used with KAFKA_SECURITY_PROTOCOL=%s; SSL or SASL_SSL would use it", k.SecurityProtocol)
	}
	s.require(k.SSLKey == "" || k.SSLCert != "", "KAFKA_SSL_CERT", "must be set with KAFKA_SSL_KEY")
	s.require(k.SSLCert == "" || k.SSLKey != "", "KAFKA_SSL_KEY", "must be set with KAFKA_SSL_CERT")
}
