package config

import (
	"net/url"
	"strings"
)

// RabbitMQ holds the settings of one consumer and of the publisher.
type RabbitMQ struct {
	URL         Secret `env:"RABBITMQ_URL" validate:"required" allowed:"amqp://user:password@host:port/vhost, or amqps:// for TLS" help:"where the broker is, with user and password"`
	Partitions  int    `env:"RABBITMQ_PARTITIONS" envDefault:"1" validate:"min=1,max=256" help:"queues that a topic is spread over by key; all services that share a topic have the same number"`
	QueuePrefix string `env:"RABBITMQ_QUEUE_PREFIX" validate:"omitempty,name" help:"begins the names of all queues and exchanges; topics are called as ever"`
	Declare     string `env:"RABBITMQ_DECLARE" envDefault:"declare" validate:"oneof=declare check" help:"whether the service makes its queues and exchanges, and refuses those that were made otherwise, or only checks that they are there"`
	Temporary   bool   // its queues go some time after the last that uses them: they are those of tests or of `make dev`
	GroupID     string // the consumer's name in its dead letters and metrics: the service's, and its own behind it

	Engine
	Publish

	CA   string `env:"RABBITMQ_CA" file:"true" validate:"omitempty,certificates" help:"PEM certificates that sign the broker's, with amqps://; the system's when not set"`
	Cert string `env:"RABBITMQ_CERT" file:"true" validate:"omitempty,certificates" help:"PEM certificate of this client, for a broker that asks for one"`
	Key  Secret `env:"RABBITMQ_KEY" validate:"omitempty,key" help:"PEM private key of that certificate, not encrypted"`

	files files
}

// Renewed returns the settings with what the files that hold secrets and certificates
// hold now: they are replaced while a service runs.
func (r RabbitMQ) Renewed() (RabbitMQ, error) {
	err := r.files.renew(&r)
	return r, err
}

// TLS reports whether connections are encrypted.
func (r RabbitMQ) TLS() bool { return strings.HasPrefix(string(r.URL), "amqps:") }

// Address returns host and port of the broker, without the secrets of its URL.
func (r RabbitMQ) Address() string {
	if u, err := url.Parse(string(r.URL)); err == nil {
		return u.Host
	}
	return ""
}

// Doubt returns what is allowed and may not be meant, "" if nothing is.
func (r RabbitMQ) Doubt() string {
	if u, err := url.Parse(string(r.URL)); err == nil && !r.TLS() && u.User != nil && u.User.Username() != "guest" {
		return "credentials and messages are not encrypted on their way to RabbitMQ: RABBITMQ_URL begins with amqp://, not amqps://"
	}
	return ""
}
