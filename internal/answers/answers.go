// Package answers holds the answers to forge's questions: their defaults, the
// rules they must keep, and the names that are derived from them.
//
// Everything is checked here, before anything is written, so that what is
// accepted gives a project that builds and in which every value reads back
// equal.
package answers

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/module"
)

// Answers are the answers to all questions. The zero value is not valid; start
// from Defaults.
type Answers struct {
	Name    string   `yaml:"name"`    // the service's name: its directory, its binary, its client id
	Module  string   `yaml:"module"`  // Go module path
	Topics  []string `yaml:"topics"`  // topics, subjects or queues, each with a handler and a model of its own
	Group   string   `yaml:"group"`   // consumer group
	Brokers []string `yaml:"brokers"` // bootstrap servers, host:port
	With    []string `yaml:"with"`    // names of the extras that are wanted

	Source string `yaml:"source"` // where messages come from, one of Sources

	Schemas map[string]Schema `yaml:"schemas,omitempty"` // by topic, for those whose model is made from one
}

// The questions, as Problem.Question names them; also the keys of an answers
// file and, except for Name, the names of the flags.
const (
	Name    = "name"
	Module  = "module"
	Topics  = "topics"
	Group   = "group"
	Brokers = "brokers"
	With    = "with"
	Source  = "source"
	Schemas = "schemas" // asked by no prompt
)

// Extra is a part of the project that can be left out.
type Extra struct {
	Name    string // as in Answers.With
	Title   string // for a person
	Default bool   // wanted unless somebody says otherwise
}

// The extras.
const (
	Docker     = "docker"
	GitHub     = "github"
	Avro       = "avro"
	HTTP       = "http"
	Batch      = "batch"
	DLQ        = "dlq"
	K8s        = "k8s"
	OTel       = "otel"
	Monitoring = "monitoring"
	Fast       = "fast"
	Tests      = "tests"
)

// Extras returns the extras in the order in which they are offered.
func Extras() []Extra {
	return []Extra{
		{Name: Docker, Title: "Dockerfile and compose.yaml", Default: true},
		{Name: GitHub, Title: "GitHub workflow", Default: true},
		{Name: Avro, Title: "messages in Avro, with a Schema Registry"},
		{Name: HTTP, Title: "web service that publishes what is posted to it"},
		{Name: Batch, Title: "handlers that take several messages at once"},
		{Name: DLQ, Title: "the commands dlq, which lists dead letters and sends them back, lag and acl"},
		{Name: K8s, Title: "manifests for Kubernetes, with KEDA and the Prometheus Operator; for Kafka"},
		{Name: OTel, Title: "traces with OpenTelemetry, sent by OTLP"},
		{Name: Monitoring, Title: "alerts for Prometheus, a dashboard for Grafana, and a runbook"},
		{Name: Fast, Title: "JSON read in less than half the time, for some code more"},
		{Name: Tests, Title: "the tests of internal/, for those who change the engine"},
	}
}

// Defaults returns the answers for a service of which only the name is known.
// They are valid if the name is.
func Defaults(name string) Answers {
	a := Answers{
		Name:    name,
		Module:  "example.com/" + name,
		Topics:  []string{"orders"},
		Group:   name,
		Brokers: []string{sources[0].broker},
		Source:  sources[0].name,
	}
	if CheckModule(a.Module) != nil { // a name such as v1 means something else at a path's end
		a.Module = "example.com/" + name + "-service"
	}
	for _, e := range Extras() {
		if e.Default {
			a.With = append(a.With, e.Name)
		}
	}
	return a
}

// Has reports whether a part of the template is wanted: an extra or a source.
func (a Answers) Has(part string) bool {
	return slices.Contains(sourceOf(a.Source).parts, part) || slices.Contains(a.With, part)
}

// Parts returns the names that Has knows.
func Parts() []string {
	var parts []string
	for _, s := range sources {
		parts = append(parts, s.parts...)
	}
	for _, e := range Extras() {
		parts = append(parts, e.Name)
	}
	return parts
}

// Insert puts an extra among others, before the first that comes later in Extras: what
// is recorded does not depend on the order in which extras are given.
func Insert(with []string, extra string) []string {
	place := func(name string) int {
		return slices.IndexFunc(Extras(), func(e Extra) bool { return e.Name == name })
	}
	at := slices.IndexFunc(with, func(other string) bool { return place(other) > place(extra) })
	if at < 0 {
		at = len(with)
	}
	return slices.Insert(slices.Clone(with), at, extra)
}

