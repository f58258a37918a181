package config

import (
	"slices"
	"strings"
	"time"
)

// JetStream holds the settings of one consumer of NATS JetStream and of the publisher.
type JetStream struct {
	URLs    []string `env:"NATS_URL" validate:"required,dive,url,excludes=@,startswith=nats://|startswith=tls://" allowed:"nats://host:port, or tls://host:port, several separated by commas, without a user and a password: they are settings of their own" help:"servers to ask first; the others are found from there"`
	GroupID string   `env:"JETSTREAM_GROUP" validate:"omitempty,name,max=200,excludesall=.*>/\\ " allowed:"printable, at most 200 bytes, without blanks, dots, stars, slashes and >" help:"begins the names of the durable consumers; instances with the same group split the partitions"`
	Deliver string   `env:"JETSTREAM_DELIVER" envDefault:"all" validate:"oneof=all new" help:"where a group that is new to a topic starts; new skips what came before"`

	Engine
	Publish

	Partitions int           `env:"JETSTREAM_PARTITIONS" envDefault:"6" validate:"min=1,max=256" help:"partitions of topics that the service creates; others keep theirs"`
	Replicas   int           `env:"JETSTREAM_REPLICAS" envDefault:"1" validate:"oneof=1 3 5" help:"servers that hold each message of topics that the service creates"`
	AckWait    time.Duration `env:"JETSTREAM_ACK_WAIT" envDefault:"30s" validate:"min=1s,max=1h" help:"silence of an instance after which its messages go to others"`

	User        string `env:"NATS_USER" validate:"omitempty,name" help:"the user, with NATS_PASSWORD"`
	Password    Secret `env:"NATS_PASSWORD" help:"the user's password"`
	Token       Secret `env:"NATS_TOKEN" help:"a token, in the place of a user"`
	Credentials Secret `env:"NATS_CREDENTIALS" help:"what a .creds file holds, in the place of a user: a JWT and its seed"`
	CA          string `env:"NATS_CA" file:"true" validate:"omitempty,certificates" help:"PEM certificates that sign the servers'; the system's when not set"`
	Cert        string `env:"NATS_CERT" file:"true" validate:"omitempty,certificates" help:"PEM certificate of this client, for servers that ask for one"`
	Key         Secret `env:"NATS_KEY" validate:"omitempty,key" help:"PEM private key of that certificate, not encrypted"`

	Client string `env:"-"` // this client's name in the server's monitoring: the service's

	files files
}

// Renewed returns the settings with what the files that hold secrets and certificates
// hold now: they are replaced while a service runs.
func (j JetStream) Renewed() (JetStream, error) {
	err := j.files.renew(&j)
	return j, err
}

// TLS reports whether connections are encrypted.
func (j JetStream) TLS() bool {
	return slices.ContainsFunc(j.URLs, func(url string) bool { return strings.HasPrefix(url, "tls://") })
}

// Doubt returns what is allowed and may not be meant, "" if nothing is.
func (j JetStream) Doubt() string {
	if !j.TLS() && (j.User != "" || j.Token != "") {
		return "credentials and messages are not encrypted on their way to NATS: NATS_URL has no tls:// in it"
	}
	return ""
}
