package config

import (
	"fmt"
	"iter"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// consumer is what a consumer beside the first is told.
type consumer struct {
	Kafka   Kafka
	sources map[string]string // where that came from which is not the first's
}

// consumerName is what a consumer may be called.
var consumerName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// kafkaPrefix begins the names of the settings that a consumer may have for
// itself: those of Kafka.
const kafkaPrefix = "KAFKA_"

// prefixOf returns what stands before the names of a consumer's own settings
// in the environment.
func prefixOf(consumer string) string {
	return strings.ToUpper(strings.ReplaceAll(consumer, "-", "_")) + "_"
}

// consumerOf is the reverse.
func consumerOf(prefix string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimSuffix(prefix, "_"), "_", "-"))
}

// Consumer returns the settings of the consumer called name: those of c.Kafka,
// and over them its own, which are in the YAML file under consumers and its
// name, or in the environment and .env as NAME_KAFKA_…; what is said of one
// consumer goes over what is said of all, wherever either is said. Its group
// is the first consumer's, "-" and its name, unless it has one of its own.
//
// It panics when name was not given to Load or FromMap.
func (c Config) Consumer(name string) Kafka {
	own, ok := c.consumers[name]
	if !ok {
		panic(fmt.Sprintf("config: no consumer %q: give its name to config.Load, which then checks its settings with the others", name))
	}
	return own.Kafka
}

// config makes the Config that settings describe, and those of its consumers.
func (r *reader) config(settings layer) (Config, error) {
	cfg := r.parse(settings)
	r.check(&cfg)
	cfg.sources = make(map[string]string)
	for name, v := range r.values {
		cfg.sources[name] = v.source()
	}
	cfg.consumers = make(map[string]consumer)
	for _, name := range r.consumers {
		cfg.consumers[name] = r.consumer(name, settings, cfg)
	}
	return cfg, r.err()
}

// consumer makes the settings of one consumer: all of them are read and
// checked again, with its own over the others.
func (r *reader) consumer(name string, settings layer, first Config) consumer {
	p := problems{consumer: name, said: r.lines, own: make(layer)}
	for full, v := range settings {
		if c, rest, ok := r.cutConsumer(full); ok && c == name {
			p.own[rest] = v
		}
	}
	all := p.own.over(settings)
	maps.Copy(all, p.own) // that each hides what is said of all goes without saying
	derived := r.derived(name, p.own, first)
	for name, text := range derived {
		if _, ok := all[name]; !ok || name == "KAFKA_GROUP_ID" {
			all[name] = value{text: text, written: text, name: name, from: fromDefault}
		}
	}
	cfg := p.parse(all)
	p.check(&cfg)
	r.checkGroup(&p, cfg.Kafka, first)
	r.lines = append(r.lines, p.lines...)

	own := consumer{Kafka: cfg.Kafka, sources: make(map[string]string)}
	for f := range kafkaFields(&cfg.Kafka) {
		if p.own.gives(f.Name) || f.Name == "KAFKA_GROUP_ID" {
			own.sources[f.Name] = p.values[f.Name].source()
		}
	}
	return own
}

// derived returns what a consumer's settings are that follow others, so that
// they follow the first consumer's: its group, and the service's name.
func (r *reader) derived(name string, own layer, first Config) map[string]string {
	if r.failed["KAFKA_GROUP_ID"] {
		return nil // to say that again of each consumer would help nobody
	}
	follow := map[string]string{"SERVICE_NAME": first.Service}
	if _, ok := own["KAFKA_GROUP_ID"]; !ok {
		follow["KAFKA_GROUP_ID"] = first.Kafka.GroupID + "-" + name
	}
	return follow
}

// checkGroup refuses a group that another consumer has: its members would be
// given partitions of topics that they do not read.
func (r *reader) checkGroup(p *problems, k Kafka, first Config) {
	if p.failed["KAFKA_GROUP_ID"] || r.failed["KAFKA_GROUP_ID"] {
		return
	}
	taken := func(other Kafka) bool { return other.GroupID == k.GroupID && slices.Equal(other.Brokers, k.Brokers) }
	if taken(first.Kafka) {
		p.add(Setting{Name: "KAFKA_GROUP_ID"}, k.GroupID, "is the first consumer's too; a consumer with topics of its own needs a group of its own")
	}
	for _, other := range slices.Sorted(maps.Keys(first.consumers)) {
		if taken(first.consumers[other].Kafka) {
			p.add(Setting{Name: "KAFKA_GROUP_ID"}, k.GroupID, "is the group of consumer %s too; a consumer with topics of its own needs a group of its own", other)
		}
	}
}

// noConsumer notes settings of a consumer that the service does not have.
func (r *reader) noConsumer(from, name, consumer string) {
	there := "it has none beside the first"
	if len(r.consumers) > 0 {
		there = "it has " + strings.Join(r.consumers, ", ")
	}
	r.note("%s%s: the service has no consumer %q; %s", where(from), name, consumer, there)
}

// kafkaFields yields each setting of k.
func kafkaFields(k *Kafka) iter.Seq[field] {
	return func(yield func(field) bool) { walk(reflect.ValueOf(k).Elem(), yield) }
}
