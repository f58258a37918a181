package config

import (
	"errors"
	"net/url"
	"strings"
	"time"
)

const registryPrefix = "SCHEMA_REGISTRY_"

// Registry holds the settings of the Schema Registry.
type Registry struct {
	URLs            []string      `env:"SCHEMA_REGISTRY_URL" also:"schema.registry.url" envDefault:"http://localhost:8081" validate:"dive,http_url" allowed:"http:// or https:// URLs without user or password, several separated by commas" help:"where the Schema Registry is; of several the next is asked when one does not answer"`
	SchemaFormat    string        `env:"SCHEMA_REGISTRY_FORMAT" envDefault:"avro" validate:"oneof=avro json" help:"what bodies and their schemas are written in"`
	AutoRegister    bool          `env:"SCHEMA_REGISTRY_AUTO_REGISTER" also:"auto.register.schemas" envDefault:"true" help:"register schemas that the registry lacks at the start; false only looks them up"`
	SubjectStrategy string        `env:"SCHEMA_REGISTRY_SUBJECT_STRATEGY" envDefault:"auto" validate:"oneof=auto topic topic-record record" help:"which subject a schema has: topic is TOPIC-value, topic-record TOPIC-NAME, record NAME; auto is topic, or topic-record if a topic has several types"`
	LookupTimeout   time.Duration `env:"SCHEMA_REGISTRY_TIMEOUT" envDefault:"5s" validate:"min=100ms,max=1m" help:"time to wait for the registry's answer"`

	Username string `env:"SCHEMA_REGISTRY_USERNAME" help:"the user, where the registry asks for one"`
	Password Secret `env:"SCHEMA_REGISTRY_PASSWORD" help:"the user's password at the registry"`
	Token    Secret `env:"SCHEMA_REGISTRY_TOKEN" help:"a bearer token, in the place of user and password"`
	CA       string `env:"SCHEMA_REGISTRY_CA" file:"true" validate:"omitempty,certificates" help:"PEM certificates that sign the registry's; the system's when not set"`
	Cert     string `env:"SCHEMA_REGISTRY_CERT" file:"true" validate:"omitempty,certificates" help:"PEM certificate of this client, for a registry that asks for one"`
	Key      Secret `env:"SCHEMA_REGISTRY_KEY" validate:"omitempty,key" help:"PEM private key of the certificate for the registry, not encrypted"`

	files files
}

// Renewed returns the settings with what is in their files now.
func (r Registry) Renewed() (Registry, error) {
	err := r.files.renew(&r)
	return r, err
}

// TLS reports whether every URL is an https one.
func (r Registry) TLS() bool {
	for _, u := range r.URLs {
		if !strings.HasPrefix(u, "https://") {
			return false
		}
	}
	return true
}

// checkRegistry refuses credentials of which a part is missing, and those that
// would never be used.
func (s *scope) checkRegistry(r Registry) {
	for _, text := range r.URLs {
		u, err := url.Parse(text)
		ok := err == nil && u.User == nil && u.RawQuery == "" && u.Fragment == ""
		s.require(ok, "SCHEMA_REGISTRY_URL", "must be http:// or https:// URLs without user, password or query")
	}
	s.require(r.Token == "" || r.Username == "" && r.Password == "", "SCHEMA_REGISTRY_TOKEN", "is set, and so is a user or a password; set one of the two")
	s.require(r.Username == "" || r.Password != "", "SCHEMA_REGISTRY_PASSWORD", "must be set with SCHEMA_REGISTRY_USERNAME")
	s.require(r.Password == "" || r.Username != "", "SCHEMA_REGISTRY_USERNAME", "must be set with SCHEMA_REGISTRY_PASSWORD")
	for _, c := range []struct{ name, value string }{{"SCHEMA_REGISTRY_CA", r.CA}, {"SCHEMA_REGISTRY_CERT", r.Cert}, {"SCHEMA_REGISTRY_KEY", string(r.Key)}} {
		s.require(r.TLS() || c.value == "", c.name, "is not used with SCHEMA_REGISTRY_URL=%s; https:// would use it", strings.Join(r.URLs, ","))
	}
	s.require(r.Key == "" || r.Cert != "", "SCHEMA_REGISTRY_CERT", "must be set with SCHEMA_REGISTRY_KEY")
	s.require(r.Cert == "" || r.Key != "", "SCHEMA_REGISTRY_KEY", "must be set with SCHEMA_REGISTRY_CERT")
}

// OfRegistry returns err without the problems of settings that are not of the
// Schema Registry: commands that ask only that work without the others.
func OfRegistry(err error) error {
	all, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	var ofRegistry loader
	for _, p := range all.Problems {
		if p.Setting == "" || strings.HasPrefix(p.Setting, registryPrefix) {
			ofRegistry.problems = append(ofRegistry.problems, p)
		}
	}
	return ofRegistry.err(0)
}
