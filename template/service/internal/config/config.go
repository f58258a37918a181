// Package config reads the service's settings from a .env file and the
// environment into one checked Config. The struct tags of Kafka, Ops and Log
// are the only list of the settings there is: names, defaults, what is allowed
// and what for. Settings returns that list, and the documentation is tested
// against it.
package config

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"strings"

	"github.com/joho/godotenv"
)

// Config is every setting of the service.
type Config struct {
	// Service is the service's name in logs, in message headers and, unless
	// KAFKA_CLIENT_ID says otherwise, at the broker.
	Service string `env:"SERVICE_NAME" check:"name" doc:"the service's name in logs, message headers and at the broker; empty is the group id"`

	Kafka Kafka
	Ops   Ops
	Log   Log
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

// File is the name of the settings file, read from the working directory.
const File = ".env"

// Load reads the settings from .env, if there is one, and the environment,
// which wins. All problems come back at once, in one *Error.
func Load() (Config, error) {
	file, err := godotenv.Read(File)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Config{}, &Error{Problems: []string{unreadable(err)}}
	}
	return load(file, environment())
}

// unreadable tells what is wrong with the settings file. The parser's own text
// quotes the rest of the file from where it stopped, secrets included.
func unreadable(err error) string {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Error()
	}
	return File + " is not made of NAME=value lines: a name has a character other than letters, digits, _ and ., or a quote is not closed"
}

// FromEnv makes a Config from the given variables alone. It reads no file but
// those that a variable ending in _FILE names.
func FromEnv(variables map[string]string) (Config, error) {
	return load(nil, variables)
}

// load lays the environment over the file's variables. Names that nobody knows
// are a problem in the file, where they are typing errors, but not in the
// environment, which other programs share.
func load(file, environment map[string]string) (Config, error) {
	var p problems
	p.unknown(file)

	merged := maps.Clone(environment)
	if merged == nil {
		merged = make(map[string]string)
	}
	for name, value := range file {
		if value != "" && !isSet(environment, name) {
			merged[name] = value
		}
	}
	cfg := p.parse(merged)
	p.check(&cfg)
	return cfg, p.err()
}

// isSet reports whether the environment gives a value to name, be it as NAME
// or as NAME_FILE: either one replaces both of the file.
func isSet(environment map[string]string, name string) bool {
	name = strings.TrimSuffix(name, fileSuffix)
	return environment[name] != "" || environment[name+fileSuffix] != ""
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
