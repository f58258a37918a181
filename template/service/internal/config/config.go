// Package config reads the service's settings from the environment, a .env
// file and a YAML file into one checked Config. The struct tags of Config and
// its sections are the only list of the settings there is: names, defaults,
// what is allowed and what for. Settings returns that list, and the
// documentation is tested against it.
package config

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/joho/godotenv"
)

// Config is every setting of the service.
type Config struct {
	// Service is the service's name in logs, in message headers and, unless
	// KAFKA_CLIENT_ID says otherwise, at the broker.
	Service string `env:"SERVICE_NAME" check:"name" doc:"the service's name in logs, message headers and at the broker; empty is the group id"`
	File    string `env:"CONFIG_FILE" doc:"a YAML file with settings, over which .env and the environment go; --config FILE names it too"`

	Kafka    Kafka
	Registry Registry //forge:if avro
	Ops      Ops
	HTTP     HTTP //forge:if http
	Log      Log

	sources   map[string]string   // where each setting that is not the default came from
	consumers map[string]consumer // by the names that Load was given
}

// Ops holds the settings of the HTTP server for probes and metrics.
type Ops struct {
	// All interfaces by default, because a container's probes come from
	// outside of it. Nothing that is served there is secret.
	Addr string `env:"OPS_ADDR" envDefault:":8080" check:"listen" doc:"where /livez, /readyz and /metrics are served"`
}

// Log holds the settings of the service's log.
type Log struct {
	Level  string `env:"LOG_LEVEL" envDefault:"info" oneof:"debug info warn error" doc:"the least level that is logged"`
	Format string `env:"LOG_FORMAT" envDefault:"text" oneof:"text json" doc:"text for people, json for programs"`
}

// DotEnv is the name of the file of variables, read from the working directory.
const DotEnv = ".env"

// Load reads the settings from the environment, from .env, if there is one,
// and from a YAML file, if one is named: by file, or else by CONFIG_FILE. The
// first of these that has a setting wins. All problems come back at once, in
// one *Error.
//
// A service with several consumers gives the names of those beside the first,
// and has their settings from Config.Consumer.
func Load(file string, consumers ...string) (Config, error) {
	variables, err := godotenv.Read(DotEnv)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		var p problems
		p.note("%s", unreadable(err))
		return Config{}, p.err()
	}
	return load(file, environment(), variables, consumers...)
}

// load lays the environment over .env over the YAML file.
func load(file string, environment, dotEnv map[string]string, consumers ...string) (Config, error) {
	r := newReader(consumers)
	settings := r.variables(fromEnvironment, environment).over(r.variables(DotEnv, dotEnv))
	if file != "" {
		settings = layer{configFile: {text: file, written: file, name: fromFlag, from: fromFlag}}.over(settings)
	}
	if named, ok := settings[configFile]; ok {
		settings = settings.over(r.yamlFile(named))
	}
	return r.config(settings)
}

// unreadable tells what is wrong with .env. The parser's own text quotes the
// rest of the file from where it stopped, secrets included.
func unreadable(err error) string {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Error()
	}
	return DotEnv + " is not made of NAME=value lines: a name has a character other than letters, digits, _ and ., or a quote is not closed"
}

// FromMap makes a Config from the given settings alone, for tests and for
// programs that have settings of their own. The names are those of a YAML
// file, in lower case or as in the environment; a value is text, a number, a
// boolean, a duration or a list. It reads no file but those that a setting
// ending in _FILE names.
func FromMap[V any](settings map[string]V, consumers ...string) (Config, error) {
	r := newReader(consumers)
	return r.config(r.named(entriesOf(settings)))
}

// environment returns the process's environment as a map.
func environment() map[string]string {
	env := make(map[string]string)
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	return env
}