// Validate returns every problem of the answers, joined, or nil. Each is a
// *Problem; Problems takes them apart.
func (a Answers) Validate() error {
	return errors.Join(
		CheckName(a.Name),
		CheckModule(a.Module),
		CheckTopics(a.Topics),
		CheckGroup(a.Group),
		CheckBrokers(a.Brokers),
		CheckExtras(a.With),
		CheckSource(a.Source),
		CheckExtrasFor(a.Source, a.With),
		CheckBrokersFor(a.Source, a.Brokers),
		CheckSchemas(a.Topics, a.Schemas),
	)
}

// Problem is one refused answer.
type Problem struct { //nolint:errname // p.Error() says what is wrong; the type is what it is
	Question string // the key of the question
	Value    string // the part of the answer that is wrong, as it was given
	Reason   string // what is wrong with it, to follow the value
	Hint     string // what to try
}

// Error tells what was refused and why, in one line. Of a long value it shows
// the beginning.
func (p *Problem) Error() string {
	value := strconv.Quote(p.Value)
	if runes := []rune(value); len(runes) > 80 {
		value = string(runes[:76]) + `…"`
	}
	return fmt.Sprintf("%s: %s %s", p.Question, value, p.Reason)
}

// Problems returns the problems in err, which may be joined or wrapped.
func Problems(err error) []*Problem {
	switch e := err.(type) { //nolint:errorlint // this walks the tree itself
	case nil:
		return nil
	case *Problem:
		return []*Problem{e}
	case interface{ Unwrap() []error }:
		var all []*Problem
		for _, inner := range e.Unwrap() {
			all = append(all, Problems(inner)...)
		}
		return all
	default:
		return Problems(errors.Unwrap(err))
	}
}

// maxName is what a host name's label can hold: a service's name ends up as one.
const maxName = 63

// CheckName checks a service's name: the last part of the target's path.
func CheckName(name string) error {
	p := &Problem{Question: Name, Value: name, Hint: "use letters, digits, - _ and ., and a letter or digit first, as in my-service"}
	switch first := strings.IndexFunc(name, func(r rune) bool { return !isNameChar(r) }); {
	case name == "":
		p.Reason = "is empty"
	case name == "." || name == "..":
		p.Reason = "is not a name"
	case first >= 0:
		p.Reason = "has " + describe(name[first:])
	case !isAlnum(rune(name[0])):
		p.Reason = fmt.Sprintf("starts with %q", name[0])
	case name[len(name)-1] == '.':
		p.Reason = "ends with a dot"
	case strings.Contains(name, "..."):
		p.Reason = "has ..., which go takes for many packages"
	case len(name) > maxName:
		p.Reason = fmt.Sprintf("has %d characters, at most %d are allowed", len(name), maxName)
		p.Hint = "use a shorter name"
	case isWindowsDevice(name):
		p.Reason = "is a device on Windows and cannot be a directory there"
		p.Hint = "use another name"
	default:
		return nil
	}
	return p
}

// maxModule bounds a module path: it becomes part of every package's path.
const maxModule = 255

// CheckModule checks a Go module path.
func CheckModule(path string) error {
	p := &Problem{Question: Module, Value: path, Hint: "use a host and a path, as in example.com/my-service or github.com/me/my-service"}
	var invalid *module.InvalidPathError
	switch err := module.CheckPath(path); {
	case path == "":
		p.Reason = "is empty"
	case errors.As(err, &invalid):
		p.Reason = "is not a module path: " + invalid.Err.Error()
	case err != nil:
		p.Reason = "is not a module path: " + err.Error()
	case len(path) > maxModule:
		p.Reason = fmt.Sprintf("has %d characters, at most %d are allowed", len(path), maxModule)
	case strings.Contains(path, "..."):
		p.Reason = "has ..., which stands for many packages"
	case slices.ContainsFunc(strings.Split(path, "/"), isReservedElement):
		p.Reason = "has an element that go takes for something else: vendor, or one with a dash first"
	default:
		return nil
	}
	return p
}

// isReservedElement reports whether the go command would not find a module's
// packages below a path element of that name.
func isReservedElement(elem string) bool { return elem == "vendor" || elem[0] == '-' }

// CheckExtras checks the names of the wanted extras.
func CheckExtras(with []string) error {
	var names []string
	for _, e := range Extras() {
		names = append(names, e.Name)
	}
	var problems []error
	for i, name := range with {
		p := &Problem{Question: With, Value: name, Hint: "the extras are " + strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]}
		switch {
		case !slices.Contains(names, name):
			p.Reason = "is not an extra"
		case slices.Contains(with[:i], name):
			p.Reason = "is given twice"
		default:
			continue
		}
		problems = append(problems, p)
	}
	return errors.Join(problems...)
}
