package config

import (
	"crypto/tls"
	"errors"
	"net/url"
	"strings"
	"time"
)

// Registry holds the settings of the Schema Registry.
type Registry struct {
	URLs          []string      `env:"SCHEMA_REGISTRY_URL" envDefault:"http://localhost:8081" check:"urls" doc:"where the Schema Registry is; of several the next is asked when one does not answer"`
	SchemaFormat  string        `env:"SCHEMA_REGISTRY_FORMAT" envDefault:"avro" oneof:"avro json" doc:"what bodies and their schemas are written in"`
	AutoRegister  bool          `env:"SCHEMA_REGISTRY_AUTO_REGISTER" envDefault:"true" doc:"register schemas that the registry lacks at the start; false only looks them up"`
	LookupTimeout time.Duration `env:"SCHEMA_REGISTRY_TIMEOUT" envDefault:"5s" min:"100ms" max:"1m" doc:"time to wait for the registry's answer"`

	Username string `env:"SCHEMA_REGISTRY_USERNAME" doc:"the user, where the registry asks for one"`
	Password Secret `env:"SCHEMA_REGISTRY_PASSWORD" file:"true" doc:"the user's password at the registry"`
	Token    Secret `env:"SCHEMA_REGISTRY_TOKEN" file:"true" doc:"a bearer token, in the place of user and password"`
	CA       string `env:"SCHEMA_REGISTRY_CA" file:"true" check:"certificates" doc:"PEM certificates that sign the registry's; empty is the system's"`
	Cert     string `env:"SCHEMA_REGISTRY_CERT" file:"true" check:"certificates" doc:"PEM certificate of this client, for a registry that asks for one"`
	Key      Secret `env:"SCHEMA_REGISTRY_KEY" file:"true" check:"key" doc:"PEM private key of the certificate for the registry, not encrypted"`
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

// areURLs refuses what a client could not call, and credentials in a URL: they
// would be shown with it.
func areURLs(list string) bool {
	for v := range strings.SplitSeq(list, ",") {
		u, err := url.Parse(strings.TrimSpace(v))
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return false
		}
	}
	return true
}

// checkRegistry refuses credentials of which a part is missing, and those that
// would never be used.
func (p *problems) checkRegistry(r Registry) {
	add := func(name string, value Secret, format string, args ...any) {
		if !p.failed[name] {
			p.add(Setting{Name: name, Secret: true}, string(value), format, args...)
		}
	}
	switch {
	case r.Token != "" && (r.Username != "" || r.Password != ""):
		add("SCHEMA_REGISTRY_TOKEN", r.Token, "is set, and so is a user or a password; set one of the two")
	case r.Username != "" && r.Password == "":
		add("SCHEMA_REGISTRY_PASSWORD", "", "must be set with SCHEMA_REGISTRY_USERNAME")
	case r.Password != "" && r.Username == "":
		add("SCHEMA_REGISTRY_USERNAME", "", "must be set with SCHEMA_REGISTRY_PASSWORD")
	}
	if p.failed["SCHEMA_REGISTRY_URL"] {
		return
	}
	if !r.TLS() {
		for _, material := range []struct {
			name  string
			value Secret
		}{
			{"SCHEMA_REGISTRY_CA", Secret(r.CA)}, {"SCHEMA_REGISTRY_CERT", Secret(r.Cert)}, {"SCHEMA_REGISTRY_KEY", r.Key},
		} {
			if material.value != "" {
				add(material.name, material.value, "is not used with SCHEMA_REGISTRY_URL=%s; https:// would use it", strings.Join(r.URLs, ","))
			}
		}
		return
	}
	switch {
	case r.Cert == "" && r.Key == "", p.failed["SCHEMA_REGISTRY_CERT"], p.failed["SCHEMA_REGISTRY_KEY"]:
	case r.Key == "":
		add("SCHEMA_REGISTRY_KEY", "", "must be set with SCHEMA_REGISTRY_CERT")
	case r.Cert == "":
		add("SCHEMA_REGISTRY_CERT", "", "must be set with SCHEMA_REGISTRY_KEY")
	default:
		if _, err := tls.X509KeyPair([]byte(r.Cert), []byte(r.Key)); err != nil {
			add("SCHEMA_REGISTRY_KEY", r.Key, "must be the key of SCHEMA_REGISTRY_CERT: %v", err)
		}
	}
}

// OfRegistry returns err without the problems of settings that are not of the
// Schema Registry: commands that ask only that work without the others.
func OfRegistry(err error) error {
	all, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	var left problems
	for i, text := range all.Problems {
		setting := all.settings[i]
		if setting == "" || setting == configFile || strings.HasPrefix(setting, "SCHEMA_REGISTRY_") {
			left.lines = append(left.lines, problem{text, setting})
		}
	}
	return left.err()
}
