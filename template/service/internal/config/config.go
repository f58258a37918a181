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
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Config is every setting of the service, but for those of its own code.
type Config struct {
	// Service is the service's name in logs, in message headers and, unless
	// another setting says otherwise, at the broker.
	Service string `env:"SERVICE_NAME" validate:"omitempty,name" help:"the service's name in logs, message headers and at the broker; the group when not set"`
	File    string `env:"CONFIG_FILE" help:"a YAML file with settings, which .env and the environment override; --config FILE overrides .env too"`

	TimestampWithoutZone string `env:"TIMESTAMP_WITHOUT_ZONE" envDefault:"refuse" validate:"oneof=refuse utc" help:"what becomes of a message whose timestamp has no time zone: it is refused, or the time is taken as UTC"`

	Source   Source
	Registry Registry //forge:if avro
	Ops      Ops
	HTTP     HTTP        //forge:if http
	DLQ      DeadLetters //forge:if dlq
	Log      Log

	loader *loader // what was read, for Consumer, Check and Explain
}

// Ops holds the settings of the HTTP server for probes and metrics.
type Ops struct {
	// All interfaces by default, because a container's probes come from
	// outside of it. Settings are shown there, and no secret of theirs.
	Addr  string `env:"OPS_ADDR" envDefault:":8080" validate:"listen" help:"where /livez, /readyz, /status and /metrics are served"`
	Pprof bool   `env:"OPS_PPROF" envDefault:"false" help:"serve Go's profiles there too, at /debug/pprof/"`
}

// Log holds the settings of the service's log.
type Log struct {
	Level  slog.Level `env:"LOG_LEVEL" envDefault:"info" allowed:"one of debug, info, warn, error" help:"the lowest level that is logged"`
	Format string     `env:"LOG_FORMAT" envDefault:"text" validate:"oneof=text json" help:"text for people, json for programs"`
}

// Logger returns a logger that writes to w in the settings' format and level.
func (l Log) Logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: l.Level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// Load reads the settings. The first of these that has a setting wins: over,
// whose names are those of the environment and where an empty value means the
// default; the environment; the YAML file that file names, if any; .env in the
// working directory; if file is empty, the YAML file that CONFIG_FILE names;
// the defaults. In all but over an empty value counts as none.
//
// The settings of the service's own code go to target, a pointer to a struct, or
// nil. All problems come back in one *Error, with a Config that has defaults in
// the place of what is wrong; whether values fit together is checked once each
// is right.
func Load(file string, over map[string]string, target any) (Config, error) {
	return load(file, over, env.ToMap(os.Environ()), target)
}

func load(file string, over, environment map[string]string, target any) (Config, error) {
	cfg := new(Config)
	service := newService(cfg, target)
	flag := entry{name: configFile, text: file, place: fromFlag}
	service.merge(variables(fromOverride, over))
	service.merge([]entry{flag})
	service.merge(variables(fromEnvironment, environment))
	if file != "" {
		service.merge(service.readYAML(flag))
	}
	service.merge(service.readDotEnv())
	if named, _ := service.find(configFile); file == "" && named.text != "" {
		service.merge(service.readYAML(named))
	}
	return service.config(cfg)
}

// newService returns the scope of the service and of its own code.
func newService(cfg *Config, target any) *scope {
	cfg.loader = &loader{values: make(map[string]entry)}
	service := &scope{loader: cfg.loader, source: &cfg.Source, known: Settings(cfg)}
	service.scopes = []*scope{service}
	for _, s := range Settings(target) {
		if other, prefix := service.setting(s.Name); other.Name != "" && prefix == "" {
			service.addProblem("own setting %s: the name is taken by another setting", s.Name)
		}
		service.known = append(service.known, s)
	}
	return service
}

