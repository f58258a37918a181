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
	"io"
	"log/slog"
	"maps"
	"os"
	"reflect"
	"slices"

	"github.com/caarlos0/env/v11"
)

// Config is every setting of the service, but for those of its own code.
type Config struct {
	// Service is the service's name in logs, in message headers and, unless
	// KAFKA_CLIENT_ID says otherwise, at the broker.
	Service string `env:"SERVICE_NAME" validate:"omitempty,name" help:"the service's name in logs, message headers and at the broker; KAFKA_GROUP_ID when not set"`
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
	Addr string `env:"OPS_ADDR" envDefault:":8080" validate:"listen" help:"where /livez, /readyz and /metrics are served"`
}

// Log holds the settings of the service's log.
type Log struct {
	Level  string `env:"LOG_LEVEL" envDefault:"info" validate:"oneof=debug info warn error" help:"the lowest level that is logged"`
	Format string `env:"LOG_FORMAT" envDefault:"text" validate:"oneof=text json" help:"text for people, json for programs"`
}

// Logger returns a logger that writes to w in the settings' format and level.
func (l Log) Logger(w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		level = slog.LevelInfo // a Config that was not made by this package
	}
	options := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

const (
	// DotEnv is the name of the file of variables, read from the working directory.
	DotEnv = ".env"
	// configFile is the one setting that is read before the others.
	configFile = "CONFIG_FILE"
)

// Load reads the settings. The first of these that has a setting wins: over,
// whose names are those of the environment and where an empty value means the
// default; the environment; the YAML file that file names, if any; .env in the
// working directory; if file is empty, the YAML file that CONFIG_FILE names;
// the defaults. In all but over an empty value counts as none.
//
// The settings of the service's own code go to own, a pointer to a struct, or
// nil. All problems come back at once, in one *Error.
func Load(file string, over map[string]string, own any) (Config, error) {
	return load(file, over, env.ToMap(os.Environ()), own)
}

func load(file string, over, environment map[string]string, own any) (Config, error) {
	cfg := new(Config)
	l := newLoader(cfg, own)
	flag := given{name: configFile, text: file, place: fromFlag}
	l.merge(variables(fromOverride, over))
	l.merge([]given{flag})
	l.merge(variables(fromEnvironment, environment))
	if file != "" {
		l.merge(l.readYAML(flag))
	}
	l.merge(l.readDotEnv())
	if named := l.values[configFile]; file == "" && named.text != "" {
		l.merge(l.readYAML(named))
	}
	return l.config(cfg)
}

// FromMap makes a Config, and the own settings, of the given settings alone, for
// tests and for programs that have settings of their own. The names are those of
// a YAML file, so further consumers are a map of maps; a value is text, a
// number, a boolean, a duration or a list. It reads no file but those that a
// setting ending in _FILE names.
func FromMap[V any](settings map[string]V, own any) (Config, error) {
	cfg := new(Config)
	l := newLoader(cfg, own)
	l.merge(l.named(fromMap, "", nodeOf(reflect.ValueOf(settings))))
	return l.config(cfg)
}

// variables returns what a source without lines says, sorted by name.
func variables(source string, texts map[string]string) (found []given) {
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		found = append(found, given{name: name, text: texts[name], place: source})
	}
	return found
}

// config fills cfg and the settings of the service's own code, and checks them.
func (l *loader) config(cfg *Config) (Config, error) {
	cfg.loader = l
	l.read()
	cfg.Service = cmp.Or(cfg.Service, cfg.Kafka.GroupID)
	cfg.Kafka.derive(cfg.Service)
	l.checkKafka(&cfg.Kafka)
	l.checkRegistry(cfg.Registry) //forge:if avro
	return *cfg, l.err()
}
