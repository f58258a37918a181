// Package config reads the service's settings, and those that its own code adds,
// from the environment, .env and YAML into checked structs. The tags of a field
// are all there is to say of a setting:
//
//	Timeout time.Duration `env:"STORE_TIMEOUT" envDefault:"5s" validate:"min=1ms,max=1m" help:"time for one statement"`
//
// env, envDefault and envPrefix are those of caarlos0/env, validate is that of
// validator/v10. allowed says in words what validate does not. A Secret, or a
// field with file:"true", may be in a file of its own, which NAME_FILE names.
package config

import (
	"cmp"
	"os"
	"reflect"

	"github.com/caarlos0/env/v11"
)

// Config is every setting of the service, but for those of its own code.
type Config struct {
	// Service is the service's name in logs, in message headers and, unless
	// KAFKA_CLIENT_ID says otherwise, at the broker.
	Service string `env:"SERVICE_NAME" validate:"omitempty,name" allowed:"printable, without blanks at its ends, at most 249 bytes" help:"the service's name in logs, message headers and at the broker; KAFKA_GROUP_ID when not set"`
	File    string `env:"CONFIG_FILE" help:"a YAML file with settings, which .env and the environment override; --config FILE overrides .env too"`

	TimestampWithoutZone string `env:"TIMESTAMP_WITHOUT_ZONE" envDefault:"refuse" validate:"oneof=refuse utc" help:"what becomes of a message whose timestamp has no time zone: it is refused, or the time is taken as UTC"`

	Kafka    Kafka
	Registry Registry //forge:if avro
	Ops      Ops
	HTTP     HTTP //forge:if http
	Log      Log

	loader *loader // what Load read, for Consumer, CheckUnread and Explain
}

// Ops holds the settings of the HTTP server for probes and metrics.
type Ops struct {
	// All interfaces by default, because a container's probes come from
	// outside of it. Nothing that is served there is secret.
	Addr string `env:"OPS_ADDR" envDefault:":8080" validate:"listen" allowed:"host:port or :port" help:"where /livez, /readyz and /metrics are served"`
}

// Log holds the settings of the service's log.
type Log struct {
	Level  string `env:"LOG_LEVEL" envDefault:"info" validate:"oneof=debug info warn error" help:"the lowest level that is logged"`
	Format string `env:"LOG_FORMAT" envDefault:"text" validate:"oneof=text json" help:"text for people, json for programs"`
}

// Load reads the settings. The first of these that has a setting wins: over,
// whose names are those of the environment and where an empty value means the
// default; the environment; the YAML file that file names, if any; .env in the
// working directory; if file is empty, the YAML file that CONFIG_FILE names;
// the defaults. In all but over an empty value counts as none.
//
// The settings of the service's own code go to own, a pointer to a struct, or
// nil. All problems come back at once, in one *Error.
func Load(file string, over map[string]string, own any) (Config, error) {
	dotEnv, err := os.ReadFile(DotEnv)
	if os.IsNotExist(err) {
		err = nil
	}
	return load(file, over, env.ToMap(os.Environ()), string(dotEnv), err, own)
}

func load(file string, over, environment map[string]string, dotEnv string, dotEnvErr error, own any) (Config, error) {
	cfg := new(Config)
	l := newLoader(cfg, own)
	if dotEnvErr != nil {
		l.note("%v", dotEnvErr)
	}
	f, _ := l.setting(configFile)
	flag := value{text: file, name: configFile, file: "--config"}
	l.layers = []layer{variables(fromOverride, over), {configFile: flag}, variables(fromEnvironment, environment)}
	if file != "" {
		l.layers = append(l.layers, l.readYAML(flag), l.readDotEnv(dotEnv))
	} else {
		l.layers = append(l.layers, l.readDotEnv(dotEnv))
		if named := l.lookUp(configFile, f); named.text != "" {
			l.layers = append(l.layers, l.readYAML(named))
		}
	}
	return l.config(cfg, own)
}

// FromMap makes a Config, and the own settings, of the given settings alone, for
// tests and for programs that have settings of their own. The names are those of
// a YAML file, so further consumers are a map of maps; a value is text, a
// number, a boolean, a duration or a list. It reads no file but those that a
// setting ending in _FILE names.
func FromMap[V any](settings map[string]V, own any) (Config, error) {
	cfg := new(Config)
	l := newLoader(cfg, own)
	l.layers = []layer{l.named(l.entriesOf(reflect.ValueOf(settings)))}
	return l.config(cfg, own)
}

// config fills cfg and own from the layers, and checks them.
func (l *loader) config(cfg *Config, own any) (Config, error) {
	cfg.loader = l
	l.read("", l.known)
	l.validate(cfg)
	cfg.Service = cmp.Or(cfg.Service, cfg.Kafka.GroupID)
	cfg.Kafka.derive(cfg.Service)
	l.checkKafka(&cfg.Kafka)
	l.checkRegistry(cfg.Registry) //forge:if avro
	if own != nil {
		l.validate(own)
	}
	l.checkUnknown()
	return *cfg, l.err()
}