// config fills cfg and the settings of the service's own code, and checks them.
func (s *scope) config(cfg *Config) (Config, error) {
	s.read()
	cfg.Service = cmp.Or(cfg.Service, cfg.Source.GroupID)
	s.finishSource(cfg.Service)
	cfg.Registry.files = s.files             //forge:if avro
	if !s.isWrong(Settings(new(Registry))) { //forge:if avro
		s.checkRegistry(cfg.Registry) //forge:if avro
	} //forge:if avro
	return *cfg, s.err(0)
}

var consumerName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// Consumer returns the settings of a further consumer: those of the service, and
// over them its own, which are called NAME_MAX_WORKERS and the like. A value for one consumer goes
// over a value for all, wherever either stands. Its group is the service's, "-"
// and its name, unless it has one of its own; no two consumers may have the same.
// What is wrong with them is returned the first time, and by Check.
func (c Config) Consumer(name string) (Source, error) {
	prefix := strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + "_"
	for _, known := range c.loader.scopes {
		if known.prefix == prefix {
			return *known.source, nil
		}
	}
	k, before := new(Source), len(c.loader.problems)
	s := &scope{loader: c.loader, consumer: name, prefix: prefix, source: k, known: Settings(k)}
	if !consumerName.MatchString(name) {
		s.addProblem("consumer %q: a name is made of lower-case letters, digits and dashes, and begins with a letter", name)
	}
	if _, isOwn := s.find(groupID); !isOwn && c.Source.GroupID != "" {
		s.values[prefix+groupID] = entry{text: c.Source.GroupID + "-" + name}
	}
	s.read()
	s.finishSource(c.Service)
	for _, other := range s.scopes {
		s.require(!k.isRival(*other.source), groupID, "is another consumer's group too: each needs one of its own")
	}
	s.scopes = append(s.scopes, s)
	return *k, s.err(before)
}

// Check returns all that is wrong with the settings that were read, those of
// consumers too, in one *Error. A service that consumes needs a group.
func (c Config) Check(consumes bool) error {
	s := c.loader.scopes[0]
	s.require(!consumes || c.Source.GroupID != "" || s.isWrong([]Setting{{Name: groupID}}), groupID, noGroup)
	return s.err(0)
}

// CheckUnread lists the names in .env that no setting and no consumer has: each
// may be a typing error, or another program's. In other places it refuses them.
// Names of consumers are passed over unless all have asked for their settings.
func (c Config) CheckUnread(all bool) (unread []string) {
	for _, e := range c.loader.unread {
		s, prefix := c.loader.scopes[0].setting(e.name)
		isConsumer := slices.ContainsFunc(c.loader.scopes, func(s *scope) bool { return s.prefix == prefix })
		switch {
		case s.Name != "" && (isConsumer || !all):
		case isDotEnv(e):
			unread = append(unread, e.place+": "+e.name)
		default:
			c.loader.addProblem("%s: %s is not a setting: no consumer has its name", e.place, e.name)
		}
	}
	return unread
}

// Shown is a setting as it may be shown: a secret is redacted.
type Shown struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"` // default, environment, .env:3, config.yaml:12, or the file that NAME_FILE names
}

// Shown returns every setting: the service's, those of its own code, and what further
// consumers have for themselves. What is wrong is shown as it was given.
func (c Config) Shown() (all []Shown) {
	for _, scope := range c.loader.scopes {
		for _, s := range scope.known {
			if e, isOwn := scope.find(s.Name); isOwn || scope.consumer == "" {
				all = append(all, Shown{scope.prefix + s.Name, s.show(e), cmp.Or(e.place, "default")})
			}
		}
	}
	return all
}

// Explain writes every setting that is shown, one a line, with where it came from.
func (c Config) Explain(w io.Writer) error {
	for _, s := range c.Shown() {
		value := s.Value
		if quoted := strconv.Quote(value); quoted != `"`+value+`"` || value != strings.TrimSpace(value) {
			value = quoted // one line, and what cannot be seen is seen
		}
		if _, err := fmt.Fprintf(w, "%-48s # %s\n", s.Name+"="+value, s.Source); err != nil {
			return err
		}
	}
	return nil
}
